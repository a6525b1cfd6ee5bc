"""Processes that answer lines with lines, of which one at a time runs: the others are stopped (SIGSTOP), so that no
thread of theirs spins or wakes while one is measured."""
import atexit
import ctypes
import json
import os
import select
import signal
import subprocess
import time

alive = set()


def die_with_parent():
    """A stopped process would outlive a driver that was killed, with all its memory (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class PeerError(Exception):
    """A process that ended, did not answer in time, or answered with an error."""


class Process:
    """Started with its own process group (compilers that a framework starts are stopped with it)."""

    def __init__(self, command, log, environment=None, timeout=600):
        self.timeout, self.log_path = timeout, log
        self.started = time.perf_counter()
        with open(log, "ab") as stderr:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=stderr, start_new_session=True, preexec_fn=die_with_parent,
                                            env={**os.environ, **(environment or {})})
        alive.add(self)
        self.buffer = b""
        try:
            self.ready = self._answer()["ready"]
        except PeerError:
            self.stop()
            raise

    def ask(self, line):
        """The answer to a command, as a dict."""
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"it has ended: {self._last_words()}") from None
        return self._answer()

    def _answer(self):
        end = time.monotonic() + self.timeout
        while b"\n" not in self.buffer:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise PeerError(f"no answer in {self.timeout} s")
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                raise PeerError(f"it has ended: {self._last_words()}")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def _last_words(self):
        with open(self.log_path, errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        alive.discard(self)
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def resident_bytes(self, what="VmRSS"):
        """VmRSS: now; VmHWM: the most since forget_peak()."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))

    def forget_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")


@atexit.register
def stop_all():
    for process in list(alive):
        process.stop()
