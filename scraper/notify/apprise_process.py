"""The process that apprise runs in: an errand on standard input, the result as an exit code.

What apprise says of a failure goes to standard error in one line, with every part of the URLs masked.
"""

from __future__ import annotations

import logging
import re
import sys
from urllib.parse import unquote

import msgspec

from scraper.redaction import MASK

MISSING = 3
"""Apprise is not installed."""
NO_SERVICE = 4
"""A URL names no service that it knows."""
FAILED = 5
"""A service did not take the message."""

_MIN_SECRET = 3
"""Shorter parts of a URL are left in what is shown: they would mask half of all words, and tell little."""
_parts = re.compile(r"[^\s/?#&=:@,;]+").findall
_KINDS = {"failure": "failure", "silence": "warning", "recovery": "success"}


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, and where."""

    urls: str
    title: str
    text: str
    kind: str

    def __repr__(self) -> str:
        return f"<Errand {self.kind}>"  # the URLs are secret


encode_errand = msgspec.json.Encoder().encode
_decode_errand = msgspec.json.Decoder(Errand).decode


def main() -> int:
    """Send what standard input says; return the exit code."""
    errand = _decode_errand(sys.stdin.buffer.read())
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return MISSING
    said = _Said()
    logger = logging.getLogger("apprise")
    logger.handlers[:] = [said]
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    # Texts of pages are in it: no path in it is read, no markup of ours is meant.
    services = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, secure_logging=True))
    if not services.add(errand.urls) or not len(services):
        sys.stderr.write(masked(said.last, errand.urls))
        return NO_SERVICE
    sent = services.notify(
        body=errand.text or errand.title,
        title=errand.title,
        notify_type=_KINDS.get(errand.kind, "info"),
        body_format="text",
        interpret_escapes=False,
    )
    if not sent:
        sys.stderr.write(masked(said.last, errand.urls))
        return FAILED
    return 0


class _Said(logging.Handler):
    """Keeps the last thing that was said."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a record, without its traceback."""
        self.last = record.getMessage()


def masked(text: str, urls: str) -> str:
    """Return text with all that stands in URLs masked, but for their schemes; one line."""
    line = " ".join(text.split())
    secrets = set()
    for url in re.split(r"[\s,]+", urls):
        rest = url.partition("://")[2] or url
        for part in _parts(rest):
            secrets |= {part, unquote(part)}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _MIN_SECRET:
            line = line.replace(secret, MASK)
    return line


if __name__ == "__main__":
    sys.exit(main())
