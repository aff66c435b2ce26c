"""Microdata: the items of a page, by the HTML Standard section 5.2.

Property names and types stand as in the page. The rules are kept to the letter but for text, which is read
like all text of a record: white space folded, blocks set apart, scripts left out.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.parse.text import MAX_TEXT, field, fold, is_cut
from scraper.references import resolve
from scraper.urls import MAX_URL_BYTES

if TYPE_CHECKING:
    from scraper.parse.document import Document, Node

MAX_ITEMS = 1000
"""The most items of a page, nested ones counted each time they are a value."""
MAX_NODES = 20_000
"""Elements looked at for the properties of all items: ``itemref`` can lead to the same ones each time."""
MAX_VALUES = 1000
"""The most values of a property, and properties of an item."""
MAX_DEPTH = 32
"""Items in one another."""
MAX_RAW_TEXT = 2_000_000
"""Characters read for the texts of all properties; without it nested ones would repeat a page's text."""
MAX_KEPT = 1_000_000
"""Characters of all names and values: a text may have a thousand names."""
LOOP = "ERROR"
"""What the Standard gives as value for an item that is a property of itself (5.2.5)."""

# HTML Standard 5.2.4, "Values": the attribute that holds an element's value.
_URLS = {
    **dict.fromkeys(("audio", "embed", "iframe", "img", "source", "track", "video"), "src"),
    **dict.fromkeys(("a", "area", "link"), "href"),
    "object": "data",
}
_STATED = {"meta": "content", "data": "value", "meter": "value"}
# RFC 3986 3.1; what resolves to no web address is kept when it is absolute: mailto, tel, urn.
_other_scheme = re.compile(r"(?!https?:)[A-Za-z][A-Za-z0-9+.-]*+:\S").match
_squeezed = str.maketrans("", "", "\t\n\r")


class Microdata(NamedTuple):
    """The items of a page."""

    items: list[dict[str, Any]]
    """Top-level items in document order, as the Standard's JSON has them: ``type`` [names] and ``id`` when
    given, ``properties`` {name: [values]}, a value being a text or an item."""
    is_cut: bool
    """Whether something was left out for its size."""


def read_microdata(document: Document, *, base: str) -> Microdata:
    """Read all items of a document.

    URLs are absolute; one that can't be resolved is empty, as the Standard has it, and ``mailto:`` and the
    like stay.

    Args:
        document: the page.
        base: the URL that the page's are relative to.
    """
    if not document.has_attribute("itemscope"):
        return Microdata([], is_cut=False)
    reader = _Reader(document, base=base)
    return Microdata(reader.items(), is_cut=reader.is_cut)


def as_nodes(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items in the shape of JSON-LD's objects, so that both can be asked the same."""
    return [_as_node(item) for item in items]


def _as_node(item: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = {}
    if "type" in item:
        node["@type"] = item["type"]
    if "id" in item:
        node["@id"] = item["id"]
    for name, values in item["properties"].items():
        node[name] = [_as_node(value) if isinstance(value, dict) else value for value in values]
    return node


class _Pending(NamedTuple):
    """An item whose properties are still to be read."""

    place: int
    item: dict[str, Any]
    around: tuple[int, ...]
    """Places of the items that it is in."""


class _Reader:
    """The elements that microdata knows, as a tree of only these, and what was read of them."""

    def __init__(self, document: Document, *, base: str) -> None:
        self._document = document
        self._attr = document.attr
        self._base = base
        self._nodes_left = MAX_NODES
        self._items_left = MAX_ITEMS
        self._text_left = MAX_RAW_TEXT
        self._kept_left = MAX_KEPT
        self.is_cut = False
        outline = document.outline(("itemscope", "itemprop"))
        refers = any(self._attr(node, "itemref") is not None for node, _ in outline)
        if refers:
            outline = document.outline(("itemscope", "itemprop", "id"))
        self._nodes = [node for node, _ in outline]
        self._is_item = [self._attr(node, "itemscope") is not None for node in self._nodes]
        self._props = [self._attr(node, "itemprop") for node in self._nodes]
        self._refers = refers
        self._known_tokens: dict[str, list[str]] = {}
        self._inside: dict[int, list[int]] = {}
        for place, (_, around) in enumerate(outline):
            self._inside.setdefault(around, []).append(place)
        self._by_id: dict[str, int] = {}
        for place, node in enumerate(self._nodes if refers else ()):
            if name := self._attr(node, "id"):
                self._by_id.setdefault(name, place)

    def items(self) -> list[dict[str, Any]]:
        """Return the top-level items: those that are no property (5.2.5)."""
        found: list[dict[str, Any]] = []
        waiting: deque[_Pending] = deque()
        for place, prop in enumerate(self._props):
            if prop is None and self._is_item[place]:
                pending = self._opened(place, around=())
                if pending is None:
                    break
                found.append(pending.item)
                waiting.append(pending)
        # Those on top first, so that what is cut is what is nested deepest.
        while waiting:
            waiting.extend(self._fill(waiting.popleft()))
        return found

    def _opened(self, place: int, *, around: tuple[int, ...]) -> _Pending | None:
        if not self._items_left or len(around) >= MAX_DEPTH:
            self.is_cut = True
            return None
        node = self._nodes[place]
        types, name = self._attr(node, "itemtype") or "", self._attr(node, "itemid") or ""
        if not self._has_room(min(len(types), MAX_TEXT) + min(len(name), MAX_URL_BYTES)):
            return None
        self._items_left -= 1
        item: dict[str, Any] = {}
        if listed := self._tokens(types):
            item["type"] = list(listed)
        if name:
            item["id"] = self._url(name)
        item["properties"] = {}
        return _Pending(place, item, (*around, place))

    def _fill(self, pending: _Pending) -> list[_Pending]:
        """Read an item's properties; return the items among them."""
        properties: dict[str, list[Any]] = pending.item["properties"]
        nested: list[_Pending] = []
        for place in self._properties(pending.place):
            names = self._tokens(self._props[place])
            if not names:
                continue
            if not self._is_item[place]:
                self._keep_text(properties, names, self._value(self._nodes[place]))
            elif place in pending.around:
                self._keep_text(properties, names, LOOP)
            else:
                # One item for each name: the same one would double, with each level, what is written.
                for name in names:
                    if item := self._opened(place, around=pending.around):
                        nested.append(item)
                        self._keep(properties, name, item.item)
        return nested

    def _keep_text(self, properties: dict[str, list[Any]], names: list[str], text: str) -> None:
        for name in names:
            if not self._has_room(len(text) + len(name)):
                return
            self._keep(properties, name, text)

    def _has_room(self, count: int) -> bool:
        """Count characters that are kept; return whether there is room for them."""
        self._kept_left -= count
        if self._kept_left < 0:
            self.is_cut = True
        return self._kept_left >= 0

    def _keep(self, properties: dict[str, list[Any]], name: str, value: Any) -> None:
        values = properties.get(name)
        if values is None:
            if len(properties) >= MAX_VALUES:
                self.is_cut = True
                return
            values = properties[name] = []
        if len(values) < MAX_VALUES:
            values.append(value)
        else:
            self.is_cut = True

    def _properties(self, root: int) -> list[int]:
        """Return the elements that are an item's properties (5.2.5), in document order."""
        found: list[int] = []
        seen = {root}
        waiting = list(self._inside.get(root, ()))
        if self._refers:
            names = self._tokens(self._attr(self._nodes[root], "itemref"))
            waiting += [self._by_id[name] for name in names if name in self._by_id]
        while waiting:
            if not self._nodes_left:
                self.is_cut = True
                break
            self._nodes_left -= 1
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if self._props[place] is not None:
                found.append(place)
            if not self._is_item[place]:
                waiting += self._inside.get(place, ())
        return sorted(found)

    def _tokens(self, text: str | None) -> list[str]:
        """Split an attribute at white space; each token once."""
        if not text:
            return []
        known = self._known_tokens.get(text)
        if known is None:
            if len(text) > MAX_TEXT:
                self.is_cut = True
            # What a record's texts never hold is taken out of names too.
            names = dict.fromkeys(map(fold, text[:MAX_TEXT].split()))
            known = self._known_tokens[text] = [name for name in names if name]
        return known

    def _value(self, node: Node) -> str:
        tag = self._document.tag(node)
        if tag in _URLS:
            return self._url(self._attr(node, _URLS[tag]))
        if tag in _STATED:
            return self._text(self._attr(node, _STATED[tag]))
        if tag == "time" and (stated := self._attr(node, "datetime")) is not None:
            return self._text(stated)
        if self._text_left <= 0:
            self.is_cut = True
            return ""
        text, is_whole = self._document.text(node)
        self._text_left -= len(text)
        self.is_cut |= not is_whole
        return self._text(text)

    def _text(self, text: str | None) -> str:
        if text and len(text) > MAX_TEXT and is_cut(text):
            self.is_cut = True
        return field(text) or ""

    def _url(self, reference: str | None) -> str:
        if reference is None:
            return ""
        # The URL parser takes these out wherever they are.
        reference = reference.strip().translate(_squeezed)
        # Pictures in data: URLs, most of all: half of one is of no use.
        if len(reference) > MAX_URL_BYTES:
            self.is_cut = True
            return ""
        url = resolve(self._base, reference)
        return url or (self._text(reference) if _other_scheme(reference) else "")
