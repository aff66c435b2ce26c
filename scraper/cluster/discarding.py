"""What a run in parts has left, thrown away: when nobody is at it any more, and only what is a run's."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING

from scraper.cluster.gathering import remove_segments, run_in
from scraper.cluster.lease import Watch, write_fence
from scraper.cluster.manifest import Manifest, is_manifest
from scraper.cluster.orders import Fence
from scraper.cluster.places import KNOWN, OWNERS, ShardPlace
from scraper.errors import RunError, UsageError
from scraper.run.files import new_run_id
from scraper.run.parts import PARTS_FILE
from scraper.run.state import discard

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.cluster.job_place import JobPlace

_OURS = {KNOWN, OWNERS, PARTS_FILE}
"""What is in a work folder beside the folders of parts, whose names are numbers."""
_LOOKS_EVERY_S = 1.0


async def discard_unfinished(place: JobPlace, *, lease_s: float, clock: Clock) -> None:
    """Throw an unfinished run away, in parts or not, when nobody is at it any more.

    Raises:
        RunError: It can't be removed.
    """
    if is_manifest(place.state):
        manifest = await asyncio.to_thread(Manifest, place.state)
        is_gone = False
        try:
            before = manifest.fact("run") or ""
            if place.work.exists() or (place.store and before):
                await _evict(place, manifest, run=new_run_id(clock.utc()), lease_s=lease_s)
                await asyncio.to_thread(remove_run, place, before)
            is_gone = True
        except OSError as error:
            raise RunError(f"can't remove {place.name}: {error.strerror or error}") from error
        finally:
            manifest.close(remove=is_gone)
    elif place.state.exists():
        await discard(place.state)


async def _evict(place: JobPlace, manifest: Manifest, *, run: str, lease_s: float) -> None:
    """Wait until nobody is at any part of a run any more, which is to be thrown away.

    Raises:
        OSError: It can't be told to them.
    """
    watches = []
    before = manifest.fact("run") or ""
    for shard in manifest.shards():
        if shard.attempt:
            part = ShardPlace(place.storage, shard.shard, under=place.under(before))
            fence = Fence(run=run, attempt=manifest.next_attempt(shard.shard))
            await asyncio.to_thread(write_fence, part, fence)
            watches.append(Watch(part, run=before, sent=shard.attempt, lease_s=lease_s))
    while watches:
        for watch in watches:
            await asyncio.to_thread(watch.look)
        watches = [watch for watch in watches if not watch.is_free()]
        if watches:
            await asyncio.sleep(min(_LOOKS_EVERY_S, lease_s / 4))  # nobody tells when a lease is over


def clear(work: Path) -> None:
    """Remove what a split that was stopped has left, or a run that was killed when it had ended.

    Raises:
        UsageError: It is something else.
    """
    if work.is_dir() and any(
        path.name[:1] != "." and path.name not in _OURS and not path.name.isdigit() for path in work.iterdir()
    ):
        raise UsageError(f"{work} is there and is not of a run: remove it, or name another output")
    try:
        remove(work)
    except OSError as error:
        raise UsageError(f"can't remove {work}: {error.strerror}") from error


def remove_run(place: JobPlace, run: str) -> None:
    """Remove all of an unfinished run, when nobody is at it any more.

    Raises:
        OSError: It can't be removed.
    """
    if place.store is None:
        remove(place.work)
        return
    clear_store(place, run)
    if run_in(place.store) != run:
        remove_segments(place.store, run=run)


def clear_store(place: JobPlace, run: str) -> None:
    """Remove from a store what only an unfinished run needs.

    Raises:
        OSError: It can't be removed.
    """
    work, _, own = place.under(run).rstrip("/").partition("/")
    place.storage.remove(f"{work}/{own}")
    if not place.storage.names(work):
        place.storage.remove(work)


def remove(folder: Path) -> None:
    """Remove a folder, if it is there, with all that is in it.

    Raises:
        OSError: It can't be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
