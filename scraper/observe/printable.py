"""Foreign text made fit for a terminal, pure.

URLs, host names and messages come from lists and servers. Written raw, a terminal would take their
control characters as orders: move the cursor, rename the window, and by bidirectional marks show an
address as another one.
"""

from __future__ import annotations

import re
import unicodedata

from scraper.redaction import redact

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    # OSC, DCS and kin. None of them may hold the beginning of another: a row of beginnings without an
    # end would be searched for it again from each.
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_NOT_ASCII = re.compile("[^\n -~]")
_ASTRAL = 0x10000
_SURROGATES = range(0xD800, 0xE000)
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
    return printable(without_secrets(printable(text)), limit=limit)


def without_secrets(text: str) -> str:
    """Return text with the secrets of the URLs in it masked."""
    return _URL.sub(lambda url: redact(url[0]), text)


def printable_json(lines: str, *, ascii_only: bool = False) -> str:
    r"""Return lines of JSON text that a terminal can only show, and that mean the same when parsed.

    What ``str.isprintable`` says no to is written as ``\uXXXX`` (RFC 8259 section 7): DEL and the 8-bit
    controls, which JSON lets stand, bidirectional and zero-width marks, line separators, private use. Line
    feeds stay, and so do lone surrogates, which stand for bytes that were no UTF-8.

    Args:
        lines: JSON text; nothing but its strings holds such characters.
        ascii_only: Escape all that is not ASCII, for a terminal that would read UTF-8 as something else.
    """
    if lines.isascii() and "\x7f" not in lines:
        return lines

    def escaped(found: re.Match[str]) -> str:
        char = found[0]
        code = ord(char)
        if (char.isprintable() and not ascii_only) or code in _SURROGATES:
            return char
        if code < _ASTRAL:
            return f"\\u{code:04x}"
        high, low = divmod(code - _ASTRAL, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"

    return _NOT_ASCII.sub(escaped, lines)
