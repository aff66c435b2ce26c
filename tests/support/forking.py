"""The program in processes that need not import it: each is forked from one that has imported it already.

A start of Python with all of the program takes longer than most tests of a whole run. What is forked is a
process like any other: signals, kills, limits and its end are real. Not seen is only what happens before the
command line is read, and what a library reads from the environment when it is imported (``SSL_CERT_FILE``):
tests of these start Python anew.

As a program, with the number of a socket's descriptor: the process that forks, until that socket is closed.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.processes import Descriptors

_ROOT: Final = Path(__file__).parents[2]
_MOST_BYTES: Final = 1 << 20
_IMPORTED: Final = (
    "scraper.assembly",
    *(
        f"scraper.cli.{name}"
        for name in ("compare", "config", "crawl", "demo", "main", "plan", "schedule", "schema")
    ),
    "scraper.demo.server",
    "scraper.schedule.daemon",
)


class Forked:
    """A running program; the part of ``subprocess.Popen`` that tests use."""

    def __init__(self, line: socket.socket, *, words: Sequence[str]) -> None:
        self._line = line
        self._words = words
        self.pid = int(line.recv(32))
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None

    def poll(self) -> int | None:
        """Return its exit code, negative the number of a signal; ``None`` while it runs."""
        with contextlib.suppress(BlockingIOError):
            self._receive(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code.

        Raises:
            TimeoutExpired: It has not ended after ``timeout`` seconds.
        """
        try:
            return self._receive(timeout)
        except TimeoutError:
            assert timeout is not None
            raise subprocess.TimeoutExpired(list(self._words), timeout) from None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            # Ended since: its number is still its own, or a moment ago was.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _receive(self, timeout_s: float | None) -> int:
        if self.returncode is None:
            self._line.settimeout(timeout_s)
            told = self._line.recv(32)
            assert told, "what waits for the program was ended"
            self.returncode = int(told)
            self._line.close()
        return self.returncode


def forked(
    module: str,
    words: Sequence[str],
    *,
    descriptors: Descriptors,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    most_file_bytes: int | None = None,
) -> Forked:
    """Run ``python -u -m MODULE WORDS`` in a process of its own.

    Args:
        module: A package or module that runs as a program.
        words: Its arguments.
        descriptors: What its standard input, output and error output are; they stay the caller's.
        environment: All of its environment.
        cwd: Where it runs.
        most_file_bytes: No file that it writes may grow beyond this (RLIMIT_FSIZE).
    """
    order = {
        "module": module,
        "words": list(words),
        "environment": dict(environment),
        "cwd": str(cwd or Path.cwd()),
        "most_file_bytes": most_file_bytes,
    }
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(_forker(), [json.dumps(order).encode()], [*descriptors, theirs.fileno()])
    return Forked(ours, words=words)


@cache
def _forker() -> socket.socket:
    """Start the process that forks; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("SCRAPER_", "COV_"))}
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.support.forking", str(theirs.fileno())],
            cwd=_ROOT,
            env=kept,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(line: socket.socket) -> dict[str, Any] | None:
    """Fork for each order: ``None`` when the orders have ended, in a forked process what it is to do."""
    # From the keyboard it would end before those who use it do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # a collection in a forked process would copy all that it looks at
    while True:
        told, descriptors, _, _ = socket.recv_fds(line, _MOST_BYTES, 4)
        if not told:
            return None
        keeper = os.fork()
        if keeper == 0:
            line.close()
            return _kept(json.loads(told), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):  # there are none
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def _kept(order: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Fork again; the first of the two processes tells of the other's end, the other returns."""
    *standard, told_to = descriptors
    program = os.fork()
    if program == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
        os.closerange(3, max(descriptors) + 1)
        return order
    for descriptor in standard:
        os.close(descriptor)
    with socket.socket(fileno=told_to) as line, contextlib.suppress(BrokenPipeError):
        line.send(str(program).encode())
        _, status = os.waitpid(program, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(order: dict[str, Any]) -> None:
    """Make of this process what a start of Python would have made."""
    # These know what the old descriptors were: a pipe or a terminal, where in a file they stood.
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(  # type: ignore[misc]  # that is how it is replaced
        io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8"
    )
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = io.TextIOWrapper(
            io.FileIO(number, "w", closefd=False),  # without a buffer, as by -u
            encoding="utf-8",
            errors="strict" if number == 1 else "backslashreplace",
            write_through=True,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["words"]]
    if order["most_file_bytes"] is not None:
        import resource  # noqa: PLC0415 - there is none on Windows

        sys.dont_write_bytecode = True  # a compiled module cut short breaks all that follow
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["most_file_bytes"],) * 2)


if __name__ == "__main__":
    for name in _IMPORTED:
        importlib.import_module(name)
    found = _serve(socket.socket(fileno=int(sys.argv[1])))
    if found is not None:
        _become(found)
        # Else runpy would find the module imported by another name, and warn.
        sys.modules.pop(found["module"] if found["module"] != "scraper" else "scraper.__main__", None)
        runpy.run_module(found["module"], run_name="__main__", alter_sys=True)
