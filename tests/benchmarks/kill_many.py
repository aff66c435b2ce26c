"""Kill a crawl many times, go on with it each time, and see whether anything was lost or doubled.

    python tests/benchmarks/kill_many.py [--kills 40] [--pages 2000] [--hosts 100] [--seed 1]

Each round starts the real program with ``--resume`` and ends it with SIGKILL after a random time; the
last one is left alone. Then every line must have one record, no line may be torn, and what was noted as
done may not have been fetched again. The exit code is 1 when anything is lost or doubled.
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.processes import Server, noted_in, scrape, serving, started, write_list

say = functools.partial(print, flush=True)  # the table is the program's output
TAG = "kill-many"
BATCHES = ("--set", "output.batch_s=0.01")


class Round(NamedTuple):
    """One start of the program that was killed."""

    lived_s: float
    asked: int
    """Requests of the rounds so far."""
    done: int
    """Records that the state knew of after it; the output may have more."""
    unnoted_bytes: int
    """What the output had beyond what was noted, cut off by the next start."""
    was_torn: bool
    """The output ended in the middle of a line."""


def kill_once(words: tuple[str | Path, ...], *, output: Path, server: Server, lives_s: float) -> Round | None:
    """Start, kill after a time, and return how it stands; ``None`` when the run was complete before."""
    began_s = time.monotonic()
    with started(*words) as running:
        try:
            running.popen.wait(lives_s)
        except subprocess.TimeoutExpired:
            running.kill()
        else:
            ended = running.wait()
            if ended.code:
                raise SystemExit(f"a resumed run ended by itself with {ended.code}: {ended.err}")
            return None
    lived_s = time.monotonic() - began_s
    asked = server.asked(TAG).total()
    state = output.with_name(f"{output.name}.state")
    if not state.exists() or not output.exists():
        return Round(lived_s, asked, 0, 0, was_torn=False)
    try:
        noted = noted_in(state)
    except KeyError:  # killed while the state was made
        return Round(lived_s, asked, 0, 0, was_torn=False)
    content = output.read_bytes()
    return Round(
        lived_s,
        asked,
        noted.done,
        len(content) - noted.output_bytes,
        was_torn=bool(content) and not content.endswith(b"\n"),
    )


def verdict(output: Path, urls: list[str], asked: Counter[str]) -> list[str]:
    """Return what is wrong with the finished output, in lines for people."""
    content = output.read_bytes()
    wrong = [] if content.endswith(b"\n") else ["the output ends in a torn line"]
    seqs: Counter[int] = Counter()
    for line in content.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            wrong.append(f"a torn line: {line[:80]!r}")
            continue
        seqs[record["seq"]] += 1
        if record["input"] != urls[record["seq"]]:
            wrong.append(f"record {record['seq']} is of another line: {record['input']}")
        if record["outcome"] != "ok":
            wrong.append(f"record {record['seq']} is {record['outcome']}")
    wrong += [f"line {seq} has {seqs[seq]} records" for seq in range(len(urls)) if seqs[seq] != 1]
    return wrong + [f"never asked for: {url}" for url in urls if not asked[url]]


def kill_repeatedly(
    words: tuple[str | Path, ...], *, output: Path, server: Server, lives_s: list[float]
) -> list[Round]:
    """Kill the program once for each life and print a line for each; fewer when it completes before."""
    rounds: list[Round] = []
    say(f"{'kill':>4} {'after s':>8} {'asked':>7} {'done':>6} {'unnoted bytes':>14} torn")
    for number, life_s in enumerate(lives_s, 1):
        one = kill_once(words, output=output, server=server, lives_s=life_s)
        if one is None:
            say(f"complete after {number - 1} kills: take more pages or kill sooner")
            break
        rounds.append(one)
        torn = "yes" if one.was_torn else "no"
        say(f"{number:>4} {one.lived_s:>8.2f} {one.asked:>7} {one.done:>6} {one.unnoted_bytes:>14} {torn}")
    return rounds


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--page-delay", type=float, default=0.4, metavar="SECONDS", help="the mean delay of an answer"
    )
    parser.add_argument("--longest", type=float, default=2.2, metavar="SECONDS", help="the latest kill")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 repeatable, nothing secret
    with tempfile.TemporaryDirectory(prefix="kill-many-") as folder, serving() as server:
        # Answers that come at different times make many small batches, so that more kills meet a write.
        urls = [
            url.replace("delay=0.0", f"delay={chance.uniform(0.0, 2 * options.page_delay):.3f}")
            for url in server.bulk(options.pages, tag=TAG, hosts=options.hosts)
        ]
        output = Path(folder, "pages.jsonl")
        sources = write_list(Path(folder, "urls.txt"), urls)
        words = ("crawl", sources, "-o", output, "--resume", "--quiet", "--delay", "0", *BATCHES)
        lives_s = [chance.uniform(0.1, options.longest) for _ in range(options.kills)]
        rounds = kill_repeatedly(words, output=output, server=server, lives_s=lives_s)
        if len(rounds) == options.kills:
            ended = scrape(*words)
            if ended.code:
                say(f"the last run ended with {ended.code}: {ended.err}")
                return 1
        asked = server.asked(TAG)
        wrong = verdict(output, urls, asked)
    times = Counter(asked.values())
    say(f"{len(rounds)} kills, {len(urls)} lines, {sum(asked.values())} requests")
    for count in sorted(times):
        say(f"  fetched {count} x: {times[count]} URLs")
    say("\n".join(wrong) if wrong else "nothing lost, nothing doubled, nothing torn")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
