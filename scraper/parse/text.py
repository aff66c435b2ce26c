"""Text as a reader sees it: what of a document counts, where words end, how white space folds.

The rules are shared by both parsers' backends. They follow the HTML Standard's section 15.3 (rendering):
what it displays as ``none`` is left out, what it displays inline does not end a word, and everything
else, elements it does not know included, does. Where several renderings are possible, it is that of
``innerText`` (HTML Standard 3.2.7): a ``select`` gives all its options, images give nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scraper.parse.white_space import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

# fmt: off
INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "blink", "cite", "code", "data", "del", "dfn",
    "em", "font", "i", "ins", "kbd", "label", "mark", "nobr", "q", "rb", "ruby", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))
# fmt: on
"""Elements whose edges do not end a word: ``foo<b>bar</b>`` is one."""

# fmt: off
SET_APART = frozenset((
    "button", "embed", "img", "input", "meter", "object", "optgroup", "option", "output", "picture",
    "progress", "select", "source", "textarea",
))
# fmt: on
"""Elements that end a word but not a line: a picture or a button within a sentence."""

GRAPHICS = frozenset(("math", "svg"))
"""The same, and so is all that they hold."""

# fmt: off
INVISIBLE = frozenset((
    "annotation", "annotation-xml", "audio", "canvas", "datalist", "desc", "head", "iframe", "metadata",
    "noembed", "noframes", "noscript", "rp", "rt", "rtc", "script", "style", "template", "title", "video",
))
# fmt: on
"""Elements whose text is not read: never displayed, a fallback, or (rt) said beside another word.

``annotation`` holds a formula's source (MathML Core 3.1), ``desc`` and ``metadata`` describe a graphic
(SVG 2, 5.8).
"""

RAW = frozenset(("iframe", "noembed", "noframes", "noscript", "template"))
"""Elements whose markup is not part of the document: raw text where scripts run, and templates."""

_BETWEEN = "\0"
"""Stands between texts that are folded together: neither white space nor in a page's text, since the
HTML Standard drops it."""

SEPARATOR = "\x1e"
"""What stands between blocks in text that is not folded yet: white space to ``str.split``, and not a line
feed, which markup has anywhere."""

MAX_TEXT = 10_000
"""The most characters of one field; what is longer is cut."""

MAX_RAW_TEXT = 4 * MAX_TEXT
"""The most characters that are looked at for one field, white space not folded yet: one of megabytes costs no
more than a long one."""

MAX_NAME = 100
"""The most characters of a name that a page makes up: of an OpenGraph property, of a ``rel``."""

# C0, DEL and C1 but for those that str.split() takes as white space; and lone surrogates, which no
# JSON encoder takes. Also characters without a glyph that only say where a line may break or not: a soft
# hyphen, a zero width space, a word joiner, U+FEFF. Joiners, which shape letters and emoji, and marks of
# direction stay.
unprintable = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff\ud800-\udfff]+")

_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
_LONG = 100
"""From so many characters on, one translation is quicker than asking for each."""

_HIDING = {
    "display": frozenset(("none",)),
    "visibility": frozenset(("hidden", "collapse")),
    "content-visibility": frozenset(("hidden",)),
}
# Comments, strings and arguments, in which a semicolon ends nothing; linear, since what is left open goes on
# to the end (CSS Syntax 3, 4.3).
_CSS_OPAQUE = re.compile(r"""/\*(?:.*?\*/|.*)|"[^"]*+(?:"|$)|'[^']*+(?:'|$)|\([^()]*+\)""", re.DOTALL)


def fold(text: str) -> str:
    """Fold white space (Unicode's) to single spaces, strip the ends, remove control characters.

    And what only a line break would show: words are the same with and without a soft hyphen.
    """
    shown = folded(text)
    # One call in C settles it for nearly every text.
    if is_printable(shown):
        return shown
    if unprintable.search(shown) is None:
        return shown
    return folded(unprintable.sub("", shown))


def is_printable(text: str) -> bool:
    """What ``str.isprintable`` says; of a long text in ASCII in a fifth of the time."""
    if len(text) < _LONG or not text.isascii():
        return text.isprintable()
    return not text.encode().translate(None, _PRINTABLE_ASCII)


def hides(style: str) -> bool:
    """Whether the declarations of a ``style`` attribute keep an element from being displayed.

    By CSS Style Attributes and Cascade 4 (6.4): the last declaration of a property counts, an important
    one before the others. Escapes and values that do not exist are not recognised.
    """
    style = style.lower()
    if "none" not in style and "hidden" not in style and "collapse" not in style:
        return False
    values: dict[str, tuple[bool, str]] = {}
    for declaration in _CSS_OPAQUE.sub(" ", style).split(";"):
        name, _, value = declaration.partition(":")
        name = name.strip()
        if name not in _HIDING:
            continue
        value, mark, _ = value.partition("!")
        if bool(mark) >= values.get(name, (False, ""))[0]:
            values[name] = bool(mark), value.strip()
    return any(value in _HIDING[name] for name, (_, value) in values.items())


def field(text: str | None) -> str | None:
    """Fold one field's text and cut it to ``MAX_TEXT``; ``None`` when nothing is left."""
    if not text:
        return None
    return fold(text[:MAX_RAW_TEXT])[:MAX_TEXT].rstrip() or None


def fields(texts: Sequence[str]) -> list[str | None]:
    """Do what ``field`` does to each text, for most lists by a few calls for all.

    For the texts of the 320 links of a large page it takes a third of the time.
    """
    if max(map(len, texts), default=0) <= MAX_TEXT:
        joined = _BETWEEN.join(texts)
        shown = folded(joined)
        pieces = shown.split(_BETWEEN)
        if len(pieces) == len(texts) and is_printable(shown.replace(_BETWEEN, "")):
            return [piece.strip() or None for piece in pieces]
    return [field(text) for text in texts]


def lines(text: str) -> str:
    """Return visible text a line for each block, white space within a line folded, empty ones left out."""
    return "\n".join(line for piece in text.split(SEPARATOR) if (line := fold(piece)))


class Texts:
    """Makes fields of texts, and remembers which of them are longer in the page."""

    def __init__(self) -> None:
        self.cut: set[str] = set()
        """What is left of those."""

    def field(self, text: str | None) -> str | None:
        """Fold one field's text and cut it, as ``field`` does."""
        shown = field(text)
        if shown and text and len(text) > MAX_TEXT and is_cut(text):
            self.cut.add(shown)
        return shown


def is_cut(text: str) -> bool:
    """Whether ``field`` returns less than all of a text."""
    if len(text) <= MAX_TEXT:
        return False
    rest = text[MAX_RAW_TEXT:]
    return bool(rest and not rest.isspace()) or len(fold(text[:MAX_RAW_TEXT])) > MAX_TEXT
