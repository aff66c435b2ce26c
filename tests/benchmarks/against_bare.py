"""How much the program costs over a bare script that does the same work: ``bare.py``.

    python tests/benchmarks/against_bare.py [--pages 20000] [--hosts 500] [--size 1024] [--rounds 5]

Starts the sample server, then runs both in turn over one list, each as a whole process from its start to
its exit, and counts what they wrote. The two of a round follow each other at once and change places from
round to round, so that what else the machine does meets both; the ratio is taken pair by pair. Processor
time is given beside the elapsed: on a busy machine it is the steadier. The server takes part in neither
but shares the machine. The exit code is 1 when a record is missing.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.processes import PYTHON, SCRAPER, started, wait_until, write_list

if TYPE_CHECKING:
    from collections.abc import Sequence

say = functools.partial(print, flush=True)  # the table is the program's output
SERVER = (*PYTHON, "-m", "scraper.demo.server")
BARE = (*PYTHON, str(Path(__file__).with_name("bare.py")))
LIBRARIES = ("aiohttp", "msgspec", "turbohtml", "uvloop")
HOSTS_PER_NET = 250


class Took(NamedTuple):
    """One run of one of the two, as a whole process."""

    elapsed_s: float
    processor_s: float
    """User and system time of the process and its threads."""
    records: int
    """Of pages that were fetched well."""


class Pair(NamedTuple):
    """The two runs of a round."""

    program: Took
    bare: Took

    @property
    def ratio(self) -> float:
        """The program's elapsed time over the bare script's."""
        return self.program.elapsed_s / self.bare.elapsed_s

    @property
    def processor_ratio(self) -> float:
        """The same of the processor time."""
        return self.program.processor_s / self.bare.processor_s


def bulk_urls(count: int, *, port: int, hosts: int, size_bytes: int) -> list[str]:
    """Return URLs of pages of the sample server, spread over loopback addresses in turn."""
    names = [f"127.1.{1 + n // HOSTS_PER_NET}.{1 + n % HOSTS_PER_NET}" for n in range(hosts)]
    return [f"http://{names[n % hosts]}:{port}/bulk/{n}?size={size_bytes}" for n in range(count)]


def good_records(path: Path, *, mark: bytes) -> int:
    """Return how many lines of an output hold a mark.

    Raises:
        SystemExit: The last line is torn.
    """
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise SystemExit(f"{path.name} ends in a torn line")
    return sum(mark in line for line in content.splitlines())


def timed(*words: str | Path, program: Sequence[str]) -> tuple[float, float]:
    """Run a program to its end; return its elapsed and its processor time in seconds.

    Raises:
        SystemExit: It failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began_s = time.perf_counter()
    with started(*words, program=program) as running:
        code = running.popen.wait()
        elapsed_s = time.perf_counter() - began_s
        if code:
            raise SystemExit(f"{' '.join(program)} ended with {code}: {running.err.read_text()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed_s, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run_program(listed: Path, folder: Path) -> Took:
    """Run ``scraper crawl`` over a list."""
    output = folder / "program.jsonl"
    flags = ("--fresh", "--delay", "0", "--per-host", "8", "-q")
    times = timed("crawl", listed, "-o", output, *flags, program=SCRAPER)
    return Took(*times, good_records(output, mark=b'"outcome":"ok"'))


def run_bare(listed: Path, folder: Path) -> Took:
    """Run the bare script over a list."""
    output = folder / "bare.jsonl"
    times = timed(listed, output, program=BARE)
    return Took(*times, good_records(output, mark=b'"status":200'))


def run_pair(listed: Path, folder: Path, *, bare_first: bool) -> Pair:
    """Run both, one after the other."""
    if bare_first:
        bare = run_bare(listed, folder)
        return Pair(run_program(listed, folder), bare)
    program = run_program(listed, folder)
    return Pair(program, run_bare(listed, folder))


def machine() -> str:
    """Name what was measured on: two lines for people."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return (
        f"{model}, {os.cpu_count()} processors, {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, scraper {importlib.metadata.version('scraper')}, {versions}"
    )


def summary(pairs: Sequence[Pair], *, pages: int) -> str:
    """Put medians, rates and the ratios of the pairs into lines for people."""
    lines = []
    for name, runs in (
        ("program", [pair.program for pair in pairs]),
        ("bare", [pair.bare for pair in pairs]),
    ):
        elapsed_s = statistics.median(run.elapsed_s for run in runs)
        processor_s = statistics.median(run.processor_s for run in runs)
        lines.append(
            f"{name:<8} median {elapsed_s:6.2f} s, {pages / elapsed_s:7.0f} pages/s, "
            f"processor {processor_s:6.2f} s, {1e6 * processor_s / pages:5.0f} µs a page"
        )
    for name, ratios in (
        ("elapsed", [pair.ratio for pair in pairs]),
        ("processor", [pair.processor_ratio for pair in pairs]),
    ):
        lines.append(
            f"ratio of {name:<10} median {statistics.median(ratios):.2f}, "
            f"{min(ratios):.2f} to {max(ratios):.2f}"
        )
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default, most, text in (
        ("--pages", 20_000, 10_000_000, "lines of the list"),
        ("--hosts", 500, 250 * HOSTS_PER_NET, "loopback addresses they are spread over"),
        ("--size", 1024, 8 * 1024 * 1024, "bytes of a page"),
        ("--rounds", 5, 1000, "runs of each"),
    ):
        parser.add_argument(
            name, type=int, default=default, help=f"{text}, {default} unless told", metavar="N"
        )
        parser.set_defaults(**{f"most_{name[2:]}": most})
    options = parser.parse_args()
    for name in ("pages", "hosts", "size", "rounds"):
        if not 1 <= getattr(options, name) <= getattr(options, f"most_{name}"):
            parser.error(f"--{name} is 1 to {getattr(options, f'most_{name}')}")
    return options


def main() -> int:
    """Measure, print the table, and return the exit code."""
    options = arguments()
    say(machine())
    say(f"load before: {os.getloadavg()[0]:.2f}")
    with (
        tempfile.TemporaryDirectory(prefix="against-bare-") as name,
        started("--any-host", program=SERVER) as server,
    ):
        wait_until(lambda: server.out.read_text().endswith("\n"), what="the server", running=server)
        port = int(server.out.read_text().split()[0].removeprefix("port="))
        folder = Path(name)
        urls = bulk_urls(options.pages, port=port, hosts=options.hosts, size_bytes=options.size)
        # One page each: compiles what is to be compiled, and tells what a start costs.
        first = run_pair(write_list(folder / "one.txt", urls[:1]), folder, bare_first=True)
        say(f"one page: program {first.program.elapsed_s:.2f} s, bare {first.bare.elapsed_s:.2f} s")
        listed = write_list(folder / "urls.txt", urls)
        say(f"{options.pages} pages of {options.size} bytes, {options.hosts} hosts")
        say("round program s  bare s  ratio  processor s: program    bare  ratio")
        pairs = []
        for number in range(options.rounds):
            pair = run_pair(listed, folder, bare_first=bool(number % 2))
            pairs.append(pair)
            program, bare = pair
            say(
                f"{number + 1:>5} {program.elapsed_s:>9.2f} {bare.elapsed_s:>7.2f} {pair.ratio:>6.2f} "
                f"{program.processor_s:>21.2f} {bare.processor_s:>7.2f} {pair.processor_ratio:>6.2f}"
            )
    say(summary(pairs, pages=options.pages))
    say(f"load after: {os.getloadavg()[0]:.2f}")
    short = [f"{took.records} records" for pair in pairs for took in pair if took.records != options.pages]
    say(f"records are missing: {', '.join(short)}" if short else f"each run gave all {options.pages} records")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
