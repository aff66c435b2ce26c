"""What a cluster of several machines loses, doubles and asks too often when parts of it die.

    python tests/benchmarks/cluster_faults.py [--only NAME,...] [--hosts 12] [--pages 30] [--lease-s 6]

Linux, as root: each machine is a network namespace with an address of its own. One serves the site, under
an address for each host; one has the scheduler of a Dask cluster, three a worker each, one the program that
directs the run. For each fault a list is crawled in six parts; in its midst something dies, and what has to
be started again by hand is. Then the records are counted, and the server's log says how each host was asked:
each request must come its delay after the one before, and none while another is under way.

The exit code is 1 when anything is lost, doubled or asked too often.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.namespaces import PREFIX, Machine, Network
from tests.support.polite_site import Answer, Ask, page, serving_in_thread

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

say = functools.partial(print, flush=True)  # the table is the program's output

ROOT = Path(__file__).parents[2]
PYTHON = (sys.executable,)
DELAY_S = 0.4
ON_THE_WAY = 0.1
"""Of the delay: how much of it a busy machine may take from a gap, on the way of a request to the site."""
TICK_S = 0.01
"""How often the site looks whether it was given the processor meanwhile."""
SITE_PORT = 8080
SCHEDULER_PORT = 8786
PARTS = 6
WORKERS = 3
PATIENCE_S = 180.0


class Entry(NamedTuple):
    """One request, as the site's log has it; times are monotonic seconds."""

    host: str
    target: str
    arrived_s: float
    ended_s: float
    late_s: float
    """How much earlier it may have come: the site was not given the processor for so long."""


# --- the site, in a process of its own ------------------------------------------------------------


def serve(log: Path) -> None:
    """Serve until SIGTERM, then write the log. The number of requests so far is in a file beside it."""
    # Before all else that wants the processor, so that the log's times are true on a busy machine.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    counted = log.with_suffix(".count")
    late_s: list[float] = []
    ticked_s = 0.0

    def tick() -> None:
        nonlocal ticked_s
        ticked_s = time.monotonic()
        asyncio.get_running_loop().call_later(TICK_S, tick)

    def answer(ask: Ask) -> Answer:
        if not ticked_s:
            tick()
        late_s.append(max(0.0, time.monotonic() - ticked_s - TICK_S))
        counted.write_text(str(len(late_s)))
        return page(title=ask.target, delay_s=0.05)

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with serving_in_thread(answer, port=SITE_PORT, addresses=f"{PREFIX}.") as site:
        ended.wait()
        entries = [
            (entry.host, entry.target, entry.arrived_s, entry.ended_s, late)
            for entry, late in zip(list(site.log), late_s, strict=False)
        ]
    log.write_text(json.dumps(entries))


# --- the cluster ----------------------------------------------------------------------------------


class Cluster:
    """The machines, and what runs on them."""

    def __init__(self, network: Network, folder: Path, store: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._real = folder / "real"
        self.store = store
        self.options = options
        self.hosts = [f"{PREFIX}.1.{number}" for number in range(1, options.hosts + 1)]
        self.site = network.machine(1, further=self.hosts)
        self.scheduler = network.machine(2)
        self.director = network.machine(3)
        self.workers = [network.machine(10 + number) for number in range(WORKERS)]
        self._log = folder / "site.json"

    @property
    def address(self) -> str:
        """The scheduler's."""
        return f"tcp://{self.scheduler.address}:{SCHEDULER_PORT}"

    def serve(self) -> None:
        """Start the site anew."""
        self._log.with_suffix(".count").write_text("0")
        self.site.start(*PYTHON, __file__, "--serve", self._log, log=self._folder / "site.log")

    def start_scheduler(self) -> None:
        """Start the scheduler."""
        words = ("-m", "distributed.cli.dask_scheduler", "--host", self.scheduler.address)
        port = ("--port", str(SCHEDULER_PORT), "--no-dashboard")
        self.scheduler.start(*PYTHON, *words, *port, log=self._folder / "scheduler.log", cwd=self._folder)

    def start_worker(self, machine: Machine) -> None:
        """Start a worker, with the nanny that starts another one when it dies."""
        words = ("-m", "distributed.cli.dask_worker", self.address, "--host", machine.address)
        kind = ("--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
        log = self._folder / f"{machine.name}.log"
        machine.start(*PYTHON, *words, *kind, log=log, cwd=self._folder)

    def start_director(self, sources: Path, output: Path) -> subprocess.Popen[bytes]:
        """Start the program that directs the run, or goes on with it."""
        words = ("-m", "scraper", "crawl", sources, "-o", output, "--resume", "--shards", str(PARTS))
        engine = ("--engine", "dask", "--scheduler", self.address, "--per-host", "1")
        lease = ("--delay", str(DELAY_S), "--set", f"cluster.lease_s={self.options.lease_s}")
        log = self._folder / "director.log"
        return self.director.start(*PYTHON, *words, *engine, *lease, log=log, cwd=self.store)

    def begin(self) -> None:
        """Start all but the director."""
        self.serve()
        self.start_scheduler()
        for machine in self.workers:
            self.start_worker(machine)

    def end(self) -> list[Entry]:
        """End all of it, and return the site's log."""
        for machine in (self.director, *self.workers, self.scheduler):
            machine.kill()
        self.site.signal(signal.SIGTERM)
        for process in self.site._started:
            process.wait(20)
        self.site.kill()
        return [Entry(*entry) for entry in json.loads(self._log.read_text())]

    def wait_for(self, requests: int) -> None:
        """Return when the site was asked so often."""
        until_s = time.monotonic() + PATIENCE_S
        while int(self._log.with_suffix(".count").read_text() or 0) < requests:
            if time.monotonic() > until_s:
                raise TimeoutError(f"waited {PATIENCE_S:g} s for {requests} requests")
            time.sleep(0.05)

    def real(self, path: Path) -> Path:
        """Return where a file of the shared storage is from here."""
        return self._real / path.relative_to(self.store)

    def urls(self) -> list[str]:
        """Return the list."""
        return [
            f"http://{self.hosts[number % len(self.hosts)]}:{SITE_PORT}/{number}"
            for number in range(self.options.pages * len(self.hosts))
        ]


# --- the faults: each is called in the midst of a run, and returns what is to be done when it has ended ----


def _nothing(_cluster: Cluster) -> None: ...


def _worker_killed(cluster: Cluster) -> None:
    """A machine loses its power."""
    cluster.workers[0].kill()


def _worker_replaced(cluster: Cluster) -> None:
    """The worker alone is killed; its nanny starts another."""
    nanny = cluster.workers[0]._started[0]
    for child in Path(f"/proc/{nanny.pid}/task/{nanny.pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), signal.SIGKILL)


def _worker_frozen(cluster: Cluster) -> None:
    """A machine stands still for longer than its lease, and goes on then."""
    cluster.workers[0].signal(signal.SIGSTOP)
    wakes = threading.Timer(3 * cluster.options.lease_s, cluster.workers[0].signal, [signal.SIGCONT])
    wakes.daemon = True
    wakes.start()


def _worker_cut_off(cluster: Cluster) -> None:
    """A machine does not reach the scheduler any more; it still reaches storage and site."""
    cluster.workers[0].cut_off_from(cluster.scheduler)


def _storage_lost(cluster: Cluster) -> None:
    """A machine loses the shared storage; it still reaches scheduler and site."""
    cluster.workers[0].lose_storage()


def _scheduler_killed(cluster: Cluster) -> None:
    """The scheduler dies and is started again. Its workers end without it, and so are they."""
    cluster.scheduler.kill()
    cluster.start_scheduler()
    for machine in cluster.workers:
        machine.wait()
        cluster.start_worker(machine)


def _director_killed(cluster: Cluster) -> None:
    """The program that directs the run is killed; the workers do not know."""
    cluster.director.kill()


FAULTS: dict[str, Callable[[Cluster], None]] = {
    "nothing": _nothing,
    "worker-killed": _worker_killed,
    "worker-replaced": _worker_replaced,
    "worker-frozen": _worker_frozen,
    "worker-cut-off": _worker_cut_off,
    "storage-lost": _storage_lost,
    "scheduler-killed": _scheduler_killed,
    "director-killed": _director_killed,
}


class Outcome(NamedTuple):
    """What came of a run with a fault."""

    took_s: float
    starts: int
    """Of the director."""
    records: int
    lost: int
    doubled: int
    failed: int
    """Records that are not ``ok``."""
    too_early: int
    """Requests that came before their host's delay was over."""
    at_once: int
    """Requests that came while another was under way at their host."""
    again: int
    """Requests for a page that had been asked for before."""
    least_gap_s: float

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or asked too often."""
        return not (self.lost or self.doubled or self.failed or self.too_early or self.at_once)


def crawl(cluster: Cluster, fault: str, *, number: int) -> Outcome:
    """Crawl the list with a fault in the midst of it."""
    urls = cluster.urls()
    sources, output = cluster.store / f"{number}.txt", cluster.store / f"{number}.jsonl"
    cluster.real(sources).write_text("".join(f"{url}\n" for url in urls))
    cluster.begin()
    began_s = time.monotonic()
    starts = 1
    process = cluster.start_director(sources, output)
    cluster.wait_for(len(urls) // 3)
    FAULTS[fault](cluster)
    while True:
        code = process.wait(PATIENCE_S)
        if code == 0:
            break
        if starts == 5:
            raise RuntimeError(f"{fault}: the director ended with {code} for the fifth time")
        starts += 1
        process = cluster.start_director(sources, output)
    took_s = time.monotonic() - began_s
    entries = cluster.end()
    if fault == "worker-cut-off":
        cluster.workers[0].join_again(cluster.scheduler)
    return _judged(entries, cluster.real(output), urls=urls, took_s=took_s, starts=starts)


def _judged(entries: list[Entry], output: Path, *, urls: list[str], took_s: float, starts: int) -> Outcome:
    records = [json.loads(line) for line in output.read_bytes().splitlines()]
    times = Counter(record["url"] for record in records)
    by_host: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.arrived_s):
        by_host[entry.host].append(entry)
    pairs = [pair for spans in by_host.values() for pair in itertools.pairwise(spans)]
    gaps_s = [later.arrived_s - (earlier.arrived_s - earlier.late_s) for earlier, later in pairs]
    at_once = sum(later.arrived_s < earlier.ended_s for earlier, later in pairs)
    for (earlier, later), gap_s in zip(pairs, gaps_s, strict=True):
        if gap_s < DELAY_S * (1 - ON_THE_WAY):
            say(f"too early, {gap_s:.3f} s: {earlier} {later}")
    pages = Counter((entry.host, entry.target) for entry in entries if entry.target != "/robots.txt")
    return Outcome(
        took_s=took_s,
        starts=starts,
        records=len(records),
        lost=len(set(urls) - set(times)),
        doubled=sum(count - 1 for count in times.values()),
        failed=sum(record["outcome"] != "ok" for record in records),
        too_early=sum(gap_s < DELAY_S * (1 - ON_THE_WAY) for gap_s in gaps_s),
        at_once=at_once,
        again=sum(count - 1 for count in pages.values()),
        least_gap_s=min(gaps_s),
    )


@contextlib.contextmanager
def made(options: argparse.Namespace) -> Iterator[Cluster]:
    """Make the machines."""
    with tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        real, store = folder / "real", folder / "store"
        real.mkdir()
        store.mkdir()
        with Network.made(real, store) as network:
            cluster = Cluster(network, folder, store, options)
            try:
                yield cluster
            except BaseException:
                for log in sorted(folder.glob("*.log")):
                    say(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-25:], sep="\n")
                raise


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(FAULTS), metavar="NAME,...", help=", ".join(FAULTS))
    parser.add_argument("--hosts", type=int, default=12)
    parser.add_argument("--pages", type=int, default=30, help="of each host")
    parser.add_argument("--lease-s", type=float, default=6.0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    say(f"{options.hosts} hosts, {options.pages} pages each, delay {DELAY_S} s, lease {options.lease_s} s")
    say("| fault | seconds | starts | records | lost | doubled | too early | at once | again | least gap |")
    say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    good = True
    with made(options) as cluster:
        for number, fault in enumerate(options.only.split(",")):
            came = crawl(cluster, fault, number=number)
            good = good and came.is_good
            say(
                f"| {fault} | {came.took_s:.0f} | {came.starts} | {came.records} | {came.lost} "
                f"| {came.doubled} | {came.too_early} | {came.at_once} | {came.again} "
                f"| {came.least_gap_s:.3f} s |"
            )
            if came.failed:
                say(f"{fault}: {came.failed} records are not ok")
    say("nothing lost, doubled or asked too often" if good else "NOT as it should be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
