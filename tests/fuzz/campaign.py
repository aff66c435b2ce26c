"""Coverage-guided fuzzing of what reads from the net, one target after the other.

``make fuzz`` runs it. Each target is a process of its own, since an input may take the process along. What
is found goes below ``.fuzz/TARGET``: ``corpus`` is kept for the next time, ``crashes`` has the inputs.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TARGETS = tuple(sorted(path.stem for path in (HERE / "targets").glob("*.py")))

_MOST_CRASHES = 3
"""The first crashes of a target are mostly one bug; the rest of its time is not worth it."""
_INPUT_TIMEOUT_S = 10
_MEMORY_MB = 2048
_STATUS = re.compile(r"^#(\d+)\t.*?cov: (\d+) ft: (\d+)", re.MULTILINE)
_EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")


class Tally(NamedTuple):
    """What came of one target."""

    target: str
    executions: int
    took_s: float
    edges: int
    features: int
    crashes: list[Path]

    def line(self) -> str:
        """Return a row of the table."""
        rate = self.executions / self.took_s if self.took_s else 0.0
        return (
            f"{self.target:<10}{self.executions:>12}{rate:>10.0f}{self.edges:>8}"
            f"{self.features:>10}{len(self.crashes):>9}"
        )


HEADER = f"{'target':<10}{'executions':>12}{'exec/s':>10}{'edges':>8}{'features':>10}{'crashes':>9}"


def fuzz_one(target: str, arguments: list[str]) -> None:
    """Fuzz one target in this process, which does not come back from it."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 - only here is it needed

    with atheris.instrument_imports(include=["scraper"]):
        module = importlib.import_module(f"tests.fuzz.targets.{target}")
    atheris.Setup([sys.argv[0], *arguments], module.fuzz)
    atheris.Fuzz()


def run(target: str, *, seconds: int, work: Path) -> Tally:
    """Fuzz one target for so many seconds; what it finds is kept below ``work``."""
    corpus, crashes = work / target / "corpus", work / target / "crashes"
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    known = set(crashes.iterdir())
    executions = edges = features = 0
    began_s = time.monotonic()
    with (work / target / "log.txt").open("ab") as log:
        while (left_s := round(seconds - (time.monotonic() - began_s))) > 0:
            log.flush()
            start = log.seek(0, 2)
            command = _command(target, corpus=corpus, crashes=crashes, seconds=left_s)
            subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False)
            log.flush()
            told = (work / target / "log.txt").read_bytes()[start:].decode("utf-8", "replace")
            if not (statuses := _STATUS.findall(told)):
                raise SystemExit(f"{target} did not start; see {work / target / 'log.txt'}")
            executed = _EXECUTED.search(told)
            executions += int(executed[1]) if executed else int(statuses[-1][0])
            edges, features = int(statuses[-1][1]), int(statuses[-1][2])
            found = sorted(set(crashes.iterdir()) - known)
            if len(found) >= _MOST_CRASHES:
                break
    return Tally(target, executions, time.monotonic() - began_s, edges, features, found)


def _command(target: str, *, corpus: Path, crashes: Path, seconds: int) -> list[str]:
    dictionary = HERE / "dictionaries" / f"{target}.dict"
    folders = [corpus, HERE / "corpus" / target, HERE / "regressions" / target]
    return [
        sys.executable,
        "-m",
        "tests.fuzz.campaign",
        "--one",
        target,
        *(str(folder) for folder in folders if folder.is_dir()),
        f"-artifact_prefix={crashes}/",
        f"-max_total_time={seconds}",
        f"-timeout={_INPUT_TIMEOUT_S}",
        f"-rss_limit_mb={_MEMORY_MB}",
        "-print_final_stats=1",
        *([f"-dict={dictionary}"] if dictionary.is_file() else []),
    ]


def main() -> int:
    """Run the targets named, or all; return 1 when one crashed."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.campaign", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all of " + ", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=ROOT / ".fuzz", help="where finds go")
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(TARGETS):
        parser.error(f"no target is called {min(unknown)!r}: there are {', '.join(TARGETS)}")
    tallies = []
    for target in chosen.targets or TARGETS:
        tallies.append(run(target, seconds=chosen.seconds, work=chosen.work.resolve()))
        sys.stderr.write(f"{target}: done\n")
    sys.stdout.write("\n".join([HEADER, *(tally.line() for tally in tallies)]) + "\n")
    for tally in tallies:
        for path in tally.crashes:
            sys.stdout.write(f"{tally.target}: {path}\n")
    return 1 if any(tally.crashes for tally in tallies) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        fuzz_one(sys.argv[2], sys.argv[3:])
    sys.exit(main())
