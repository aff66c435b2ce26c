"""Small pages without end, for measuring: ``/bulk/N?size=BYTES&delay=SECONDS`` has the title ``Bulk N``.

Everything but the number is built once for each size, so that the server costs a benchmark little.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

PREFIX = b"/bulk/"
DEFAULT_SIZE_BYTES = 1024
LEAST_SIZE_BYTES = 400
"""Room for the frame of the page; smaller sizes are raised to it."""
MOST_SIZE_BYTES = 8 * 1024 * 1024
MOST_DELAY_S = 600.0
_MOST_DIGITS = 18


class BulkPage(NamedTuple):
    """One answer, ready to be sent."""

    payload: bytes
    delay_s: float


@functools.lru_cache(maxsize=128)
def _frame(size_bytes: int, digits: int) -> tuple[bytes, bytes, bytes]:
    """The response around the number, which stands in it twice: for one size and length of number."""
    before = b'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Bulk '
    between = (
        b'</title>\n<meta name="description" content="A small page for measuring"></head><body><h1>Bulk '
    )
    after = b"</h1>\n"
    end = b"</body></html>\n"
    paragraph = b'<p>Some words of plain text, and <a href="/bulk/1">a link</a> to another page.</p>\n'
    room = size_bytes - len(before) - len(between) - len(after) - len(end) - 2 * digits
    count, spaces = divmod(room, len(paragraph))
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
        % size_bytes
    )
    return head + before, between, after + paragraph * count + b" " * spaces + end


def bulk_page(target: bytes) -> BulkPage | None:
    """Answer a request target that begins with ``PREFIX``; ``None`` when it is not well formed."""
    number, _, query = target[len(PREFIX) :].partition(b"?")
    if not number.isdigit() or len(number) > _MOST_DIGITS:
        return None
    size_bytes, delay_s = DEFAULT_SIZE_BYTES, 0.0
    if query:
        for pair in query.split(b"&"):
            name, _, value = pair.partition(b"=")
            try:
                if name == b"size":
                    size_bytes = min(max(int(value), LEAST_SIZE_BYTES), MOST_SIZE_BYTES)
                elif name == b"delay":
                    delay_s = float(value)
            except ValueError:
                return None
        if not 0 <= delay_s <= MOST_DELAY_S:
            return None
    first, second, last = _frame(size_bytes, len(number))
    return BulkPage(b"%b%b%b%b%b" % (first, number, second, number, last), delay_s)
