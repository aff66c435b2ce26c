"""Host names to addresses: the system's resolver, in threads of its own, with a deadline."""

from __future__ import annotations

import asyncio
import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

_THREADS = 32


class SystemResolver(AbstractResolver):
    """Asks what every program on the machine asks: ``getaddrinfo``, hosts file included.

    The threads are not those of asyncio's default pool, which write the output: a name server that is
    silent must not hold back the disk. c-ares is not used: where it and the system disagree, users
    side with the system.
    """

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, in the system's order of preference.

        Raises:
            OSError: There are none (``socket.gaierror``), or no answer came in time
                (``TimeoutError`` with an ``errno``, by which aiohttp takes it for the resolver's).
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await loop.run_in_executor(
                    self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
                )
        except TimeoutError as error:
            raise TimeoutError(errno.ETIMEDOUT, "the resolver gave no answer in time") from error
        except UnicodeError as error:
            # Python's ``idna`` codec, which every name goes through: a label over 63 bytes, or none.
            raise socket.gaierror(socket.EAI_NONAME, "not a name that can be looked up") from error
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return [
            {
                "hostname": host,
                "host": str(address[0]),
                "port": port,
                "family": kind,
                "proto": protocol,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Let go of the threads; a look-up under way ends in its own time."""
        self._threads.shutdown(wait=False, cancel_futures=True)
