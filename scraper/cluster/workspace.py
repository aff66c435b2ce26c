"""Where an attempt's run works, and how it goes over to the next attempt.

In a folder that all workers reach it works on the spot: the next attempt takes its files over. With a store
it works in a scratch folder of its own machine, and ships checkpoints and what it has learnt of hosts.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from scraper.cluster import checkpoint
from scraper.cluster.checkpoint import Checkpoint, Cut, Shipping
from scraper.cluster.places import KNOWN, ShardPlace, learnt_name, run_name
from scraper.cluster.scratch import scratch_folder
from scraper.cluster.storage import Folder
from scraper.errors import OutputLocked, RunError
from scraper.frontier.store import Store
from scraper.robots.access import RobotsFile
from scraper.run.share import RECORDS, STATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from scraper.cluster.orders import Order
    from scraper.frontier.state_thread import StateThread

_REST_PER_WORK = 4
"""So many times as long as a checkpoint took nothing is shipped after it: a large state on a slow line must
not keep both busy all the time."""
_FETCHED_AGAIN = 3
_LEARNT_BYTES = 4 << 20
"""No more of robots.txt files is shipped between two checkpoints; what is left out is asked for again."""
_CRAWL_DELAY = "crawl-delay"


class Workspace(Protocol):
    """What an attempt needs of either kind."""

    async def begin(self) -> Path | None:
        """Return the folder to work in, with what the attempt before has left.

        ``None`` when that is still held by whoever works there: a process that was stopped, or one on a
        machine that is cut off. It asks nobody any more, but what it has may still grow.

        Raises:
            OSError: The storage can't be reached, or the scratch folder not be written.
            RunError: What lies there is damaged.
        """
        ...

    async def inputs(self, names: Sequence[str]) -> tuple[Path, ...]:
        """Return the part's lists as files of this machine.

        Raises:
            OSError: They can't be had.
        """
        ...

    async def known(self) -> Path:
        """Return the file with what was known of pages before the run.

        Raises:
            OSError: It can't be had.
        """
        ...

    def opened(self, state: StateThread) -> None:
        """Take note of the state of the run that has just begun."""
        ...

    async def ship_regularly(self, state: StateThread) -> None:
        """Put checkpoints into the storage until cancelled."""
        ...

    def tell_learnt(self) -> None:
        """Put into the storage what was learnt of hosts since the last time. Blocks.

        Raises:
            OSError: It can't be put there.
        """
        ...

    def leave(self, store: Store, *, ships: bool) -> str:
        """Let the next attempt have what the run has come to, and return by what name. Blocks.

        Without ``ships`` nothing is put into a store, and the name may be empty.

        Raises:
            OSError: It can't be put into the storage.
        """
        ...

    def give(self, file: Path) -> None:
        """Put a file of the folder above the run's into the part's place. Blocks.

        Raises:
            OSError: It can't be put there.
        """
        ...


@contextlib.asynccontextmanager
async def open_workspace(order: Order, place: ShardPlace, *, every_s: float) -> AsyncIterator[Workspace]:
    """Give the workspace for an order; see ``Workspace``. ``every_s``: how often to look for a lock.

    Raises:
        OSError: The scratch folder can't be made.
    """
    if isinstance(place.storage, Folder):
        yield OnTheSpot(order, place, every_s=every_s)
        return
    with scratch_folder(order.scratch) as folder:
        workspace = Scratch(order, place, folder)
        try:
            yield workspace
        finally:
            await asyncio.to_thread(workspace.close)


class OnTheSpot:
    """A folder that all workers reach."""

    def __init__(self, order: Order, place: ShardPlace, *, every_s: float) -> None:
        self._order = order
        self._place = place
        self._every_s = every_s
        self._folder = place.run(order.attempt)

    async def begin(self) -> Path | None:
        """Take over the folder of the attempt before, once nobody holds it."""
        before = await asyncio.to_thread(self._place.runs_before, self._order.attempt)
        if not before:
            return self._folder
        until_s = asyncio.get_running_loop().time() + self._order.lease_s
        while not await asyncio.to_thread(_is_left, before[0]):
            if asyncio.get_running_loop().time() >= until_s:
                return self._folder if self._order.may_begin_anew else None
            await asyncio.sleep(self._every_s)  # nobody tells when a lock is given back
        # Under another name, whoever comes back to the old one finds nothing there.
        await asyncio.to_thread(before[0].replace, self._folder)
        return self._folder

    async def inputs(self, names: Sequence[str]) -> tuple[Path, ...]:
        """Return them where they are."""
        return tuple(self._place.folder / name for name in names)

    async def known(self) -> Path:
        """Return it where it is."""
        return Path(self._order.work, KNOWN)

    def opened(self, state: StateThread) -> None:
        """Do nothing."""

    async def ship_regularly(self, state: StateThread) -> None:
        """Do nothing: all is where it belongs."""

    def tell_learnt(self) -> None:
        """Do nothing: it is in the state."""

    def leave(self, store: Store, *, ships: bool) -> str:
        """Return the folder's name."""
        del store, ships
        return self._folder.name

    def give(self, file: Path) -> None:
        """Do nothing: it is there."""


class _Learnt(msgspec.Struct):
    """What an attempt knows of hosts that its last checkpoint does not."""

    files: dict[str, RobotsFile] = {}
    """The robots.txt files with a ``Crawl-delay``, by origin."""
    holds: dict[int, float] = {}

    def add(self, other: _Learnt) -> None:
        self.files.update(other.files)
        self.holds.update(other.holds)


class Scratch:
    """A folder of this machine, and a store."""

    def __init__(self, order: Order, place: ShardPlace, folder: Path) -> None:
        self._order = order
        self._place = place
        self._scratch = folder
        self._folder = folder / run_name(order.attempt)
        self._shipping: Shipping | None = None
        self._ships = threading.Lock()
        """Held while a checkpoint is made: a task that was cancelled has left its thread at it."""
        self._learning = threading.Lock()
        self._learnt = _Learnt()
        self._shipped_with_next = _Learnt()
        """What the checkpoint under way holds."""
        self._untold = False

    async def begin(self) -> Path | None:
        """Fetch the newest checkpoint."""
        await asyncio.to_thread(self._begin)
        return self._folder

    def _begin(self) -> None:
        order, place = self._order, self._place
        self._folder.mkdir()
        after = self._fetch()
        if after is None and not order.may_begin_anew:
            raise RunError(f"{place.shown}: the checkpoint to go on from is gone: start over with --fresh")
        self._shipping = Shipping(place, run=order.run, shard=order.shard, attempt=order.attempt, after=after)
        told = self._told_before(since=after.attempt if after else 0)
        if told.files or told.holds:
            store = Store(self._folder / STATE)
            try:
                store.learn(list(told.files.values()), told.holds)
            finally:
                store.close(remove=False)
            with self._learning:
                self._learnt.add(told)
                self._untold = True

    def _fetch(self) -> Checkpoint | None:
        """Fetch the newest checkpoint, of which one that is thought dead may just make an older one."""
        for tries_left in reversed(range(_FETCHED_AGAIN)):
            found = checkpoint.newest(self._place)
            if found is None:
                return None
            try:
                state, journal = self._folder / STATE, self._folder / RECORDS
                checkpoint.fetch(self._place, found, state=state, journal=journal)
            except FileNotFoundError:
                if not tries_left:
                    raise
            else:
                return found
        raise AssertionError

    def _told_before(self, *, since: int) -> _Learnt:
        told = _Learnt()
        there = set(self._place.names())
        for attempt in range(max(since, 1), self._order.attempt):
            if learnt_name(attempt) in there:
                with contextlib.suppress(msgspec.DecodeError, FileNotFoundError):
                    told.add(msgspec.json.decode(self._place.read(learnt_name(attempt)), type=_Learnt))
        return told

    async def inputs(self, names: Sequence[str]) -> tuple[Path, ...]:
        """Fetch them."""
        paths = [self._scratch / name for name in names]
        for path in paths:
            await asyncio.to_thread(self._place.storage.get, f"{self._place.name}/{path.name}", path)
        return tuple(paths)

    async def known(self) -> Path:
        """Fetch it."""
        target = self._scratch / KNOWN
        await asyncio.to_thread(self._place.storage.get, f"{self._order.under}{KNOWN}", target)
        return target

    def opened(self, state: StateThread) -> None:
        """Listen to what is learnt of hosts."""
        state.store.on_keep = self._learn

    def _learn(self, files: Sequence[RobotsFile], holds: Mapping[int, float]) -> None:
        slow = {file.origin: file for file in files if _CRAWL_DELAY in file.body.lower()}
        if slow or holds:
            with self._learning:
                size_bytes = sum(len(file.body) for file in self._learnt.files.values())
                for origin, file in slow.items():
                    size_bytes += len(file.body)
                    if size_bytes <= _LEARNT_BYTES:
                        self._learnt.files[origin] = file
                self._learnt.holds.update(holds)
                self._untold = True

    def tell_learnt(self) -> None:
        """Write it into a file of this attempt."""
        with self._learning:
            if not self._untold:
                return
            self._untold = False
            told = _Learnt(dict(self._shipped_with_next.files), dict(self._shipped_with_next.holds))
            told.add(self._learnt)
        try:
            self._place.write(learnt_name(self._order.attempt), msgspec.json.encode(told))
        except OSError:
            self._untold = True
            raise

    async def ship_regularly(self, state: StateThread) -> None:
        """Ship a checkpoint every so often; one that fails is made up for by the next."""
        pause_s, loop = self._order.checkpoint_s, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(pause_s)
            began_s = loop.time()
            with contextlib.suppress(OSError, RunError):
                cut = await state.call(self._cut, state.store, self._scratch / "state-copy")
                await asyncio.to_thread(self._ship, cut)
            pause_s = max(self._order.checkpoint_s, _REST_PER_WORK * (loop.time() - began_s))

    def leave(self, store: Store, *, ships: bool) -> str:
        """Ship the last checkpoint, and return its name."""
        if not ships:
            return ""
        return self._ship(self._cut(store, self._scratch / "state-last"))

    def _cut(self, store: Store, copy: Path) -> Cut:
        """Copy the state; in its thread, so that nothing is learnt meanwhile that is not in it."""
        copy.unlink(missing_ok=True)
        store.copy_to(copy)
        with self._learning:
            self._shipped_with_next.add(self._learnt)
            self._learnt = _Learnt()
        return Cut(copy, self._folder / RECORDS, store.progress().output_bytes)

    def _ship(self, cut: Cut) -> str:
        assert self._shipping is not None  # noqa: S101 - it has begun
        with self._ships:
            name = self._shipping.ship(cut)
        with self._learning:
            self._shipped_with_next = _Learnt()
        return name

    def give(self, file: Path) -> None:
        """Copy it there."""
        self._place.storage.put(file, f"{self._place.name}/{file.name}")

    def close(self) -> None:
        """Wait for what a cancelled task has left under way."""
        with self._ships:
            pass


def _is_left(folder: Path) -> bool:
    """Return whether nobody holds a state."""
    if not (folder / STATE).exists():
        return True
    try:
        Store(folder / STATE).close(remove=False)
    except OutputLocked:
        return False
    return True
