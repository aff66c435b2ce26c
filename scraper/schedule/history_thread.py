"""A job's history and the thread that alone uses it: a disk that hangs holds up this job and no other."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from scraper.schedule.run_history import RunHistory

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.schedule.job import Job

P = ParamSpec("P")
R = TypeVar("R")


class HistoryThread:
    """A ``RunHistory`` that is called from an event loop. Calls are carried out in the order made."""

    def __init__(self, executor: ThreadPoolExecutor, history: RunHistory) -> None:
        self._executor = executor
        self.history = history

    @classmethod
    async def open(cls, job: Job) -> Self:
        """Open a job's history, making it if need be; ``close`` it in the end.

        Raises:
            UsageError: It can't be opened.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"history-{job.name}")
        try:
            history = await asyncio.get_running_loop().run_in_executor(
                executor, RunHistory, job.output, job.name
            )
        except BaseException:
            executor.shutdown(wait=False)
            raise
        return cls(executor, history)

    async def call(self, method: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Carry out a method of ``history``, or anything else that is to wait its turn, in its thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: method(*args, **kwargs)
        )

    async def close(self) -> None:
        """Let go of the history after the calls made so far."""
        try:
            await self.call(self.history.close)
        finally:
            self._executor.shutdown(wait=False)
