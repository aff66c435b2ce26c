"""What passes between the run's process and a child that visits for it, and how it lies on their socket.

Orders go down as JSON: a line's other columns may hold numbers that MessagePack has no room for. News
come up as MessagePack, since records are bytes. Each is preceded by its length in four bytes.
"""

from __future__ import annotations

import asyncio
import struct
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

import msgspec

from scraper.messages import Again, Errand, Finished, Hop, Impression, Request, Response
from scraper.robots.access import RobotsFile
from scraper.settings.model import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

_length = struct.Struct("<I")


class Start(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What a child is to know before the first visit."""

    settings: Settings
    token: str
    """The name that robots.txt may call us by."""
    run: str
    archives: bool = False
    """What was on the wire is wanted as records of an archive, see ``Exchanged``."""


class Visit(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Visit an errand that asks somebody."""

    number: int
    """What the visit goes by between the two; never 0."""
    errand: Errand
    may_retry: bool
    """The run's budget has a further try."""


class Failed(msgspec.Struct, frozen=True, array_like=True):
    """A ``FetchError``, by its parts."""

    outcome: str
    kind: str
    message: str
    phase: str


class Conclude(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Say what comes of an answer that is there already."""

    number: int
    """As of a visit."""
    request: Request
    response: Response | None
    failure: Failed | None
    at: datetime


class Cancel(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Leave a visit; there are to be no news of it."""

    number: int


class Archived(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """An exchange is in the archive; its visit may go on."""

    number: int
    """That of the exchange."""


class Ping(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Say that you are there."""


Order: TypeAlias = Start | Visit | Conclude | Cancel | Archived | Ping


class Departed(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The request of a visit is on its way."""

    number: int


class Waits(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The host of a visit keeps it waiting, or does so no more."""

    number: int
    is_kept_waiting: bool


class Came(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A visit's end. Lines in ``verdict`` that go again are without their other columns."""

    number: int
    verdict: Finished | Again | Hop | None
    """``None`` when it was for a robots.txt that is there to be read."""
    robots: RobotsFile | None
    impression: Impression
    tries_taken: int
    """Further tries that were granted since the last news."""


class Exchanged(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What was on the wire; the child waits until it is in the archive."""

    number: int
    """What the exchange goes by between the two, whichever visit it is of."""
    records: bytes
    """As they are to be in the archive."""


class Broke(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The run can't go on, and why."""

    number: int
    message: str


class Pong(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The child is there, and its event loop turns."""


News: TypeAlias = Departed | Waits | Exchanged | Came | Broke | Pong

encode_order = msgspec.json.Encoder().encode
decode_order = msgspec.json.Decoder(Order).decode
encode_news = msgspec.msgpack.Encoder().encode
decode_news = msgspec.msgpack.Decoder(News).decode

Sent = TypeVar("Sent")
Received = TypeVar("Received")


class Line(asyncio.Protocol, Generic[Sent, Received]):
    """One end of the socket. What is sent in one turn of the loop goes out in one write.

    Nothing bounds what waits to be written but the number of visits under way.
    """

    def __init__(
        self,
        *,
        encode: Callable[[Sent], bytes],
        decode: Callable[[bytes], Received],
        receive: Callable[[Received], None],
        lost: Callable[[], None],
    ) -> None:
        """Take what turns messages into bytes and back, and what is called with each that comes.

        ``lost`` is called when the other end is gone.
        """
        self._encode = encode
        self._decode = decode
        self._receive = receive
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._coming = bytearray()
        self._going: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its class

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - gone is gone
        """End."""
        self._transport = None
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Pass on the messages that are whole."""
        self._coming += data
        coming, at = memoryview(self._coming), 0
        messages = []
        while len(coming) - at >= _length.size:
            end = at + _length.size + _length.unpack_from(coming, at)[0]
            if end > len(coming):
                break
            messages.append(self._decode(bytes(coming[at + _length.size : end])))
            at = end
        coming.release()
        del self._coming[:at]
        for message in messages:
            self._receive(message)

    def send(self, message: Sent) -> None:
        """Send a message; to an end that is gone it goes nowhere."""
        body = self._encode(message)
        if not self._going:
            self._loop.call_soon(self._flush)
        self._going += (_length.pack(len(body)), body)

    def close(self) -> None:
        """Send what is to be sent, and end."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        going, self._going = self._going, []
        if going and self._transport is not None:
            self._transport.write(b"".join(going))
