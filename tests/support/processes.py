"""The program and the sample server as processes of their own, for tests of whole runs.

Everything goes through the command line, as a user would. Nothing here sleeps for a guessed time:
``wait_until`` looks again until a condition holds, and fails when it does not in time.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from tests.support.forking import Forked, forked
from tests.support.record_schema import check_record

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Mapping, Sequence

PYTHON: Final = (sys.executable, "-u")
SCRAPER: Final = (*PYTHON, "-m", "scraper")
"""The program, started as a user starts it."""
TIMEOUT_S: Final = 20.0
"""Longer than anything here takes on a busy machine; only a hang comes to it."""
_LOOK_AGAIN_S: Final = 0.02
Descriptors: TypeAlias = tuple[int, int, int]
"""What a process has as standard input, output and error output."""


class Ended(NamedTuple):
    """How a process ended and what it said."""

    code: int
    """Its exit code; negative the number of the signal that killed it."""
    out: str
    err: str

    @property
    def only_line(self) -> str:
        """The one line that it said on standard error; fails when there is not precisely one."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


class Running:
    """A process under way; ``started`` makes it and sees to its end."""

    def __init__(self, popen: subprocess.Popen[bytes] | Forked, out: Path, err: Path) -> None:
        self.popen = popen
        self.out = out
        """What its standard output goes to, unless that is a pipe (``popen.stdout``)."""
        self.err = err

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return self.popen.poll() is not None

    @property
    def stdin(self) -> IO[bytes]:
        """The writing end of its standard input, unbuffered."""
        assert self.popen.stdin is not None
        return self.popen.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The reading end of its standard output, when it was started with ``reads=True``."""
        assert self.popen.stdout is not None
        return self.popen.stdout

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait(TIMEOUT_S)

    def wait(self) -> Ended:
        """Wait for its end.

        Raises:
            TimeoutExpired: It hangs.
        """
        code = self.popen.wait(TIMEOUT_S)
        out = self.out.read_text() if self.popen.stdout is None else ""
        return Ended(code, out, self.err.read_text())


@contextlib.contextmanager
def started(
    *words: str | Path,
    program: Sequence[str] | None = None,
    module: str = "scraper",
    cwd: Path | None = None,
    pipes: bool = False,
    reads: bool = False,
    most_file_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a program, and kill it if it is still there when the block ends.

    Args:
        words: Its arguments.
        program: The command before them; without one ``module`` is run, which has been imported already
            (``forking``).
        module: What is run without a ``program``.
        cwd: Where it runs.
        pipes: Its standard input is ``stdin``; else it is empty.
        reads: Its standard output is the pipe ``stdout``; else a file.
        most_file_bytes: No file that it writes may grow beyond this (RLIMIT_FSIZE); not with ``program``.
        environment: What is added to its environment.
    """
    given, variables = list(map(str, words)), {**clean_environment(), **(environment or {})}
    with tempfile.TemporaryDirectory(prefix="said-") as folder, contextlib.ExitStack() as theirs:
        out, err = Path(folder, "out"), Path(folder, "err")
        their_stdin, our_stdin = _pipe() if pipes else (io.FileIO(os.devnull), None)
        our_stdout, their_stdout = _pipe() if reads else (None, out.open("wb"))
        ends = [theirs.enter_context(end) for end in (their_stdin, their_stdout, err.open("wb"))]
        stdin, stdout, stderr = (end.fileno() for end in ends)
        popen: subprocess.Popen[bytes] | Forked
        if program is None and not hasattr(os, "fork"):  # Windows
            program = (*PYTHON, "-m", module)
        if program is None:
            popen = forked(
                module,
                given,
                descriptors=(stdin, stdout, stderr),
                environment=variables,
                cwd=cwd,
                most_file_bytes=most_file_bytes,
            )
        else:
            popen = subprocess.Popen(
                [*program, *given], cwd=cwd, env=variables, stdin=stdin, stdout=stdout, stderr=stderr
            )
        popen.stdin, popen.stdout = our_stdin, our_stdout
        theirs.close()
        try:
            yield Running(popen, out, err)
        finally:
            for end in (our_stdin, our_stdout):
                if end is not None:
                    end.close()
            popen.kill()
            popen.wait(TIMEOUT_S)


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    """Return both ends of a pipe without buffers: what is read from, what is written to."""
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb", buffering=0), os.fdopen(writer, "wb", buffering=0)


def scrape(
    *words: str | Path,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    most_file_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run ``scraper`` to its end; the arguments are those of ``started``."""
    with started(
        *words,
        cwd=cwd,
        pipes=stdin is not None,
        most_file_bytes=most_file_bytes,
        environment=environment,
    ) as running:
        if stdin is not None:
            running.stdin.write(stdin)
            running.stdin.close()
        return running.wait()


def clean_environment() -> dict[str, str]:
    """Return ours without settings of ours or of Python's, and with plain, wide output."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("SCRAPER_", "PYTHON"))}
    return kept | {
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def wait_until(
    condition: Callable[[], bool], *, what: str, running: Running | None = None, timeout_s: float = TIMEOUT_S
) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: It does not within ``timeout_s``; the message says ``what`` was waited for.
        ChildProcessError: The process that was to bring it about has ended without.
    """
    until_s = time.monotonic() + timeout_s
    while not condition():
        if running is not None and running.has_ended and not condition():
            raise ChildProcessError(f"it ended without {what}: {running.err.read_text()}")
        if time.monotonic() > until_s:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(_LOOK_AGAIN_S)


class Server:
    """The sample server in another process; it answers ``/bulk/`` on all of 127.0.0.0/8."""

    def __init__(self, port: int, dead_port: int) -> None:
        self.port = port
        self.dead_port = dead_port

    def bulk(
        self, count: int, *, tag: str, hosts: int = 1, delay_s: float = 0.0, size_bytes: int = 600
    ) -> list[str]:
        """Return URLs of pages, spread over the hosts in turn.

        ``tag`` names the test, so that ``asked`` can tell its pages from those of others.
        """
        query = f"size={size_bytes}&delay={delay_s}&{tag}"
        return [
            f"http://127.0.1.{number % hosts + 1}:{self.port}/bulk/{number}?{query}"
            for number in range(count)
        ]

    def asked(self, tag: str) -> Counter[str]:
        """Return how often each of a test's pages was asked for, by URL."""
        found: Counter[str] = Counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/requests", timeout=TIMEOUT_S) as answer:
            for line in answer:
                entry = json.loads(line)
                if entry["path"].endswith(f"&{tag}"):
                    found[f"http://{entry['host']}:{self.port}{entry['path']}"] += 1
        return found

    def wait_for(self, count: int, *, tag: str, running: Running) -> None:
        """Return when a test's program has asked for its pages so many times."""
        wait_until(
            lambda: self.asked(tag).total() >= count, what=f"{count} requests of {tag}", running=running
        )


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Serve the sample site while the block lasts."""
    words = ("--any-host", "--port", "0", "--log")
    with started(*words, module="scraper.demo.server") as running:
        wait_until(lambda: running.out.read_text().endswith("\n"), what="the server", running=running)
        ports = dict(word.split("=") for word in running.out.read_text().split())
        yield Server(int(ports["port"]), int(ports["dead_port"]))


def write_list(path: Path, urls: Sequence[str]) -> Path:
    """Write a list of URLs, one a line, and return its path."""
    path.write_text("".join(f"{url}\n" for url in urls))
    return path


def records_in(path: Path, *, are_whole: bool = True) -> list[dict[str, Any]]:
    """Return the records of a JSON Lines file in its order; fails when a line is torn or no whole record."""
    text = path.read_bytes()
    assert text.endswith(b"\n") or not text, f"{path} ends in a torn line"
    for line in text.splitlines() if are_whole else ():
        check_record(line)
    return [json.loads(line) for line in text.splitlines()]


def lines_in(path: Path) -> int:
    """Return how many whole lines a file has that is perhaps still being written; 0 without the file."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def has_each_once(records: Sequence[dict[str, Any]], urls: Sequence[str]) -> bool:
    """Whether there is one record for each line of the list, with the line's number."""
    return sorted((record["seq"], record["input"]) for record in records) == list(enumerate(urls))


class Noted(NamedTuple):
    """What the state of an unfinished run says."""

    lines: int
    done: int
    output_bytes: int


def noted_in(state: Path) -> Noted:
    """Return how far an unfinished run has come by its state, which is left untouched."""
    with tempfile.TemporaryDirectory(prefix="state-") as folder:
        for name in (state.name, f"{state.name}-wal"):
            if state.with_name(name).exists():
                shutil.copy(state.with_name(name), folder)  # opening it may write to it
        with contextlib.closing(sqlite3.connect(Path(folder, state.name))) as db:
            values = dict(db.execute("SELECT name, value FROM meta").fetchall())
    return Noted(values["lines"], values["done"], values["output_bytes"])
