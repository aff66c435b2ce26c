"""Parts on the workers of a Dask cluster: one that is there, or one of our own on this machine.

Each attempt is sent to one worker and no other. Dask would send it elsewhere when that worker is lost, while
the worker may still be at it, and count every other part against the cluster; here leases say when a part may
go on, and the director sends it then. What is sent is a function by its name and the order's bytes; Dask
itself wraps both by pickle, so a scheduler's address is as good as the right to run code: it is trusted.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from scraper.cluster.engine import Ended
from scraper.cluster.task import work
from scraper.errors import RunError, UsageError
from scraper.observe.printable import printable
from scraper.redaction import redact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from distributed import Future

_REMEDY = "--engine dask needs the package distributed: pip install distributed"
_CONNECT_S = 10.0
_WORKERS_WITHIN_S = 60.0
_ANSWERS_WITHIN_S = 30.0
"""How long the scheduler may take to answer a question before it counts as lost."""
_AVOIDED_S = 15.0
_AVOIDED_MOST_S = 600.0
_SEEN_WITHIN_S = 15.0
"""A worker that the scheduler has not heard of for so long is sent nothing."""
_NAME_CHARACTERS = 80
_LINK_CHARACTERS = 500
# Of hosts the ASCII ones, and no user info: nothing that could pass for another place than where it leads.
_is_page = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?"
).fullmatch


def require_library() -> None:
    """Make sure that the library is there.

    Raises:
        UsageError: It is not; the message has the remedy.
    """
    try:
        import distributed  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise UsageError(_REMEDY) from error


class DaskCluster:
    """An engine of Dask workers; see ``engine.Engine``."""

    shares_memory = False

    def __init__(self, client: Any, tasks: asyncio.TaskGroup) -> None:
        self._client = client  # ``Any``: its types know only the calls that block
        self._tasks = tasks
        self._futures: dict[tuple[int, int], tuple[Future[bytes], str]] = {}
        """With the address of the worker that each was sent to."""
        self._ended: asyncio.Queue[Ended] = asyncio.Queue()
        self._avoided: dict[str, tuple[float, float]] = {}
        """Workers that parts have failed at: until when they are sent nothing, and for how long that was."""
        self._name = f"scraper-{secrets.token_hex(4)}"
        self.dashboard: str | None = page_of(client)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, address: str, *, workers: int) -> AsyncIterator[DaskCluster]:
        """Give an engine: the cluster at an address, or a new one with so many workers.

        Raises:
            UsageError: There is no scheduler at the address, or it has no worker.
        """
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(_client(address, workers=workers))
            try:
                await client.wait_for_workers(1, timeout=_WORKERS_WITHIN_S)
            except TimeoutError:
                raise UsageError(
                    f"the scheduler at {address} has no worker: start one with `dask worker {address}`"
                ) from None
            async with asyncio.TaskGroup() as tasks:
                engine = cls(client, tasks)
                watching = tasks.create_task(engine._watch(), name="scheduler")
                try:
                    yield engine
                finally:
                    watching.cancel()
                    await engine._leave()

    async def room(self) -> int:
        """Return how many workers are free."""
        return len(await self._free())

    async def submit(self, shard: int, attempt: int, order: bytes) -> str:
        """Send an attempt to a free worker; return what the scheduler calls it.

        Raises:
            RunError: There is none any more.
        """
        free = await self._free()
        if not free:
            self._ended.put_nowait(Ended(shard, attempt, None, why="was lost before it was sent anything"))
            return ""
        address, name = next(iter(free.items()))
        future = self._client.submit(
            work,
            order,
            key=f"{self._name}-{shard}-{attempt}",
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        self._futures[shard, attempt] = (future, address)
        self._tasks.create_task(self._see_through(shard, attempt, future), name=f"part-{shard}-{attempt}")
        return name

    async def wait_any(self) -> Ended:
        """Wait for the end of any attempt."""
        return await self._ended.get()

    async def abandon(self, shard: int, attempt: int) -> None:
        """Forget an attempt. A thread can't be ended; what runs there leaves by itself."""
        if (held := self._futures.pop((shard, attempt), None)) is not None:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(held[0].cancel(force=True), _ANSWERS_WITHIN_S)

    def avoid(self, worker: str) -> None:
        """Send nothing to a worker for a while, each time twice as long."""
        _, for_s = self._avoided.get(worker, (0.0, _AVOIDED_S / 2))
        for_s = min(2 * for_s, _AVOIDED_MOST_S)
        self._avoided[worker] = (asyncio.get_running_loop().time() + for_s, for_s)

    async def _see_through(self, shard: int, attempt: int, future: Future[bytes]) -> None:
        from distributed import wait  # noqa: PLC0415 - an extra
        from distributed.client import FuturesCancelledError  # noqa: PLC0415 - the same
        from distributed.scheduler import KilledWorker  # noqa: PLC0415 - the same

        while not future.done():
            with contextlib.suppress(TimeoutError, FuturesCancelledError):
                await wait([future], timeout=1)
        held = self._futures.pop((shard, attempt), None)
        if held is None:
            return  # abandoned
        if future.status == "finished":
            answer: Any = future.result()  # a coroutine, since the client is asynchronous
            self._ended.put_nowait(Ended(shard, attempt, await answer, worker=held[1]))
            return
        if future.status == "error":
            error = await future.exception()
            if not isinstance(error, KilledWorker):
                raise error  # a bug
        self._ended.put_nowait(Ended(shard, attempt, None, why="was lost by the cluster"))

    async def _watch(self) -> None:
        """End all that runs when the scheduler is lost."""
        while True:
            await asyncio.sleep(_ANSWERS_WITHIN_S / 3)
            await self._workers()

    async def _workers(self) -> dict[str, dict[str, Any]]:
        """Return what the scheduler knows of its workers, by address.

        Raises:
            RunError: It does not answer.
        """
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                about = await self._client.scheduler.identity(n_workers=-1)
        except (OSError, TimeoutError) as error:
            raise RunError("the scheduler of the cluster is lost") from error
        found: dict[str, dict[str, Any]] = about["workers"]
        return found

    async def _free(self) -> dict[str, str]:
        """Return the workers that may be sent something, by address, with their names."""
        workers = await self._workers()
        taken = {address for _, address in self._futures.values()}
        now_s = asyncio.get_running_loop().time()
        latest_s = max((one["last_seen"] for one in workers.values()), default=0.0)
        return {
            address: _name(one.get("name"), address)
            for address, one in workers.items()
            if address not in taken
            and self._avoided.get(address, (0.0, 0.0))[0] <= now_s
            and one["last_seen"] >= latest_s - _SEEN_WITHIN_S
            and not one.get("metrics", {}).get("executing")
        }

    async def _leave(self) -> None:
        held, self._futures = list(self._futures.values()), {}
        for future, _ in held:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(future.cancel(force=True), 1)


@contextlib.asynccontextmanager
async def _client(address: str, *, workers: int) -> AsyncIterator[Any]:
    from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra

    if not address:
        own = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            asynchronous=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )
        async with own as cluster, Client(cluster, asynchronous=True) as client:
            yield client
        return
    try:
        client = await Client(address, asynchronous=True, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise UsageError(f"no scheduler of a Dask cluster at {address}: {error}") from error
    async with client:
        yield client


def page_of(client: Any) -> str | None:
    """Return the link to the cluster's page, ``None`` if it has none, or none that a browser may be led to.

    The scheduler says where it is, and the user's configuration of Dask how that is written.
    """
    if client.cluster is not None and find_spec("bokeh") is None:
        return None  # a cluster of our own, which has a bare page then
    try:
        link = client.dashboard_link
    except (LookupError, TypeError, ValueError, AttributeError):
        return None  # the scheduler has no page, or says of it what it should not
    is_one = isinstance(link, str) and _is_page(link) and len(link) <= _LINK_CHARACTERS
    return redact(link) if is_one else None


def _name(given: object, address: str) -> str:
    """Return a worker's name for people; those of a cluster of our own are numbers."""
    name = f"worker {given}" if isinstance(given, int) else given
    return printable(name if isinstance(name, str) and name else address, limit=_NAME_CHARACTERS)
