"""Foreign text made fit for a terminal, pure.

URLs, host names and messages come from lists and servers. Written raw, a terminal would take their
control characters as orders: move the cursor, rename the window, and by bidirectional marks show an
address as another one.
"""

from __future__ import annotations

import re
import unicodedata

from scraper.urls import redact

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and kin
    r"|\x1b[ -/]*[0-~]"
)
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
_DROPPED = frozenset({"Cc", "Cf", "Cs"})
_ELLIPSIS = "..."
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


def printable(text: str, *, limit: int | None = None) -> str:
    """Return ``text`` as one line that a terminal can only show, never obey.

    Escape sequences (ECMA-48) go as a whole; what is left of the categories Cc (controls, also the
    8-bit ones), Cf (bidirectional and zero-width marks) and Cs (lone surrogates, which no stream
    could encode) goes character by character. Tabs and all kinds of line breaks become a blank.
    Rich's markup is left as it is: give the result to ``rich.text.Text``, which reads none.

    Args:
        text: Anything.
        limit: The most characters to return, at least 3; a longer text is cut and ends in ``...``.
    """
    if text.isascii() and text.isprintable():
        clean = text
    else:
        clean = "".join(
            " " if char in _BREAKS else char
            for char in _SEQUENCES.sub("", text)
            if char in _BREAKS or unicodedata.category(char) not in _DROPPED
        )
    if limit is None or len(clean) <= limit:
        return clean
    return clean[: limit - len(_ELLIPSIS)] + _ELLIPSIS


def printable_url(url: str, *, limit: int) -> str:
    """Return a URL, or a line meant as one, without secrets and as ``printable`` makes it."""
    # Cleaned first: a mark of no width in a parameter's name would hide it from the redaction.
    return printable(redact(printable(url)), limit=limit)


def printable_sentence(text: str, *, limit: int) -> str:
    """Return text with the secrets of the URLs in it masked, and as ``printable`` makes it."""
    return printable(_URL.sub(lambda url: redact(url[0]), printable(text)), limit=limit)
