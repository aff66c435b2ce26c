"""The users' backend: Beautiful Soup over lxml."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, Script, Stylesheet
from bs4.exceptions import ParserRejectedMarkup

from scraper.parse.document import MAX_NODES, BrokenDocument
from scraper.parse.text import INLINE, INVISIBLE, RAW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SEPARATOR = "\n"
# A comment, CDATA or declaration is a NavigableString too, and no text.
_TEXT_TYPES = (NavigableString, Script, Stylesheet)


class SoupDocument:
    """A page as Beautiful Soup's tree, which stays whole and is at ``soup`` for users' hooks."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self.soup = soup

    def elements(self, tags: Sequence[str]) -> Iterator[Tag]:
        """All elements by these names, in document order; nothing within templates and raw text."""
        wanted = frozenset(tags)
        waiting: list[Any] = list(reversed(self.soup.contents))
        while waiting:
            node = waiting.pop()
            if isinstance(node, Tag):
                name = node.name.lower()
                if name in wanted:
                    yield node
                if name not in RAW:
                    waiting.extend(reversed(node.contents))

    def tag(self, node: Tag, /) -> str:
        """The lower-case name of an element."""
        return node.name.lower()

    def attr(self, node: Tag, name: str, /) -> str | None:
        """An attribute's value, ``None`` when absent."""
        value = node.attrs.get(name)
        return None if value is None else str(value)

    def is_html(self, node: Tag, /) -> bool:
        """False within svg and math."""
        # A svg in a foreignObject has HTML again, which nobody puts a title into.
        return node.find_parent(("svg", "math")) is None

    def text(self, node: Tag, /) -> str:
        """An element's text, inline elements joined, others apart."""
        return _text(node, limit=MAX_NODES)

    def visible_text(self) -> str:
        """Walk over the page and join what is read; the tree stays whole."""
        return _text(self.soup, limit=None)


def _text(root: Tag, *, limit: int | None) -> str:
    parts: list[str] = []
    waiting: list[Any] = [root]
    seen = 0
    while waiting and (limit is None or seen < limit):
        seen += 1
        node = waiting.pop()
        if isinstance(node, Tag):
            name = node.name.lower()
            if node is not root and (name in INVISIBLE or (limit is None and _is_hidden(node, name=name))):
                continue
            if name not in INLINE:
                parts.append(_SEPARATOR)
                waiting.append(_SEPARATOR)
            waiting.extend(reversed(node.contents if limit is None else node.contents[:limit]))
        elif type(node) in _TEXT_TYPES or type(node) is str:
            parts.append(node)
    return "".join(parts)


def _is_hidden(node: Tag, *, name: str) -> bool:
    return "hidden" in node.attrs or (name == "dialog" and "open" not in node.attrs)


def open_soup(text: str) -> SoupDocument:
    """Parse a page.

    Raises:
        BrokenDocument: when the parser gives up.
    """
    try:
        with warnings.catch_warnings():
            # It warns when a page looks like XML or like a file's name: both are just hostile input here.
            warnings.simplefilter("ignore")
            # libxml2 takes NUL as the end of the page.
            soup = BeautifulSoup(text.replace("\0", ""), "lxml", multi_valued_attributes=None)
    except (RecursionError, ValueError, MemoryError, AssertionError, ParserRejectedMarkup) as error:
        raise BrokenDocument(f"the HTML parser gave up: {error}") from error
    return SoupDocument(soup)
