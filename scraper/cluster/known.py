"""A run's history, where parts lie in a store: what was known goes there, what is new comes from there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from scraper.cluster.places import KNOWN
from scraper.cluster.scratch import scratch_folder
from scraper.cluster.storage import Folder
from scraper.errors import RunError
from scraper.run.parts import part_files
from scraper.run.remote_copy import copied_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from scraper.cluster.job_place import JobPlace
    from scraper.history.remembered import History


def put_known(
    place: JobPlace, history: History, *, run: str, scratch: str, goes_on: Callable[[], bool]
) -> bool:
    """Put a copy of the history where all workers read it; return false if ``goes_on`` did. Blocking.

    Raises:
        StateError: The history is damaged, or there is no room for the copy.
        RunError: It can't be put there.
    """
    storage, under = place.storage, place.under(run)
    if isinstance(storage, Folder):
        return history.copy(storage.path / KNOWN, goes_on=goes_on)
    try:
        with scratch_folder(scratch) as folder:
            if not history.copy(folder / KNOWN, goes_on=goes_on):
                return False
            storage.put(folder / KNOWN, f"{under}{KNOWN}")
    except OSError as error:
        raise RunError(f"can't put the history into {storage.shown}: {error.strerror or error}") from error
    return True


@contextlib.asynccontextmanager
async def parts_here(place: JobPlace, *, scratch: str) -> AsyncIterator[list[Path]]:
    """Give the files of records of a complete run, from a store as copies that are removed in the end.

    Raises:
        RunError: They can't be copied.
        UsageError, msgspec.DecodeError, OSError: As ``run.parts.read_parts``.
    """
    if place.store is None:
        yield part_files(place.parts)
        return
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder(scratch))
        except OSError as error:
            raise RunError(f"can't copy {place.store}: {error.strerror or error}") from error
        yield part_files(await asyncio.to_thread(copied_run, place.store.url, folder))
