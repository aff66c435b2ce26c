"""A run in parts begun, or found again: that what lies there is the run that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.errors import UsageError
from scraper.redaction import redact
from scraper.run.files import new_run_id
from scraper.run.state import Listed, masked, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.clock import Clock
    from scraper.cluster.job_place import JobPlace
    from scraper.cluster.manifest import Manifest
    from scraper.settings.model import Settings
    from scraper.sources.source import Source


def named(
    manifest: Manifest,
    place: JobPlace,
    sources: Sequence[Source],
    *,
    settings: Settings,
    clock: Clock,
    name: str | None = None,
) -> tuple[str, Sequence[Source]]:
    """Return the run's name and its lists: those given, or those it was begun with.

    ``name`` is what a new run is to be called.

    Raises:
        UsageError: It was begun with other lists, outputs or numbers of parts.
    """
    files, cluster = place.files, settings.cluster
    outputs = (
        sorted([*(path.name for path in files.outputs), *(remote.shown for remote in files.remotes)])
        if files
        else [place.store.shown]
        if place.store
        else []
    )
    told = msgspec.json.encode([outputs, files.ordered if files else False]).decode()
    run = manifest.fact("run")
    if run is None:
        run = name or new_run_id(clock.utc())
        listed = [Listed(masked(source), source.identity()) for source in sources]
        manifest.note(
            run=run,
            outputs=told,
            parts=str(cluster.shards),
            sources=msgspec.json.encode(listed).decode(),
        )
        return run, sources
    if manifest.fact("outputs") != told:
        raise UsageError(
            "the unfinished run was begun with other outputs, or with another --ordered: "
            "resume it with the same"
        )
    parts = manifest.fact("parts")
    if cluster.shards and parts != str(cluster.shards):
        raise UsageError(f"the unfinished run has {parts} parts: resume it with --shards {parts}, or without")
    return run, _lists(manifest, sources)


def _lists(manifest: Manifest, sources: Sequence[Source]) -> Sequence[Source]:
    listed = msgspec.json.decode(manifest.fact("sources") or "[]", type=list[Listed])
    before = [place_of(one.source) for one in listed]
    if sources and [place_of(source) for source in sources] != before:
        names = ", ".join(redact(one.source.name) for one in listed)
        raise UsageError(
            f"the unfinished run read from {names}: resume it with the same, or with no SOURCE, "
            "or start over with --fresh"
        )
    is_split = manifest.fact("lines") is not None
    for one in listed:
        wanted = sources or not is_split
        if wanted and one.identity is not None and one.source.identity() != one.identity:
            raise UsageError(
                f"{one.source.name} has changed since the run began: put it back, "
                "or start over with --fresh"
                + (", or name no SOURCE to finish the old list" if is_split else "")
            )
        if not is_split and not sources and one.source.kind == "stdin":
            raise UsageError(
                "standard input was not read to its end: pipe the same list in again, with - as the source"
            )
    return sources or [one.source for one in listed]
