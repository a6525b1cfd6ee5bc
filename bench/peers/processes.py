"""Processes that answer lines with lines, of which one at a time runs: the others are stopped (SIGSTOP), so that no
thread of theirs spins or wakes while one is measured."""
import atexit
import contextlib
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
    """Started with its own process group (compilers that a framework starts are stopped with it). `name` is what errors
    call it; its stderr goes to the end of the file `log`."""

    def __init__(self, name, command, log, environment=None, timeout=600):
        self.name, self.timeout, self.log_path = name, timeout, log
        self.started = time.perf_counter()
        with open(log, "ab") as stderr:
            self.log_start = stderr.tell()  # what stands before it, another process has said
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
            raise PeerError(self._end()) from None
        return self._answer()

    def _answer(self):
        end = time.monotonic() + self.timeout
        while b"\n" not in self.buffer:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise PeerError(f"{self.name} gave no answer in {self.timeout} s")
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                raise PeerError(self._end())
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{self.name}: {answer['error']}")
        return answer

    def _end(self):
        """How it came to its end, and the last that it wrote to stderr: what whoever reads the error has to go by."""
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            how = "closed its output"
        else:
            how = f"ended with {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
            if code == -signal.SIGKILL:
                how += " (the system kills so where memory runs out)"
        return f"{self.name} {how}; {self._last_words()}"

    def _last_words(self):
        with open(self.log_path, "rb") as log:
            log.seek(self.log_start)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        return f"the last that it said: {lines[-1]}" if lines else "it said nothing"

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
        with contextlib.suppress(BrokenPipeError):  # closing would still write a command that a dead process never read
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
