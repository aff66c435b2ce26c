"""Which engine the settings name, opened; and what of them does not go together."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from scraper.cluster.local import LocalProcesses
from scraper.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.cluster.engine import Engine
    from scraper.settings.model import ClusterSettings

_is_address = re.compile(r"[a-z]+://[^/\s]+:[0-9]{1,5}").fullmatch


def check_cluster(settings: ClusterSettings) -> None:
    """Refuse what does not go together, and a library that is missing.

    Raises:
        UsageError: The settings contradict each other, or the engine is not installed.
    """
    if settings.scheduler and settings.engine != "dask":
        raise UsageError("--scheduler (cluster.scheduler) is of a Dask cluster: add --engine dask")
    if settings.engine == "dask":
        from scraper.cluster.dask_engine import require_library  # noqa: PLC0415 - an extra

        require_library()
    if settings.scheduler and not _is_address(settings.scheduler):
        raise UsageError(
            f"--scheduler (cluster.scheduler) {settings.scheduler!r} is no address: write tcp://host:8786"
        )


@contextlib.asynccontextmanager
async def open_engine(settings: ClusterSettings, shards: int) -> AsyncIterator[Engine]:
    """Give the engine that the settings name.

    Raises:
        UsageError: The cluster can't be reached.
    """
    workers = min(shards, settings.workers or os.cpu_count() or 1)
    if settings.engine == "local":
        async with LocalProcesses.open(workers=workers) as local:
            yield local
        return
    from scraper.cluster.dask_engine import DaskCluster  # noqa: PLC0415 - an extra

    async with DaskCluster.open(settings.scheduler, workers=workers) as cluster:
        yield cluster
