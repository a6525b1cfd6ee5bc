#!/usr/bin/env python3
"""usage: file_server.py FOLDER PORT_FILE [--no-ranges] [--stop-after BYTES] [--web-page]

Serves FOLDER on a free port of this machine, for the tests of downloads, and writes the port into PORT_FILE. It knows
ranges (unless told not to), can break off the first answer that is longer than BYTES, and can answer everything with a
web page, as networks with a login do. Requests are noted in PORT_FILE.log. It ends with the process that started it."""
import argparse
import http.server
import os
import pathlib
import re
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    broken_off = False

    def do_GET(self):
        options = self.server.options
        asked = self.headers.get("Range", "")
        with open(options.port_file + ".log", "a") as log:
            log.write(f"{self.path} {asked}\n")
        file = pathlib.Path(options.folder, self.path.lstrip("/"))
        if options.web_page:
            return self.answer(200, b"<html>please log in</html>", 0)
        if not file.is_file():
            return self.answer(404, b"", 0)
        body = file.read_bytes()
        begin = re.fullmatch(r"bytes=(\d+)-", asked)
        if begin and not options.no_ranges:
            start = int(begin[1])
            return self.answer(416, b"", 0) if start >= len(body) else self.answer(206, body, start)
        self.answer(200, body, 0)

    def answer(self, status, body, start):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        sent = body[start:]
        limit = self.server.options.stop_after
        if limit and len(sent) > limit and not Handler.broken_off:
            Handler.broken_off = True
            sent = sent[:limit]
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("port_file")
    parser.add_argument("--no-ranges", action="store_true")
    parser.add_argument("--stop-after", type=int, default=0)
    parser.add_argument("--web-page", action="store_true")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.options = parser.parse_args()
    parent = os.getppid()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    written = pathlib.Path(server.options.port_file + ".new")
    written.write_text(str(server.server_port))
    written.rename(server.options.port_file)
    while os.getppid() == parent:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
