"""The users' backend: Beautiful Soup over lxml."""

from __future__ import annotations

import time
import warnings
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import soupsieve
from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, Script, Stylesheet
from bs4.exceptions import ParserRejectedMarkup

from scraper.parse.document import (
    MAX_NODES,
    MAX_NODES_IN_ALL,
    BadSelector,
    BrokenDocument,
    SlowSelector,
)
from scraper.parse.taming import first_tags
from scraper.parse.text import GRAPHICS, INLINE, INVISIBLE, MAX_RAW_TEXT, RAW, SEPARATOR, SET_APART, hides

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_TAGS = 100_000
"""So many tags of a page are parsed at the most: they take 3 s and 100 MB, and the time and the memory grow
with them."""

MAX_SELECT_S = 5.0
"""Processor time for the selectors of a page. ``:nth-child`` and the like cost soupsieve time that grows with
the square of the page: on 30,000 siblings it took minutes."""

_SMALL = 1000
"""Elements up to which nothing can take long."""
_FOREIGN = frozenset(("svg", "math"))
# A comment, CDATA or declaration is a NavigableString too, and no text.
_TEXT_TYPES = (NavigableString, Script, Stylesheet)


class SoupDocument:
    """A page as Beautiful Soup's tree, which stays whole and is at ``soup`` for users' hooks."""

    def __init__(self, soup: BeautifulSoup, *, tags: frozenset[str], markup: str, is_whole: bool) -> None:
        self.soup = soup
        named = ((node.name.lower(), node) for node in _outside_raw(soup))
        self.elements = [(name, node) for name, node in named if name in tags]
        self._markup = markup
        self.is_whole = is_whole
        self._nodes_left = MAX_NODES_IN_ALL
        self._selectable: list[Tag] | None = None
        self._select_s = 0.0

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
        # By hand, since find_parent took 3 µs for each ancestor: a thousand titles, deep in a page, 10 s.
        above = node.parent
        while above is not None:
            if above.name in _FOREIGN:
                return False
            above = above.parent
        return True

    def is_in_head(self, node: Tag, /) -> bool:
        """Whether an element is a child of the document's ``head``."""
        return node.parent is not None and node.parent.name == "head"

    def has_attribute(self, name: str, /) -> bool:
        """Whether any element may have this attribute: the markup tells, in 20 µs, the tree in 1.5 ms."""
        return name in self._markup.lower()

    def outline(self, names: Sequence[str], /) -> list[tuple[Tag, int]]:
        """All elements that have one of these attributes, and which of them each is in."""
        wanted = frozenset(names)
        found: list[tuple[Tag, int]] = []
        waiting: list[tuple[Any, int]] = [(node, -1) for node in reversed(self.soup.contents)]
        while waiting:
            node, around = waiting.pop()
            if isinstance(node, Tag):
                if not wanted.isdisjoint(node.attrs):
                    found.append((node, around))
                    around = len(found) - 1
                if node.name.lower() not in RAW:
                    waiting.extend((child, around) for child in reversed(node.contents))
        return found

    def select(self, selector: soupsieve.SoupSieve, /) -> Iterator[Tag]:
        """All elements that a selector matches.

        Raises:
            SlowSelector: The page's selectors have taken too long.
        """
        if self._selectable is None:
            # The Standard has templates' content apart from the document, and turbohtml has no templates.
            for template in self.soup.find_all("template"):
                template.extract()
            self._selectable = _outside_raw(self.soup)
        if len(self._selectable) <= _SMALL:
            found = set(map(id, selector.select(self.soup)))
            yield from (node for node in self._selectable if id(node) in found)
            return
        for node in self._selectable:
            began_s = time.thread_time()
            is_match = selector.match(node)
            self._select_s += time.thread_time() - began_s
            if self._select_s > MAX_SELECT_S:
                raise SlowSelector(f"the selectors take more than {MAX_SELECT_S:g} s on this page")
            if is_match:
                yield node

    def text(self, node: Tag, /) -> tuple[str, bool]:
        """An element's text, inline elements joined, others apart; and whether that is all of it."""
        text, nodes, is_whole = _text(node, limit=min(MAX_NODES, self._nodes_left))
        self._nodes_left -= nodes
        return text, is_whole

    def texts(self, nodes: Iterable[Tag], /) -> tuple[list[str], bool]:
        """What a field needs of each element's text, and whether ``text`` gave all of all of them."""
        texts: list[str] = []
        is_whole = True
        for node in nodes:
            text, is_all = self.text(node)
            is_whole &= is_all
            texts.append(text[:MAX_RAW_TEXT])
        return texts, is_whole

    def alternatives(self, node: Tag, /) -> list[str]:
        """The ``alt`` texts of the images in an element."""
        found: list[str] = []
        for one in islice(node.descendants, min(MAX_NODES, self._nodes_left)):
            self._nodes_left -= 1
            if isinstance(one, Tag) and one.name.lower() == "img" and (text := self.attr(one, "alt")):
                found.append(text)
        return found

    def visible_text(self, *, in_lines: bool = False) -> str:
        """Walk over the page and join what is read; the tree stays whole."""
        parts: list[str] = []
        waiting: list[Any] = [self.soup]
        around = {"pre": 0, **dict.fromkeys(GRAPHICS, 0)}
        while waiting:
            node = waiting.pop()
            if isinstance(node, Tag):
                name = node.name.lower()
                if name in INVISIBLE or _is_hidden(node, name=name):
                    continue
                if in_lines and name in around:
                    around[name] += 1
                    waiting.append(_End(name))
                if name not in INLINE:
                    is_apart = in_lines and (name in SET_APART or any(around[one] for one in GRAPHICS))
                    gap = " " if is_apart else SEPARATOR
                    parts.append(gap)
                    waiting.append(gap)
                waiting.extend(reversed(_displayed(node, name=name)))
            elif type(node) in _TEXT_TYPES or type(node) is str:
                parts.append(node.replace("\n", SEPARATOR) if around["pre"] else node)
            elif isinstance(node, _End):
                around[node.name] -= 1
        return "".join(parts)


class _End(NamedTuple):
    """Where an element ends, on the way through a tree."""

    name: str


def _text(root: Tag, *, limit: int) -> tuple[str, int, bool]:
    """Return the text, how many nodes were read for it, and whether these were all."""
    parts: list[str] = []
    waiting: list[Any] = [root]
    seen = 0
    while waiting and seen < limit:
        seen += 1
        node = waiting.pop()
        if isinstance(node, Tag):
            name = node.name.lower()
            if node is not root and name in INVISIBLE:
                continue
            if name not in INLINE and node is not root:
                parts.append(SEPARATOR)
                waiting.append(SEPARATOR)
            waiting.extend(reversed(node.contents[: limit - seen + 1]))
        elif type(node) in _TEXT_TYPES or type(node) is str:
            parts.append(node)
    return "".join(parts), seen, not waiting


def _outside_raw(soup: BeautifulSoup) -> list[Tag]:
    """Return all elements in document order, without those that are text where scripts run."""
    found: list[Tag] = []
    waiting: list[Any] = list(reversed(soup.contents))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Tag):
            found.append(node)
            if node.name.lower() not in RAW:
                waiting.extend(reversed(node.contents))
    return found


def _is_hidden(node: Tag, *, name: str) -> bool:
    attrs = node.attrs
    if not attrs or name in {"html", "body"}:
        return name == "dialog"
    if "hidden" in attrs or (name == "dialog" and "open" not in attrs):
        return True
    return ("popover" in attrs and name != "dialog") or ("style" in attrs and hides(str(attrs["style"])))


def _displayed(node: Tag, *, name: str) -> list[Any]:
    """Return the children that are displayed: of ``details`` that are closed only the first summary."""
    if name != "details" or "open" in node.attrs:
        return node.contents
    for child in node.contents:
        if isinstance(child, Tag) and child.name.lower() == "summary":
            return [child]
    return []


def compiled(css: str) -> soupsieve.SoupSieve:
    """Compile a selector.

    Raises:
        BadSelector: It is none, or not one that soupsieve knows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that soupsieve will drop
            return soupsieve.compile(css)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError, RecursionError) as error:
        raise BadSelector(str(error).partition("\n")[0]) from None


def open_soup(text: str, *, tags: frozenset[str]) -> SoupDocument:
    """Parse a page.

    Args:
        text: the page, decoded.
        tags: the names of what is to be in ``elements``.

    Raises:
        BrokenDocument: when the parser gives up.
    """
    beginning = first_tags(text, count=MAX_TAGS)
    # libxml2 takes NUL as the end of the page.
    markup = beginning.replace("\0", "")
    soup = soup_of(markup, multi_valued_attributes=None)
    return SoupDocument(soup, tags=tags, markup=markup, is_whole=len(beginning) == len(text))


def soup_of(text: str, **options: Any) -> BeautifulSoup:
    """Return the tree of a page's first ``MAX_TAGS`` tags, as users of Beautiful Soup know it.

    Args:
        text: the page, decoded.
        options: further ones of ``BeautifulSoup``.

    Raises:
        BrokenDocument: when the parser gives up.
    """
    markup = first_tags(text, count=MAX_TAGS).replace("\0", "")
    try:
        with warnings.catch_warnings():
            # It warns when a page looks like XML or like a file's name: both are just hostile input here.
            warnings.simplefilter("ignore")
            return BeautifulSoup(markup, "lxml", **options)
    except (RecursionError, ValueError, MemoryError, AssertionError, ParserRejectedMarkup) as error:
        raise BrokenDocument(f"the HTML parser gave up: {error}") from error
