"""The fast backend: turbohtml's tree of the HTML Standard, built and searched in C."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import turbohtml
from turbohtml import Element, Namespace, Text

from scraper.parse.document import MAX_NODES, BrokenDocument
from scraper.parse.text import INLINE, INVISIBLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from turbohtml import Node

_SEPARATOR = "\n"
# An end tag that becomes a comment in the tree, by the HTML Standard.
_BOGUS_END_TAG = re.compile(r"</[^A-Za-z]")


class TurboDocument:
    """A page in turbohtml's tree. The tree goes with the object; nothing is to be closed."""

    def __init__(self, tree: turbohtml.Document, *, has_comments: bool) -> None:
        self._tree = tree
        self._has_comments = has_comments

    # Straight into C, without a frame of Python: these two are called for each link.
    attr = staticmethod(Element.attr)
    tag = staticmethod(Element.tag.__get__)

    def elements(self, tags: Sequence[str]) -> Iterable[Element]:
        """All elements by these names, in document order."""
        return self._tree.iter_elements(tags)

    def is_html(self, node: Element, /) -> bool:
        """False within svg and math."""
        return node.namespace is Namespace.HTML

    def text(self, node: Element, /) -> str:
        """An element's text, inline elements joined, others apart."""
        if len(node) == 1 and type(node[0]) is Text:
            return node.text
        parts: list[str] = []
        waiting: list[Node | str] = [node]
        seen = 0
        while waiting and seen < MAX_NODES:
            seen += 1
            item = waiting.pop()
            if isinstance(item, str):
                parts.append(item)
            elif isinstance(item, Text):
                parts.append(item.data)
            elif isinstance(item, Element):
                tag = item.tag
                if tag in INVISIBLE and item is not node:
                    continue
                if tag not in INLINE:
                    parts.append(_SEPARATOR)
                    waiting.append(_SEPARATOR)
                # No more than can still be read: a million children are not copied for each.
                waiting.extend(reversed(item.children[:MAX_NODES]))
        return "".join(parts)

    def visible_text(self) -> str:
        """Strip the tree, in C, to what is read, and join it.

        Only tags that occur are named to the selectors, since each name is compared with each
        element: 36 names cost 0.9 ms on a page of 200 KB, the four that occur 0.25.
        """
        tree = self._tree
        # svg's foreign names keep their case and are no HTML element's.
        present = {node.tag for node in tree.iter_elements()}
        tree.remove(",".join(["[hidden]", "dialog:not([open])", *sorted(present & INVISIBLE)]))
        root = tree.root
        if root is None:
            return ""
        # A comment between two texts (frameworks write "5<!-- --> items") does not end a word.
        comments = tree.xpath("//comment() | //processing-instruction()") if self._has_comments else []
        for comment in cast("list[Node]", comments):
            comment.extract()
        if inline := present & INLINE:
            tree.strip_tags(",".join(sorted(inline)))
        root.normalize()
        return _SEPARATOR.join(tree.strings)


def open_turbo(text: str) -> TurboDocument:
    """Parse a page as a browser that runs scripts does: ``noscript`` holds text, not elements.

    Raises:
        BrokenDocument: when the parser gives up.
    """
    try:
        tree = turbohtml.parse(text, scripting=True, allow_declarative_shadow_roots=False)
        # turbohtml's searches go into templates, which are not part of the document.
        if next(iter(tree.iter_elements(("template",))), None) is not None:
            tree.remove("template")
    except (RecursionError, ValueError, MemoryError, turbohtml.HTMLParseError) as error:
        raise BrokenDocument(f"the HTML parser gave up: {error}") from error
    return TurboDocument(tree, has_comments=_has_comments(text))


def _has_comments(text: str) -> bool:
    """Whether anything in the markup becomes a comment; may be wrong in saying yes, never in no.

    Substring searches: one pattern for all of it took 40 of the 780 µs of a page of 20 KB.
    """
    first = text.find("<!")
    if first >= 0 and text[first + 2 : first + 9].lower() == "doctype":
        first = text.find("<!", first + 9)
    return first >= 0 or "<?" in text or _BOGUS_END_TAG.search(text) is not None
