"""The one thread that the state lives in: SQLite's calls block, the event loop must not."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from scraper.frontier.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

P = ParamSpec("P")
R = TypeVar("R")


class StateThread:
    """A ``Store`` and the thread that alone uses it.

    Calls are carried out one after the other, in the order made. A call whose caller is cancelled is
    carried out all the same, so that the state never holds half of anything.
    """

    def __init__(self, executor: ThreadPoolExecutor, store: Store) -> None:
        self._executor = executor
        self.store = store

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the state at ``path``, making it if need be; ``close`` it in the end.

        Raises:
            OutputLocked: Another process holds it.
            StateError: It can't be opened, or is of another version.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        try:
            store = await asyncio.get_running_loop().run_in_executor(executor, Store, path)
        except BaseException:
            executor.shutdown(wait=False)
            raise
        return cls(executor, store)

    async def call(self, method: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Carry out a method of ``store`` in its thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: method(*args, **kwargs)
        )

    async def close(self, *, remove: bool) -> None:
        """Let go of the state after the calls made so far; with ``remove`` the file is deleted."""
        try:
            await self.call(self.store.close, remove=remove)
        finally:
            self._executor.shutdown(wait=False)
