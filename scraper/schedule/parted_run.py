"""A job's run in parts: begun by the job's settings, or gone on with by what lies in its folder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from scraper.cluster.job import Job
from scraper.cluster.job_place import place_of
from scraper.cluster.manifest import Manifest
from scraper.cluster.totals import Totals
from scraper.run.begun_with import FACTS
from scraper.run.files import Mode
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.cluster.engine import Engine
    from scraper.observe.events import Observer
    from scraper.run.files import RunFiles
    from scraper.schedule.pipes import Begin
    from scraper.settings.model import Settings


async def parted_run(
    begin: Begin,
    files: RunFiles,
    *,
    settings: Settings,
    observer: Observer,
    clock: Clock,
    opened: Callable[[Engine], None],
) -> Job | None:
    """Return the run in parts; ``None`` where an unfinished one is in one part, or the settings want none.

    The records come to be in the files of any other run. Nobody else may be at it. ``opened`` is told of the
    engine when it is there.

    Raises:
        UsageError: A list can't be read.
        StateError: What lies there can't be read.
    """
    place = place_of(files)
    known = False
    if place.is_begun():
        if not place.is_unfinished():
            return None
        # As it was begun: the job's file may say something else by now.
        settings = replace(settings, cluster=replace(settings.cluster, shards=0))
        known = await asyncio.to_thread(_knows_its_lists, place.state)
    elif not settings.cluster.shards:
        return None
    return Job(
        [] if known else sources_from_arguments(begin.sources, settings.sources),
        place,
        settings=settings,
        mode=Mode.RESUME,
        observer=observer,
        totals=Totals(clock=clock),
        clock=clock,
        opened=opened,
        name=begin.run,
    )


def facts_of_parted(files: RunFiles) -> dict[str, str] | None:
    """Return what an unfinished run in parts keeps of how it was begun, as ``begun_with`` has it. Blocking.

    Returns:
        ``None`` when no run in parts is unfinished there.

    Raises:
        StateError: What lies there can't be read.
    """
    place = place_of(files)
    if not place.is_begun() or not place.is_unfinished():
        return None
    manifest = Manifest(place.state)
    try:
        found = {name: fact for name in FACTS if (fact := manifest.fact(name)) is not None}
    finally:
        manifest.close(remove=False)
    if "outputs" in found:  # which has both here
        names, ordered = msgspec.json.decode(found["outputs"], type=tuple[list[str], bool])
        found["outputs"], found["ordered"] = (msgspec.json.encode(one).decode() for one in (names, ordered))
    return found


def _knows_its_lists(state: Path) -> bool:
    manifest = Manifest(state)
    try:
        return manifest.fact("sources") is not None
    finally:
        manifest.close(remove=False)
