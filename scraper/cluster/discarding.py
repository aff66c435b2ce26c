"""What a run in parts has left, thrown away: when nobody is at it any more, and only what is a run's."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING

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
        try:
            if place.work.exists():
                await _evict(place.work, manifest, run=new_run_id(clock.utc()), lease_s=lease_s)
                await asyncio.to_thread(remove, place.work)
        except OSError as error:
            raise RunError(f"can't remove {place.work}: {error.strerror}") from error
        finally:
            manifest.close(remove=not place.work.exists())
    elif place.state.exists():
        await discard(place.state)


async def _evict(work: Path, manifest: Manifest, *, run: str, lease_s: float) -> None:
    """Wait until nobody is at any part of a run any more, which is to be thrown away.

    Raises:
        OSError: It can't be told to them.
    """
    watches = []
    for shard in manifest.shards():
        if shard.attempt:
            place = ShardPlace(work, shard.shard)
            write_fence(place, Fence(run=run, attempt=manifest.next_attempt(shard.shard)))
            before = manifest.fact("run") or ""
            watches.append(Watch(place, run=before, sent=shard.attempt, lease_s=lease_s))
    while watches:
        for watch in watches:
            watch.look()
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


def remove(folder: Path) -> None:
    """Remove a folder, if it is there, with all that is in it.

    Raises:
        OSError: It can't be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
