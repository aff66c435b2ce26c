"""lxml's tree of a page, for XPath, users' hooks and main text, whatever the parser of the record is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lxml.html  # type: ignore[import-untyped]
from lxml import etree

from scraper.parse.document import MAX_NODES, MAX_NODES_IN_ALL, BadSelector, BrokenDocument, SlowSelector
from scraper.parse.taming import first_tags
from scraper.parse.text import INLINE, INVISIBLE, SEPARATOR, hides

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TAGS = 30_000
"""So many tags of a page are searched by XPath at the most. ``preceding-sibling`` and the like take time that
grows with the square of the page, in C, where nothing can end them: 1 to 2 s for so many."""

MAX_DEPTHS = 1_000_000
"""What the depths of all elements may add up to. ``//div//p`` looks at each pair of an element and one around
it, 1 µs a pair: 22 KB of paragraphs below 2,000 nested ``div`` took 6 s. Real pages come to a tenth."""

MAX_TREE_TAGS = 100_000
"""So many tags make a tree for a user's own code at the most."""

_may_hide = etree.XPath("//*[@hidden or @style or @popover or self::dialog][not(self::html or self::body)]")
_NAMESPACES = {"re": "http://exslt.org/regular-expressions"}


class XPathTree:
    """A page that XPath can be asked of. All of its markup is part of it, ``noscript`` included."""

    def __init__(self, text: str) -> None:
        """Parse a page, decoded.

        Raises:
            BrokenDocument: lxml gives up.
            SlowSelector: Its elements are nested too deep for any expression.
        """
        beginning = first_tags(text, count=MAX_TAGS)
        self._root = tree_of(beginning)
        if _depths(self._root) > MAX_DEPTHS:
            raise SlowSelector("the page's elements are nested too deep for XPath")
        self._nodes_left = MAX_NODES_IN_ALL
        self.is_whole = len(beginning) == len(text)
        """False when only a beginning of the page was parsed."""

    def values(self, xpath: Callable[[Any], Any]) -> list[tuple[str, bool]]:
        """Return what an expression finds, as texts that are not folded, in document order.

        Of an element it is the text, by the same rules as for CSS. Also whether each is all of it.

        Raises:
            BadSelector: The expression is wrong in a way that only shows when it is evaluated.
        """
        try:
            found = xpath(self._root)
        except (etree.XPathError, ValueError, RecursionError) as error:
            raise BadSelector(f"{error}") from None
        if isinstance(found, bool):
            return [(str(found).lower(), True)]
        if isinstance(found, float):
            return [(f"{found:g}" if not found.is_integer() else str(int(found)), True)]
        return [self._text(node) for node in (found if isinstance(found, list) else [found])]

    def _text(self, root: Any) -> tuple[str, bool]:
        if isinstance(root, str):
            return root, True
        if not isinstance(getattr(root, "tag", None), str):  # a comment, or a namespace
            return str(getattr(root, "text", "") or ""), True
        parts: list[str] = []
        waiting: list[Any] = [root]
        seen, limit = 0, min(MAX_NODES, self._nodes_left)
        while waiting and seen < limit:
            seen += 1
            node = waiting.pop()
            if isinstance(node, str):
                parts.append(node)
                continue
            tag = node.tag
            if not isinstance(tag, str) or (tag in INVISIBLE and node is not root):
                continue
            if tag not in INLINE:
                parts.append(SEPARATOR)
                waiting.append(SEPARATOR)
            for child in reversed(node[: limit - seen + 1]):
                waiting += (child.tail, child) if child.tail else (child,)
            if node.text:
                waiting.append(node.text)
        self._nodes_left -= seen
        return "".join(parts), not waiting


def _depths(root: Any) -> int:
    """Return the sum of the depths of all elements, or more than ``MAX_DEPTHS``."""
    depth = total = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth += 1
        total += depth
        if total > MAX_DEPTHS:
            break
    return total


def tree_of(text: str) -> Any:
    """Return the root element of a page, an ``lxml.html.HtmlElement``; there always is one.

    Raises:
        BrokenDocument: lxml gives up.
    """
    # Without ``huge_tree`` a page ends where its elements are nested 255 deep, with it 2,046.
    return _parsed(text, huge_tree=True)


def _parsed(text: str, **options: bool) -> Any:
    # Encoded, since lxml takes no text with an encoding declaration; NUL would be the end of the page.
    markup = text.replace("\0", "").encode(errors="replace")
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8", **options)
        return lxml.html.document_fromstring(markup, parser=parser)
    except etree.ParserError:  # there is no element in it, nor text
        return lxml.html.document_fromstring("<html></html>")
    except (etree.LxmlError, RecursionError, ValueError, MemoryError, AssertionError) as error:
        raise BrokenDocument(f"lxml gave up: {error}") from error


def seen_tree(text: str) -> Any:
    """Return the root element of a page, without what no reader sees; closed ``details`` stay, to be opened.

    Its ``time`` elements are taken off what they hold. Elements are read as far as they are nested 255 deep.

    Raises:
        BrokenDocument: lxml gives up.
    """
    root = _parsed(text, remove_comments=True, remove_pis=True)
    etree.strip_elements(root, "noscript", "template", with_tail=False)
    for node in _may_hide(root):
        is_shut = node.tag == "dialog" and node.get("open") is None
        if is_shut or not {"hidden", "popover"}.isdisjoint(node.keys()) or hides(node.get("style") or ""):
            node.drop_tree()
    etree.strip_tags(root, "time")
    return root


def compiled_xpath(expression: str) -> Callable[[Any], Any]:
    """Compile an XPath 1.0 expression; ``re:test`` and its like (EXSLT) are there too.

    Raises:
        BadSelector: It is none; one line.
    """
    try:
        xpath = etree.XPath(expression, namespaces=_NAMESPACES, smart_strings=False)
        # Functions and prefixes that do not exist only show when they are looked for.
        xpath(lxml.html.document_fromstring("<p class='a' id='b'>c</p>"))
    except (etree.XPathError, ValueError, RecursionError) as error:
        raise BadSelector(f"{error}") from None
    found: Callable[[Any], Any] = xpath
    return found
