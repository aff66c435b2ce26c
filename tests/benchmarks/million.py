"""Whether memory and the time for a line grow with the list: 10,000, 100,000 and 1,000,000 lines.

    python tests/benchmarks/million.py [--lines 10000 100000 1000000] [--hosts 10000] [--most 1.3]
    python tests/benchmarks/million.py --held --lines 1000000

**The network is faked**: in place of HTTP stands a fetcher in the same process that answers every page at
once with a small one and every robots.txt with 404. All else is the real program, started by its command
line with its default settings but for a delay of 0, so that no host's politeness binds: list, state,
robots.txt, parsing, record, journal and progress. So the figures say what the program itself takes, not how
fast a crawl is.

Each list is crawled by a process of its own. For each tenth of the list it prints the time and the processor
time a line and the memory; then the time until the list was read, the peak memory (``VmHWM``: Linux only)
and the largest size of the state. Every line has to have one record; the output is read as a stream for that.
The exit code is 1 when one is missing, when the peak of the longest list is more than ``--most`` times that
of the shortest or than 250 MB, or when its last tenth took more than ``--most`` times the processor time of
its second.

``--held`` measures the reading of the list alone: no page is answered before it is read, and then the program
is stopped as by Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from scraper.cli import main as command_line
from scraper.cli import running
from scraper.fetch import http
from scraper.messages import Response
from scraper.observe.counts import Counts
from scraper.observe.events import Event, RunEnded, RunStarted, Sealed, Written
from tests.support.memory import memory_bytes
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

say = functools.partial(print, flush=True)  # the table is the program's output
_PARTS = 10
_MOST_BYTES = 250_000_000
_PAGE = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>Page {0}</title>"
    "<meta name=description content='The page {0} of a list'><link rel=canonical href='{0}'></head>"
    "<body><h1>Page {0}</h1><p>A few words, and <a href='/next'>a link</a>.</p></body></html>"
)


def url_of(line: int, *, hosts: int) -> str:
    """Return what stands in a line of the list; lines next to each other are of different hosts."""
    return f"https://www.host-{line % hosts:05}.example/articles/{line // hosts}?line={line}"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """How the program stood at a moment."""

    lines: int
    at_s: float
    processor_s: float
    resident_bytes: int


class Report(msgspec.Struct, kw_only=True):
    """What the program tells of its run."""

    began: Sample | None = None
    sealed: Sample | None = None
    """When the list was read."""
    parts: list[Sample] = []
    """When each tenth of the records was written."""
    ended: Sample | None = None
    peak_bytes: int = 0
    state_bytes: int = 0
    """The most that the state and its log took, as far as it was looked at."""


# --- in the program's process ---------------------------------------------------------------------


class Answers:
    """Stands where the program has its HTTP client."""

    def __init__(self, gate: asyncio.Event) -> None:
        self._gate = gate
        self._now = datetime.now(UTC)

    @contextlib.asynccontextmanager
    async def open(self, *_: object, **__: object) -> AsyncIterator[Self]:
        """Stand where ``HttpFetcher.open`` is called."""
        yield self

    def phase_of(self, _: str) -> str:
        """Return what a worker waits for."""
        return "the fake"

    async def fetch(self, url: str, *, departs: Callable[[], None], **_: object) -> Response:
        """Answer when the gate is open, after a turn of the loop as a real answer would."""
        departs()
        await asyncio.sleep(0)
        await self._gate.wait()
        is_page = not url.endswith("/robots.txt")
        body = _PAGE.format(url).encode() if is_page else b""
        return Response(
            url=url,
            status=200 if is_page else 404,
            reason="OK" if is_page else "Not Found",
            http_version="1.1",
            headers=(("content-type", "text/html; charset=utf-8"), ("content-length", str(len(body)))),
            body=body,
            wire_bytes=len(body),
            truncated=False,
            ip="192.0.2.1",
            fetched_at=self._now,
            elapsed_s=0.001,
            dns_s=0.0,
            connect_s=0.0,
            first_byte_s=0.0005,
            download_s=0.0005,
        )


class Watch(Counts):
    """The program's own counts, which also note when each tenth was written."""

    def __init__(self, *, state: Path, lines: int, gate: asyncio.Event, report: Report, **rest: Any) -> None:
        super().__init__(**rest)
        self._state = state
        self._lines = lines
        self._gate = gate
        self._report = report
        self._done = 0

    def notice(self, event: Event) -> None:
        """Note the moments of the report."""
        super().notice(event)
        report = self._report
        if isinstance(event, RunStarted):
            report.began = self._sample()
        elif isinstance(event, Sealed):
            report.sealed = self._sample()
            if not self._gate.is_set():
                self._gate.set()
                signal.raise_signal(signal.SIGINT)
        elif isinstance(event, Written):
            self._done += len(event.records)
            if self._done * _PARTS >= self._lines * (len(report.parts) + 1):
                report.parts.append(self._sample())
        elif isinstance(event, RunEnded):
            report.ended = self._sample()

    def _sample(self) -> Sample:
        sides = (self._state, self._state.with_name(f"{self._state.name}-wal"))
        size_bytes = sum(path.stat().st_size for path in sides if path.exists())
        self._report.state_bytes = max(self._report.state_bytes, size_bytes)
        return Sample(
            lines=self._done,
            at_s=time.monotonic(),
            processor_s=time.process_time(),
            resident_bytes=memory_bytes("VmRSS"),
        )


def be_the_program(source: str, output: str, report_to: str, lines: int, *, held: bool) -> int:
    """Run the command line with the fake in place of HTTP, write the report and return the exit code."""
    report, gate = Report(), asyncio.Event()
    if not held:
        gate.set()
    state = Path(f"{output}.state")
    setattr(http, "HttpFetcher", Answers(gate))  # noqa: B010 - no type would be right
    watch = functools.partial(Watch, state=state, lines=lines, gate=gate, report=report)
    setattr(running, "Counts", watch)  # noqa: B010
    code = command_line.main(["crawl", source, "-o", output, "--delay", "0"])
    report.peak_bytes = memory_bytes("VmHWM")
    Path(report_to).write_bytes(msgspec.json.encode(report))
    return code


# --- around it ------------------------------------------------------------------------------------


def crawled(lines: int, hosts: int, *, folder: Path, held: bool) -> tuple[Report, list[str]]:
    """Crawl a list of so many lines; return what the program tells and what is wrong with the output."""
    source, output, told = (folder / f"{lines}.{end}" for end in ("txt", "jsonl", "report"))
    with source.open("w") as file:
        file.writelines(f"{url_of(line, hosts=hosts)}\n" for line in range(lines))
    words = [sys.executable, __file__, "--program", source, output, told, "--lines", lines]
    errors = folder / f"{lines}.err"
    with errors.open("wb") as stream:
        code = subprocess.run(
            [*map(str, words), *(["--held"] if held else [])],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stderr=stream,
            check=False,
        ).returncode
    if code != (128 + signal.SIGINT if held else 0):
        raise SystemExit(f"the program ended with {code}: {errors.read_text()}")
    report = msgspec.json.decode(told.read_bytes(), type=Report)
    wrong = [] if held else missing(output, lines, hosts=hosts)
    for path in folder.glob(f"{lines}.*"):
        path.unlink()
    return report, wrong


class Told(msgspec.Struct, frozen=True):
    """What is looked at in a record."""

    seq: int
    input: str
    outcome: str


def told(output: Path) -> Iterator[Told]:
    """Give the records of an output, one in memory at a time."""
    decode = msgspec.json.Decoder(Told).decode
    with output.open("rb") as file:
        yield from map(decode, file)


def missing(output: Path, lines: int, *, hosts: int) -> list[str]:
    """Return what is wrong with an output: each line of the list has to have one good record."""
    seen = bytearray(lines)
    wrong: list[str] = []
    for record in told(output):
        if record.outcome != "ok" or record.input != url_of(record.seq, hosts=hosts) or seen[record.seq]:
            wrong.append(f"record {record.seq} is doubled, not ok or of another line")
        seen[record.seq] = 1
    if lost := seen.count(0):
        wrong.append(f"{lost:,} lines have no record")
    return wrong[:5]


def table(report: Report, lines: int) -> None:
    """Print what a run came to."""
    assert report.began is not None
    assert report.sealed is not None
    assert report.ended is not None
    before = report.began
    for number, part in enumerate(report.parts, 1):
        done = part.lines - before.lines
        wall_us = (part.at_s - before.at_s) / done * 1e6
        processor_us = (part.processor_s - before.processor_s) / done * 1e6
        resident = f"{part.resident_bytes / 1e6:.0f} MB"
        say(
            f"  part {number:>2}: {wall_us:>6.0f} us a line, {processor_us:>6.0f} us of processor, {resident}"
        )
        before = part
    read_s = report.sealed.at_s - report.began.at_s
    read_processor_s = report.sealed.processor_s - report.began.processor_s
    say(
        f"  list read after {read_s:.1f} s ({lines / read_s:,.0f} lines/s), {read_processor_s:.1f} s of "
        f"processor, with {report.sealed.lines:,} records written by then"
    )
    say(
        f"  all of it {report.ended.at_s - report.began.at_s:.1f} s, "
        f"{report.ended.processor_s - report.began.processor_s:.1f} s of processor; "
        f"peak {report.peak_bytes / 1e6:.0f} MB; state {report.state_bytes / 1e6:.1f} MB"
    )


def part_processor_s(report: Report, number: int) -> float:
    """Return the processor time of a tenth, counted from 0; not of the first, which has the start in it."""
    return report.parts[number].processor_s - report.parts[number - 1].processor_s


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--most", type=float, default=1.3)
    parser.add_argument(
        "--held", action="store_true", help="only read the list, and answer nothing meanwhile"
    )
    parser.add_argument("--program", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        source, output, report_to = options.program
        return be_the_program(source, output, report_to, options.lines[0], held=options.held)
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        for lines in options.lines:
            say(f"{lines:,} lines over {min(lines, options.hosts):,} hosts")
            report, wrong = crawled(lines, options.hosts, folder=Path(folder), held=options.held)
            table(report, lines)
            if wrong:
                say("\n".join(wrong))
                return 1
            reports.append(report)
    if options.held or len(reports) == 1:
        return 0
    shortest, longest = reports[0], reports[-1]
    memory = longest.peak_bytes / shortest.peak_bytes
    slower = part_processor_s(longest, 9) / part_processor_s(longest, 1)
    say(f"longest over shortest: memory {memory:.2f}")
    say(f"last tenth of the longest over its second: processor time {slower:.2f}")
    return int(max(memory, slower) > options.most or longest.peak_bytes > _MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
