"""aiohttp's parser of answers, made as patient as browsers are, and bounded where it is not.

What it takes costs one call more. What it refuses is looked at again: a head that browsers take is put
right (``scraper.fetch.head``) and parsed anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from scraper.fetch.head import MAX_HEAD_BYTES, head_end, is_interim, may_become_head, mended_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fed: TypeAlias = "tuple[Sequence[tuple[Any, Any]], bool, bytes]"
"""What aiohttp's parser returns: messages with their bodies, whether the protocol changed, the rest."""

_NOTHING: Fed = ((), False, b"")
_MAX_FRAMING_BYTES = 256 * 1024
"""What chunked bodies may hold beside the body without bringing any of it: names and trailers."""
_FRAMING_PER_BYTE = 16
"""Beside that, a byte of the body may cost so many; the smallest chunks there are cost five."""


class AnswerParser:
    """Parses what a server sends in answer to one request.

    Only the final answer is passed on, and one of it. In the place of aiohttp's parser in its protocol:
    ``feed_data``, ``feed_eof`` and ``pause_reading`` are what that calls.
    """

    def __init__(self, make: Callable[[], Any], *, refusal: Callable[[str], Exception]) -> None:
        """Take what makes a parser of aiohttp's, and the class of errors that it refuses with."""
        self._make = make
        self._parser = make()
        self._refusal: Any = refusal
        self._sent = bytearray()
        """All that came before the end of the final head."""
        self._searched = 0
        self._interim_end = 0
        self._body: Any = None
        """aiohttp's reader of the body, once the head is there."""
        self._is_chunked = False
        self._is_upgraded = False
        self._body_bytes = 0
        self._framing_bytes = 0
        self.refused: Exception | None = None
        """Why nothing more is taken. With the head there, it is to be raised by another call."""
        self.complaint: Exception | None = None
        """Why the head is not to aiohttp's liking; it is being waited for, to be put right."""

    def feed_data(self, data: bytes) -> Fed:
        """Take in what came.

        Raises:
            HttpProcessingError: aiohttp's: it is no HTTP, too much of it, or nobody asked for it.
        """
        if self.refused is not None:
            raise self.refused
        try:
            return self._begin(data) if self._body is None else self._go_on(data)
        except self._refusal as error:
            self.refused = error
            raise

    def feed_eof(self) -> Any:
        """Take in that the connection has ended.

        Raises:
            HttpProcessingError: aiohttp's: the body is not whole.
        """
        # After the last byte of the body it would find fault with what nobody asked for.
        if self.refused or self.complaint or (self._body is not None and self._body.is_eof()):
            return None
        return self._parser.feed_eof()

    def pause_reading(self) -> None:
        """Take in no more of the body than there is room for."""
        self._parser.pause_reading()

    def _begin(self, data: bytes) -> Fed:
        self._sent += data
        if self.complaint is None:
            try:
                return self._taken(*self._parser.feed_data(data))
            except self._refusal as error:
                if self._body is not None:
                    raise
                self.complaint = error
        return self._mend(self.complaint)

    def _taken(self, messages: Sequence[tuple[Any, Any]], upgraded: bool, rest: bytes) -> Fed:  # noqa: FBT001 - aiohttp's tuple
        """Return the first final answer alone, and get ready for its body."""
        final = [message for message in messages if not is_interim(message[0].code)]
        if not final:
            if len(self._sent) > MAX_HEAD_BYTES:
                raise self._too_long()
            return _NOTHING
        head, body = final[0]
        if self._sent.lstrip(b"\r\n")[:5] != b"HTTP/":
            raise self._refusal("Bad status line: no HTTP")  # aiohttp's takes RTSP and ICE as well
        size_bytes = sum(len(name) + len(value) for name, value in head.raw_headers)
        if len(self._sent) > MAX_HEAD_BYTES and size_bytes > MAX_HEAD_BYTES:
            raise self._too_long()
        self._body, self._is_chunked, self._is_upgraded = body, bool(head.chunked), upgraded
        self._body_bytes = body.total_bytes
        self._sent.clear()
        if len(final) > 1 or head.code == 101:  # noqa: PLR2004 nothing behind it is HTTP, also if aiohttp reads on
            self.refused = self._unasked()
        return final[:1], upgraded, rest

    def _mend(self, complaint: Exception) -> Fed:
        """Put the head right, once it is there, and parse it and what came behind it anew."""
        while True:
            if not may_become_head(self._sent[self._interim_end : self._interim_end + 64]):
                raise complaint
            end = head_end(self._sent, max(self._searched, self._interim_end))
            if (end or len(self._sent)) > MAX_HEAD_BYTES:
                raise self._too_long()
            if end is None:
                self._searched = max(0, len(self._sent) - 2)
                return _NOTHING
            mended = mended_head(bytes(self._sent[self._interim_end : end]))
            if mended is None:
                raise complaint
            status, head = mended
            if not is_interim(status):
                break
            self._interim_end = end
        rest = bytes(self._sent[end:])
        self._parser = self._make()
        messages, upgraded, _ = self._parser.feed_data(head)
        self._sent[:] = head
        self._interim_end = 0
        taken = self._taken(messages, upgraded, b"")
        self.complaint = None
        if upgraded:
            return taken[0], True, rest
        if rest:
            try:
                self._go_on(rest)
            except self._refusal as error:
                self.refused = error
        return taken

    def _go_on(self, data: bytes) -> Fed:
        if self._is_upgraded:
            return _NOTHING
        if data and self._body.is_eof():
            raise self._unasked()
        messages, _, _ = self._parser.feed_data(data)
        if messages:
            raise self._unasked()
        if self._is_chunked:
            self._count_framing(len(data))
        return _NOTHING

    def _count_framing(self, size_bytes: int) -> None:
        """Bound what comes without being of the body: aiohttp keeps trailers, up to 64 KiB each."""
        grown = self._body.total_bytes - self._body_bytes
        self._body_bytes += grown
        self._framing_bytes = max(0, self._framing_bytes + size_bytes - (1 + _FRAMING_PER_BYTE) * grown)
        if self._framing_bytes > _MAX_FRAMING_BYTES:
            raise self._refusal(
                f"more than {_MAX_FRAMING_BYTES >> 10} KiB between the parts of a chunked body"
            )

    def _too_long(self) -> Exception:
        return self._refusal(f"the head of the answer has more than {MAX_HEAD_BYTES >> 10} KiB")  # type: ignore[no-any-return]

    def _unasked(self) -> Exception:
        return self._refusal("more came than was asked for")  # type: ignore[no-any-return]
