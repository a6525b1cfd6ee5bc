#!/usr/bin/env python3
"""Runs a gdb script and holds a page to what gdb printed.

The page's blocks marked <!-- gdb --> show parts of the session: a line `(gdb) COMMAND` must be a command of the script, in
the script's order, and each line below it must stand in that command's output, in order; `…` stands for anything.
Exit code 1 if anything differs.
"""
import argparse
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"<!-- gdb -->\s*\n+```\w*\n(.*?)^```", re.S | re.M)


def session_of(output):
    """[(command, its lines)]: with trace-commands on, gdb prints each command behind a plus."""
    session = []
    for line in output.splitlines():
        if line.startswith("+"):
            session.append((line[1:], []))
        elif session:
            session[-1][1].append(line)
    return session


def claims_of(page):
    """[(command, the lines that the page shows below it)]"""
    claims = []
    for block in BLOCK.finditer(page):
        for line in block[1].splitlines():
            if line.startswith("(gdb) "):
                claims.append((line.removeprefix("(gdb) "), []))
            elif claims:
                claims[-1][1].append(line)
    return claims


def is_shown(claimed, line):
    pattern = ".*".join(re.escape(part.strip()) for part in claimed.split("…"))
    return re.fullmatch(pattern, line.strip()) is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("gdb", "script", "page", "program"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    result = subprocess.run([arguments.gdb, "-nx", "-batch", "-x", arguments.script, arguments.program], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(result.stdout)
    session = session_of(result.stdout)
    claims = claims_of(pathlib.Path(arguments.page).read_text())
    wrong, position = 0, 0
    for command, lines in claims:
        names = [name for name, _ in session]
        if command not in names[position:]:
            wrong += 1
            print(f"not in the session here: {command}")
            continue
        position = names.index(command, position)
        output = iter(session[position][1])
        position += 1
        for line in lines:
            if line.strip() not in ("", "…") and not any(is_shown(line, printed) for printed in output):
                wrong += 1
                print(f"not printed by {command}: {line}")
    print(f"{len(claims)} commands on the page, {wrong} differences")
    return 1 if wrong or not claims or result.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
