"""Parts in processes of this machine: each a Python of its own, started anew, with a pipe in and one out."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from scraper.cluster.engine import Ended
from scraper.errors import RunError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PROGRAM = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
from scraper.cluster.task import main
main()
"""
"""Who directs the run is told by signals that it is to stop, and tells its processes: a terminal sends its
signals to all of them."""
_ANSWER_BYTES = 1 << 24


class LocalProcesses:
    """An engine of child processes; see ``engine.Engine``."""

    dashboard: str | None = None
    shares_memory = False

    def __init__(self, tasks: asyncio.TaskGroup, *, workers: int) -> None:
        self._tasks = tasks
        self._workers = workers
        self._processes: dict[tuple[int, int], asyncio.subprocess.Process] = {}
        self._ended: asyncio.Queue[Ended] = asyncio.Queue()
        self._is_closed = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, *, workers: int) -> AsyncIterator[LocalProcesses]:
        """Give an engine; processes that are still there in the end are killed."""
        async with asyncio.TaskGroup() as tasks:
            engine = cls(tasks, workers=workers)
            try:
                yield engine
            finally:
                engine._is_closed = True
                for process in engine._processes.values():
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()

    async def room(self) -> int:
        """Return how many more processes may run."""
        return self._workers - len(self._processes)

    async def submit(self, shard: int, attempt: int, order: bytes) -> str:
        """Start a process for an attempt.

        Raises:
            RunError: None can be started.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _PROGRAM, stdin=pipe, stdout=pipe, limit=_ANSWER_BYTES
            )
        except OSError as error:
            raise RunError(f"no further process can be started: {error.strerror}") from error
        self._processes[shard, attempt] = process
        self._tasks.create_task(self._see_through(shard, attempt, order), name=f"part-{shard}-{attempt}")
        return f"process {process.pid}"

    async def _see_through(self, shard: int, attempt: int, order: bytes) -> None:
        process = self._processes[shard, attempt]
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):
            # Open until it ends: when we die, it sees that nobody is left to answer to.
            process.stdin.write(order + b"\n")
            await process.stdin.drain()
        answer = await process.stdout.read()
        code = await process.wait()
        process.stdin.close()
        del self._processes[shard, attempt]
        if code > 0 and not self._is_closed:  # a bug; its traceback is on our standard error
            raise RuntimeError(f"the process of part {shard} ended with exit code {code}")
        died = None if code == 0 else _how(code)
        self._ended.put_nowait(Ended(shard, attempt, None if died else answer, is_gone=True, why=died or ""))

    async def wait_any(self) -> Ended:
        """Wait for the end of any process."""
        return await self._ended.get()

    async def abandon(self, shard: int, attempt: int) -> None:
        """Kill the process of an attempt."""
        if (process := self._processes.get((shard, attempt))) is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def avoid(self, worker: str) -> None:
        """Do nothing: each process is a new one, and all are on this machine."""


def _how(code: int) -> str:
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-code}"
