"""A body as it arrives: decoded in bounded steps, capped in bytes on both sides and in their ratio.

Pure: bytes in, bytes out. What comes out does not depend on how the bytes were cut up on their way; but
where a stream is broken just beyond a cap, one way may come to the cap first and another to the break.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from scraper.fetch.content_coding import ACCEPTED, ERRORS, BadEncoding, Decoder, decoders_for
from scraper.observe.figures import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.settings.model import FetchSettings

__all__ = ["ACCEPTED", "BadEncoding", "Body", "Bound", "cut_in_words"]

_PIECE_BYTES = 4 * 1024
"""The most that a decoder is given by the wire in one call. The ratio goes by whole pieces from the
body's beginning on, so that it means the same for each way the bytes may come."""
_BLOCK_BYTES = 16 * 1024
"""The most that one decoder gives to the next in one call."""
_STEP_BYTES = 64 * 1024
"""The most that one call of the last decoder gives."""
_STRETCH_BYTES = 64 * 1024
"""So many bytes go in and out of decoders between two pauses. What is held counts each time that it is
looked at, so that members and frames without content, a decoder each, soon come to it."""
_RATIO_FREE_BYTES = 1024 * 1024
"""No ratio is asked for below: a small page of one repeated row may well pass 10,000 to 1."""


class Bound(enum.Enum):
    """A cap of a body, by the setting that it usually has from."""

    WIRE = "fetch.max_wire_bytes"
    """Bytes taken in."""
    BODY = "fetch.max_body_bytes"
    """Bytes kept, or passed between two codings."""
    RATIO = "fetch.max_ratio"
    """The same for each byte taken in."""


def cut_in_words(bound: Bound | None, settings: FetchSettings, cap_bytes: int | None) -> str | None:
    """Return which cap a body has passed, with its figure; ``cap_bytes`` is one in place of the settings'."""
    match bound:
        case None:
            return None
        case Bound.RATIO:
            return f"{bound.value} ({settings.max_ratio:,} to 1)"
        case _ if cap_bytes is not None:
            return f"the {size(cap_bytes)} that are read of it"
        case Bound.WIRE:
            return f"{bound.value} ({size(settings.max_wire_bytes)})"
        case Bound.BODY:
            return f"{bound.value} ({size(settings.max_body_bytes)})"


class Body:
    """A body as it arrives. Codings are undone in the reverse order of the header.

    Reading may stop as soon as ``is_full``.
    """

    def __init__(
        self,
        content_encoding: str,
        *,
        max_wire_bytes: int,
        max_body_bytes: int,
        max_ratio: int = 200,
        keeps_wire: bool = False,
    ) -> None:
        """Prepare for the value of a ``Content-Encoding`` header (empty without one).

        Args:
            content_encoding: The header; several of them joined by commas (RFC 9110 section 5.3).
            max_wire_bytes: The most that is taken in.
            max_body_bytes: The most that is kept, and the most that passes between two codings.
            max_ratio: From 1 MiB on, no more is kept than so many times the bytes taken in, which are
                counted in whole 4 KiB.
            keeps_wire: What came from the wire is wanted too, see ``wire``.

        Raises:
            BadEncoding: A coding can't be undone, or there are too many.
        """
        self._decoders: list[Decoder] = decoders_for(content_encoding)
        # Not a list of chunks: those of a dripping server are smaller than what holds them.
        self._body = bytearray()
        # What is not coded is the same on the wire.
        self._wire = bytearray() if keeps_wire and self._decoders else None
        self._finished: bytes | None = None
        self._between_bytes = 0
        self._max_wire_bytes = max_wire_bytes
        self._max_body_bytes = max_body_bytes
        self._max_ratio = max_ratio
        self._allowed_bytes = max_body_bytes
        self._since_pause_bytes = 0
        self._is_cut = False
        """Decoding has come to a cap."""
        self._is_over = False
        """More came from the wire than may."""
        self.wire_bytes = 0
        """Taken in so far; never more than the cap."""

    @property
    def kept_bytes(self) -> int:
        """How many bytes are held by now."""
        return len(self._body) + (0 if self._wire is None else len(self._wire))

    @property
    def most_bytes(self) -> int:
        """How many there can be at the most."""
        if self._decoders:
            return self._max_body_bytes + (0 if self._wire is None else self._max_wire_bytes)
        return min(self._max_wire_bytes, self._max_body_bytes)

    @property
    def wire(self) -> bytes:
        """What came from the wire, up to its cap; only where that was asked for."""
        if self._wire is not None:
            return bytes(self._wire)
        return bytes(self._body) if self._finished is None else self._finished

    @property
    def is_full(self) -> bool:
        """Whether a cap was passed: what is beyond it is not kept."""
        return self._is_cut or self._is_over

    @property
    def cut_by(self) -> Bound | None:
        """Which cap was passed, ``None`` when none was."""
        if self._is_cut:
            if not self._decoders or self._allowed_bytes == self._max_body_bytes:
                return Bound.BODY
            return Bound.RATIO
        return Bound.WIRE if self._is_over else None

    def feed(self, data: bytes) -> None:
        """Take in what came from the wire, at one go; see ``feeding``."""
        for _ in self.feeding(data):
            pass

    def finish(self, *, is_whole: bool = True) -> bytes:
        """Return the decoded body, once all has come; without ``is_whole`` what there is of it.

        Raises:
            BadEncoding: The coded stream ended early, and not because of a cap.
        """
        if (
            is_whole
            and not self.is_full
            and self.wire_bytes
            and not all(one.is_whole for one in self._decoders)
        ):
            raise BadEncoding("the compressed body ends early")
        self._finished = bytes(self._body)
        return self._finished

    def feeding(self, data: bytes) -> Iterator[None]:
        """Take in what came from the wire, as the caller runs through the pauses that this yields.

        Between two pauses some 64 KiB are worked on: 0.2 ms for pages, measured, 2 to 6 ms for brotli made
        of empty metadata blocks, the slowest stream that we could make up. At one go, 20 KiB of it within
        gzip held the event loop for 0.9 s.

        Raises:
            BadEncoding: It can't be decoded.
        """
        if self.is_full:
            return
        room = self._max_wire_bytes - self.wire_bytes
        self._is_over = len(data) > room
        if self._is_over:
            data = data[:room]
        self.wire_bytes += len(data)
        if self._wire is not None:
            self._wire += data
        if not self._decoders:
            self._keep(data)
            return
        at = self.wire_bytes - len(data)
        begun = 0
        while begun < len(data) and not self._is_cut:
            pieces = (at + begun) // _PIECE_BYTES + 1
            end = pieces * _PIECE_BYTES - at
            allowed_bytes = max(_RATIO_FREE_BYTES, self._max_ratio * pieces * _PIECE_BYTES)
            self._allowed_bytes = min(self._max_body_bytes, allowed_bytes)
            yield from self._decode(data[begun:end], 0)
            begun = end

    def _decode(self, data: bytes, stage: int) -> Iterator[None]:
        """Pass data through the decoders from ``stage`` on."""
        if stage == len(self._decoders):
            self._keep(data)
            return
        decoder = self._decoders[stage]
        is_last = stage + 1 == len(self._decoders)
        held = -1
        while not self._is_cut:
            in_bytes = len(data) + len(decoder.held)
            try:
                out = decoder.feed(data, _STEP_BYTES if is_last else _BLOCK_BYTES)
            except ERRORS as error:
                raise BadEncoding(str(error)) from error
            self._since_pause_bytes += in_bytes + len(out)
            if self._since_pause_bytes >= _STRETCH_BYTES:
                self._since_pause_bytes = 0
                yield
            if out:
                self._count(out, is_last=is_last)
                yield from self._decode(out, stage + 1)
            elif not decoder.held or len(decoder.held) == held:
                return  # nothing came and nothing moved: it wants more from the wire
            data = b""
            held = len(decoder.held)

    def _count(self, out: bytes, *, is_last: bool) -> None:
        """Cap what passes between two codings as well.

        Else a bomb whose inside decodes to nothing is worked on for as long as it inflates.
        """
        if not is_last:
            self._between_bytes += len(out)
            self._is_cut = self._is_cut or self._between_bytes > self._allowed_bytes

    def _keep(self, data: bytes) -> None:
        room = self._allowed_bytes - len(self._body)
        if len(data) > room:
            self._is_cut = True
            if not self._decoders:
                self.wire_bytes -= len(data) - room
        self._body += data[:room]
