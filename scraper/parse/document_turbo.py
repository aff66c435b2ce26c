"""The fast backend: turbohtml's tree of the HTML Standard, built and searched in C."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

import turbohtml
from turbohtml import Element, Namespace, Text

from scraper.parse.document import MAX_NODES, MAX_NODES_IN_ALL, BadSelector, BrokenDocument
from scraper.parse.taming import harmless
from scraper.parse.text import GRAPHICS, INLINE, INVISIBLE, MAX_RAW_TEXT, SEPARATOR, SET_APART, hides

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from turbohtml import Node

    _Named: TypeAlias = tuple[str, Element]

MAX_TAGS = 200_000
"""So many tags of a page are parsed at the most. Real pages of 8 MB have as many. They take 20 to 60 MB, and
in the worst case, each end tag searched for among all that are open, 5 s; ten times as many took 700 MB."""

# A page hidden as a whole is shown by a script.
_ROOTS = ":not(html,body)"
_HIDDEN = f"[hidden]{_ROOTS},[popover]:not(html,body,dialog),dialog:not([open])"
_STYLED = ",".join(f'[style*="{word}" i]{_ROOTS}' for word in ("none", "hidden", "collapse"))
_PERHAPS_HIDDEN = f"{_HIDDEN},{_STYLED}"
_MAX_INLINE = 100
_UNREAD = frozenset((*INVISIBLE, "details"))
_INLINE = tuple(sorted(INLINE))
_SET_APART = tuple(sorted(SET_APART))
_GRAPHICS = tuple(sorted(GRAPHICS))


class TurboDocument:
    """A page in turbohtml's tree. The tree goes with the object; nothing is to be closed."""

    def __init__(self, tree: turbohtml.Document, *, tags: frozenset[str], is_whole: bool) -> None:
        self._tree = tree
        self.elements, self._unread = _found(tree, tags)
        if any(tag == "template" for tag, _ in self._unread):
            # turbohtml's searches go into templates, which are not part of the document.
            tree.remove("template")
            self.elements, self._unread = _found(tree, tags)
        self.is_whole = is_whole
        self._nodes_left = MAX_NODES_IN_ALL

    # Straight into C, without a frame of Python: these two are called for each link.
    attr = staticmethod(Element.attr)
    tag = staticmethod(Element.tag.__get__)

    def is_html(self, node: Element, /) -> bool:
        """False within svg and math."""
        return node.namespace is Namespace.HTML

    def is_in_head(self, node: Element, /) -> bool:
        """Whether an element is a child of the document's ``head``."""
        above = node.parent
        return isinstance(above, Element) and above.tag == "head"

    def has_attribute(self, name: str, /) -> bool:
        """Whether any element has this attribute."""
        return self._tree.select_one(f"[{name}]") is not None

    def outline(self, names: Sequence[str], /) -> list[tuple[Element, int]]:
        """All elements that have one of these attributes, and which of them each is in."""
        found = self._tree.select(",".join(f"[{name}]" for name in names))
        # Of all elements around one that was found, so that none is passed twice.
        places: dict[Node, int] = {}
        outline: list[tuple[Element, int]] = []
        for place, node in enumerate(found):
            passed: list[Node] = []
            above: Node | None = node.parent
            while above is not None and above not in places:
                passed.append(above)
                above = above.parent
            around = -1 if above is None else places[above]
            places.update(dict.fromkeys(passed, around))
            places[node] = place
            outline.append((node, around))
        return outline

    def select(self, selector: str, /) -> Iterable[Element]:
        """All elements that a selector matches."""
        return self._tree.select(selector)

    def text(self, node: Element, /) -> tuple[str, bool]:
        """An element's text, inline elements joined, others apart; and whether that is all of it."""
        sole = _sole_text(node)
        if sole is not None:
            return sole, True
        below = [one.tag for one in islice(node.iter_elements(), _MAX_INLINE + 1)]
        if len(below) <= _MAX_INLINE and self._nodes_left > 0:
            # Most others are inline all through, or hold but a picture, and C joins their texts.
            text = node.text
            if INLINE.issuperset(below) or not text or text.isspace():
                # With the texts between them, which may be more than are left.
                self._nodes_left = max(0, self._nodes_left - 1 - 2 * len(below))
                return text, True
        limit = min(MAX_NODES, self._nodes_left)
        parts: list[str] = []
        waiting: list[Node | str] = [node]
        seen = 0
        while waiting and seen < limit:
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
                if tag not in INLINE and item is not node:
                    parts.append(SEPARATOR)
                    waiting.append(SEPARATOR)
                # One more than can still be read, which shows that something is left.
                waiting.extend(reversed(_children(item, limit=limit - seen + 1)))
        self._nodes_left -= seen
        return "".join(parts), not waiting

    def texts(self, nodes: Iterable[Element], /) -> tuple[list[str], bool]:
        """What a field needs of each element's text, and whether ``text`` gave all of all of them."""
        texts: list[str] = []
        is_whole = True
        for node in nodes:
            # Most links hold a text and nothing else; a call for each took twice as long.
            if next(node.iter_elements(), None) is None:
                text = node.text
            else:
                text, is_all = self.text(node)
                is_whole &= is_all
            texts.append(text[:MAX_RAW_TEXT])
        return texts, is_whole

    def alternatives(self, node: Element, /) -> list[str]:
        """The ``alt`` texts of the images in an element."""
        found: list[str] = []
        for one in islice(node.iter_elements(), min(MAX_NODES, self._nodes_left)):
            self._nodes_left -= 1
            if one.tag == "img" and (text := one.attr("alt")):
                found.append(text)
        return found

    def visible_text(self, *, in_lines: bool = False) -> str:
        """Strip the tree to what is read, and join it.

        Where lines matter it takes twice as long; the words are the same.

        By as few walks over the tree as can be, each of which costs 0.1 ms on a page of 200 KB: names are
        looked for by ``iter_elements``, since a selector compares each with each element.
        """
        tree = self._tree
        has_details = False
        for tag, node in self._unread:
            if tag == "details":
                has_details = True
            else:
                node.extract()
        _remove_undisplayed(tree, has_details=has_details)
        root = tree.root
        if root is None:
            return ""
        # A comment between two texts (frameworks write "5<!-- --> items") does not end a word.
        for comment in cast("list[Node]", tree.xpath("//comment() | //processing-instruction()")):
            comment.extract()
        if in_lines:
            _set_lines(tree)
        # From the outside in, so that nothing is moved twice.
        for node in list(tree.iter_elements(_INLINE)):
            node.unwrap()
        root.normalize()
        if in_lines:
            _flatten_graphics(tree, root)
        return SEPARATOR.join(tree.stripped_strings)


def _found(tree: turbohtml.Document, tags: frozenset[str]) -> tuple[list[_Named], list[_Named]]:
    """Return the elements by these names, and those that are not read; a walk costs no more for both."""
    found = [(node.tag, node) for node in tree.iter_elements(tags | _UNREAD)]
    return [one for one in found if one[0] in tags], [one for one in found if one[0] in _UNREAD]


def _remove_undisplayed(tree: turbohtml.Document, *, has_details: bool) -> None:
    """Remove what is hidden by an attribute or inline style, and what closed ``details`` do not show."""
    for node in tree.select(_PERHAPS_HIDDEN):
        if hides(node.attr("style") or "") or node.matches(_HIDDEN):
            node.extract()
    for details in tree.select("details:not([open])") if has_details else ():
        child = _first_child(details)
        while child is not None and not (isinstance(child, Element) and child.tag == "summary"):
            child = child.next_sibling
        if child is not None:
            child.extract()
        details.clear()
        if child is not None:
            details.append(child)


def _set_lines(tree: turbohtml.Document) -> None:
    """Put blanks around what ends a word but no line, and ends of lines where ``pre`` has them."""
    for node in list(tree.iter_elements(_SET_APART)):
        node.insert_before(Text(" "))
        node.insert_after(Text(" "))
        node.unwrap()
    for node in tree.iter_elements(("pre",)):
        for text in node.descendants:
            if isinstance(text, Text) and "\n" in text.data:
                text.data = text.data.replace("\n", SEPARATOR)


def _flatten_graphics(tree: turbohtml.Document, root: Element) -> None:
    graphics = list(tree.iter_elements(_GRAPHICS))
    for node in graphics:
        node.replace_with(Text(f" {' '.join(node.strings)} "))
    if graphics:
        root.normalize()


def _sole_text(node: Node) -> str | None:
    """Return the text of an element that holds but one, as a link that is all of a heading does."""
    inner = _first_child(node)
    if inner is None:
        return ""
    while inner is not None and inner.next_sibling is None:
        if type(inner) is Text:
            return inner.data
        if not isinstance(inner, Element) or inner.tag not in INLINE:
            break
        inner = _first_child(inner)
    return None


def _first_child(node: Node) -> Node | None:
    try:
        return node[0]
    except IndexError:
        return None


def _children(node: Node, *, limit: int) -> list[Node]:
    """Return the first children, one by one.

    ``children``, ``len`` and iterating go through all of them: turbohtml hangs what is nested too deep
    below one element, whose 50,000 children took 20 ms for each heading around them.
    """
    found: list[Node] = []
    child = _first_child(node)
    while child is not None and len(found) < limit:
        found.append(child)
        child = child.next_sibling
    return found


def compiled(css: str) -> str:
    """Check a selector; turbohtml has no form of its own for one, and reads it again in a microsecond.

    Raises:
        BadSelector: It is none, or not one that turbohtml knows.
    """
    try:
        turbohtml.parse("").select(css)
    except (ValueError, RecursionError) as error:
        raise BadSelector(f"{error}") from None
    return css


def open_turbo(text: str, *, tags: frozenset[str]) -> TurboDocument:
    """Parse a page as a browser that runs scripts does: ``noscript`` holds text, not elements.

    Args:
        text: the page, decoded.
        tags: the names of what is to be in ``elements``.

    Raises:
        BrokenDocument: when the parser gives up.
    """
    markup = harmless(text, most_tags=MAX_TAGS)
    try:
        tree = turbohtml.parse(markup, scripting=True, positions=False, allow_declarative_shadow_roots=False)
        return TurboDocument(tree, tags=tags, is_whole=markup == text)
    except (RecursionError, ValueError, MemoryError, turbohtml.HTMLParseError) as error:
        raise BrokenDocument(f"the HTML parser gave up: {error}") from error
