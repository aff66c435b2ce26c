"""The program beside its peers on the same pages, in one run.

    python -m tests.benchmarks.beside_peers [--rounds 3] [--scale 0.2] [--only 'ours*,bare'] [--pages real]

``make bench`` installs the others first. One that is not there costs a line, not the table. The exit code is
1 when a run was void, 2 when nothing can be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from tests.benchmarks.benchmark_page import Machine, Measured, benchmark_page, versions_line
from tests.benchmarks.chart import chart
from tests.benchmarks.contenders import (
    BARE,
    CHARTED,
    CONTENDERS,
    PEERS_PYTHON,
    VoidError,
    checked,
    chosen,
    differing,
    versions,
)
from tests.benchmarks.corpus import KINDS, Kind, hosts, laid_out
from tests.benchmarks.figures import HEAD, Run, figure
from tests.benchmarks.measuring import FailedError, run
from tests.benchmarks.web_server import ServerMissingError, server_version, web_server
from tests.fidelity.table import plain
from tests.support.processes import write_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from tests.benchmarks.contenders import Contender, Essence
    from tests.benchmarks.corpus import Corpus

_DOCS: Final = Path(__file__).parents[2] / "docs"


def say(text: str) -> None:
    """Write a line at once: the measuring takes long."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Bench:
    """The measuring of some programs over some kinds of pages; collects what there is to remark."""

    def __init__(self, contenders: Sequence[Contender], *, rounds: int, scale: float, folder: Path) -> None:
        self._contenders = contenders
        self._rounds = rounds
        self._scale = scale
        self._folder = folder
        self._told: set[tuple[str, str]] = set()
        self.void: list[str] = []
        """Runs that do not count."""
        self.remarks: list[str] = []
        """What else is to be known of the figures."""

    def measured(self, corpus: Corpus, *, port: int) -> Measured:
        """Measure all programs over one kind of pages."""
        urls = corpus.urls(port, scale=self._scale)
        kind = corpus.kind
        say(
            f"\n{kind.name}: {len(urls):,} lines, {len(corpus.paths)} pages of {corpus.mean_bytes:,.0f} bytes"
        )
        starts_s: dict[str, float] = {}
        for contender in (*self._contenders, *self._contenders):  # the first run of each compiles its modules
            if one_page := self._run(contender, urls[:1], kind=kind, known={}):
                starts_s[contender.key] = one_page.took.elapsed_s
        rounds: list[dict[str, Run]] = []
        for number in range(self._rounds):
            first = number % len(self._contenders)
            known: dict[str, Essence] = {}
            found: dict[str, Run] = {}
            for contender in (*self._contenders[first:], *self._contenders[:first]):
                listed = urls[: max(1, round(len(urls) * contender.share))]
                if (one := self._run(contender, listed, kind=kind, known=known)) is not None:
                    found[contender.key] = one
                    say(f"  round {number + 1}  {contender.key:<12} {one.rate:8.1f} pages/s")
            rounds.append(found)
        figures = [
            found_figure
            for contender in self._contenders
            if (
                found_figure := figure(
                    contender.label,
                    contender.key,
                    rounds,
                    yardstick=BARE,
                    start_s=starts_s.get(contender.key, 0.0),
                )
            )
        ]
        return Measured(kind.name, len(urls), kind.hosts, len(corpus.paths), corpus.mean_bytes, figures)

    def _run(
        self, contender: Contender, urls: Sequence[str], *, kind: Kind, known: dict[str, Essence]
    ) -> Run | None:
        """Run one once and judge its output; ``known`` is what those before it have said of the pages."""
        output = self._folder / "out.jsonl"
        output.unlink(missing_ok=True)
        try:
            took = run(contender.words(write_list(self._folder / "urls.txt", urls), output))
            said = checked(output, urls)
        except (FailedError, VoidError) as failed:
            self.void.append(f"{kind.name}, {contender.key}: {failed}")
            say(f"  void: {contender.key}: {failed}")
            return None
        others = differing(said, known)
        if others and (kind.name, contender.key) not in self._told:
            self._told.add((kind.name, contender.key))
            self.remarks.append(
                f"{contender.label} gives another title or number of headings than the programs before it "
                f"for {len(others)} of {len(urls)} lines of {kind.name}."
            )
        known |= {url: essence for url, essence in said.items() if url not in known}
        return Run(len(urls), took)


def present(contenders: Sequence[Contender], found: dict[str, str]) -> tuple[list[Contender], list[str]]:
    """Return those that can be run, and a remark for each of the others."""
    there = [one for one in contenders if not one.needs or one.needs in found]
    missing = [one for one in contenders if one not in there]
    return there, [
        f"Left out: {one.label}, since {one.needs} is not installed under .bench" for one in missing
    ]


def machine() -> Machine:
    """Describe what is measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    system = platform.system()
    with contextlib.suppress(OSError):
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return Machine(
        models[0] if models else platform.processor() or platform.machine(),
        os.cpu_count() or 1,
        system,
        server_version(),
        versions(sys.executable),
        versions(str(PEERS_PYTHON)),
    )


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="tests.benchmarks.beside_peers", description=(__doc__ or "").partition("\n")[0]
    )
    keys = ", ".join(one.key for one in CONTENDERS)
    parser.add_argument(
        "--rounds", type=int, default=5, help="runs of each program over each list, %(default)s"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the lists' lengths, %(default)s")
    parser.add_argument("--only", default="*", metavar="NAMES", help=f"of {keys}; 'ours*' is all that match")
    parser.add_argument("--pages", default=",".join(KINDS), metavar="KINDS", help="of %(default)s")
    parser.add_argument("--write", action="store_true", help="write the page and its chart")
    options = parser.parse_args(words)
    if options.rounds < 1 or not 0 < options.scale <= 100:
        parser.error("--rounds is at least 1, --scale above 0 and at most 100")
    try:
        options.contenders = chosen(options.only)
        options.kinds = [KINDS[name.strip()] for name in options.pages.split(",")]
    except ValueError as wrong:
        parser.error(f"--only: {wrong}")
    except KeyError as wrong:
        parser.error(f"--pages: there are no pages {wrong}, only {', '.join(KINDS)}")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    options = arguments(words)
    described = machine()
    contenders, remarks = present(options.contenders, dict(described.peers))
    with tempfile.TemporaryDirectory(prefix="beside-peers-") as name:
        folder = Path(name)
        root = folder / "www"
        root.mkdir()
        corpora = []
        for kind in options.kinds:
            corpus = laid_out(kind, root)
            if corpus is None:
                remarks.append(f"Left out: {kind.name} pages, since {kind.remedy}")
            else:
                corpora.append(corpus)
        bench = Bench(contenders, rounds=options.rounds, scale=options.scale, folder=folder)
        try:
            with web_server(folder, addresses=hosts(max(kind.hosts for kind in options.kinds))) as port:
                say(f"{described.processor}, {described.cores} cores, {described.system}, {described.server}")
                say(f"scraper: {versions_line(described.own)}\npeers: {versions_line(described.peers)}")
                groups = [bench.measured(corpus, port=port) for corpus in corpora]
        except ServerMissingError as missing:
            sys.stderr.write(f"{missing}\n")
            return 2
    for group in groups:
        say(f"\n{group.title}\n\n{plain([list(HEAD), *(one.row for one in group.figures)])}")
    remarks += bench.remarks
    for remark in (*remarks, *(f"Void: {one}" for one in bench.void)):
        sys.stderr.write(f"{remark}\n")
    if options.write and bench.void:
        sys.stderr.write("docs/explanation/benchmarks.md stays as it was: a run was void\n")
    elif options.write:
        page = benchmark_page(groups, described, rounds=options.rounds, remarks=remarks)
        (_DOCS / "explanation/benchmarks.md").write_text(page, encoding="utf-8")
        charted = {one.label for one in CONTENDERS if one.key in CHARTED}
        bars = [[one for one in group.figures if one.label in charted] for group in groups]
        drawn = chart(
            [(f"{group.title}: pages a second", some) for group, some in zip(groups, bars, strict=True)]
        )
        (_DOCS / "images" / "benchmarks.svg").write_text(drawn, encoding="utf-8")
    return 1 if bench.void else 0


def ended(number: int, _: FrameType | None) -> NoReturn:
    """End as a signal asks, with all that was started: Python would leave the server behind."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, ended)
    sys.exit(main())
