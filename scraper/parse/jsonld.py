"""JSON-LD: the objects of a page's script blocks, and what they say by schema.org.

Each ``<script type="application/ld+json">`` is read by itself (JSON-LD 1.1 section 7): strictly first, then
as ``loose_json`` does, which leaves an error behind also when it succeeds. No context is loaded or applied:
keys stand as in the page, which is what search engines and their documentation go by.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.parse.loose_json import TOO_LONG, Loose, read_loosely
from scraper.parse.text import MAX_TEXT, fold
from scraper.record import JsonLdError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BLOCK = 1024 * 1024
"""Characters of a block that is read. Catalogues with all their offers take 200,000."""
MAX_BLOCKS_IN_ALL = 2 * MAX_BLOCK
"""Characters of all blocks."""
MAX_DEPTH = 64
"""Containers in one another; what is deeper is null. schema.org's own examples reach 8."""
MAX_ENTRIES = 1000
"""The most objects of a page, blocks read, errors, entries of a list and keys of an object."""
MAX_NODES = 20_000
"""The most objects looked at when the page's are searched."""

_MAX_INHERITED_BYTES = 1000
"""A larger ``@context`` is not copied into each node of its ``@graph``."""
_MAX_INTEGER = 2**63
_CONTAINER_KEYS = frozenset(("@context", "@graph", "@id"))
_vocabulary = re.compile(r"https?://(?:www\.)?schema\.org/|schema:").match

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class JsonLd(NamedTuple):
    """What the blocks of a page hold."""

    objects: list[dict[str, Any]]
    """In order; arrays and ``@graph`` are resolved into their objects."""
    errors: list[JsonLdError]
    is_cut: bool
    """Whether something was left out for its size."""


def read_jsonld(scripts: Iterable[str]) -> JsonLd:
    """Read the texts of a page's JSON-LD blocks.

    Strings are folded and cut like all text of a record. Integers of more than 64 bits become floats, as
    they are to JavaScript, and null when no double holds them. A node of ``@graph`` inherits ``@context``.
    """
    reader = _Blocks()
    for number, text in enumerate(scripts, 1):
        if number > MAX_ENTRIES:
            reader.is_cut = True
            break
        reader.read(text, number=number)
    return JsonLd(reader.objects, reader.errors, reader.is_cut)


class _Blocks:
    """What was found in the blocks so far."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.errors: list[JsonLdError] = []
        self.is_cut = False
        self._left = MAX_BLOCKS_IN_ALL

    def read(self, text: str, *, number: int) -> None:
        """Add one block."""
        if len(text) > min(MAX_BLOCK, self._left):
            self.is_cut = True
            self._note(number, 0, "too large")
            return
        self._left -= len(text)
        loose = _parsed(text)
        if loose.repaired and loose.values:
            self._note(number, loose.repaired.offset, f"repaired: {loose.repaired.message}")
        if loose.failure:
            self._note(number, loose.failure.offset, loose.failure.message)
            self.is_cut |= loose.failure.message == TOO_LONG
        elif not loose.values:
            self._note(number, len(text), "no value")
        start = len(text) - len(text.lstrip())
        for value in loose.values:
            if self._tidied(value) and self._add_objects(value):
                self._note(number, start, "not an object")

    def _note(self, number: int, offset: int, message: str) -> None:
        if len(self.errors) < MAX_ENTRIES:
            self.errors.append(JsonLdError(offset=offset, message=f"block {number}: {message}"))
        else:
            self.is_cut = True

    def _tidied(self, value: Any) -> bool:
        """Bring a value, in place, within the record's bounds. Always true."""
        waiting: list[tuple[Any, int]] = [(value, 1)] if isinstance(value, (dict, list)) else []
        while waiting:
            container, depth = waiting.pop()
            if isinstance(container, dict):
                self._tidy_keys(container)
                items: Iterable[tuple[Any, Any]] = container.items()
            else:
                if len(container) > MAX_ENTRIES:
                    del container[MAX_ENTRIES:]
                    self.is_cut = True
                items = enumerate(container)
            for key, item in items:  # values are replaced, no keys added
                if type(item) is str:
                    container[key] = self._text(item)
                elif isinstance(item, (dict, list)):
                    if depth < MAX_DEPTH:
                        waiting.append((item, depth + 1))
                    else:
                        container[key] = None
                        self.is_cut = True
                elif type(item) is int or type(item) is float:
                    container[key] = _number(item)
        return True

    def _tidy_keys(self, container: dict[str, Any]) -> None:
        if len(container) > MAX_ENTRIES:
            for key in list(container)[MAX_ENTRIES:]:
                del container[key]
            self.is_cut = True
        # What is an identifier, also behind the at sign of JSON-LD, needs no folding.
        if any(
            not (key[1:] if key[:1] == "@" else key).isidentifier() or len(key) > MAX_TEXT
            for key in container
        ):
            tidy = {self._text(key): item for key, item in container.items()}
            container.clear()
            container.update(tidy)

    def _text(self, text: str) -> str:
        shown = fold(text[: 4 * MAX_TEXT])
        if len(text) > MAX_TEXT and (len(shown) > MAX_TEXT or len(text) > 4 * MAX_TEXT):
            self.is_cut = True
            return shown[:MAX_TEXT].rstrip()
        return shown

    def _add_objects(self, value: Any) -> bool:
        """Add the objects of a block's value; return whether there was anything else."""
        has_others = False
        waiting: list[tuple[Any, Any]] = [(value, None)]
        while waiting:
            item, context = waiting.pop()
            if isinstance(item, list):
                waiting.extend((entry, context) for entry in reversed(item))
            elif isinstance(item, dict):
                graph = item.get("@graph")
                if isinstance(graph, (dict, list)):
                    waiting.append((graph, _inherited(item.get("@context", context))))
                    item = {key: entry for key, entry in item.items() if key != "@graph"}
                    if item.keys() <= _CONTAINER_KEYS:
                        continue
                if context is not None and "@context" not in item:
                    item = {"@context": context, **item}
                if not item:
                    continue
                if len(self.objects) >= MAX_ENTRIES:
                    self.is_cut = True
                    break
                self.objects.append(item)
            else:
                has_others = True
        return has_others


def _parsed(text: str) -> Loose:
    try:
        return Loose([_decode(text)], None, None)
    # Not only what is no JSON: msgspec refuses lone surrogates, 5,000 digits and deep nesting, which are.
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return read_loosely(text)


def _number(number: float) -> float | None:
    if isinstance(number, int):
        if -_MAX_INTEGER <= number < _MAX_INTEGER:
            return number
        try:
            return float(number)
        except OverflowError:
            return None
    return number if math.isfinite(number) else None


def _inherited(context: Any) -> Any:
    if context is None or len(_encode(context)) > _MAX_INHERITED_BYTES:
        return None
    return context


def types_of(node: dict[str, Any]) -> frozenset[str]:
    """Return an object's types without schema.org's address: ``{"NewsArticle"}``.

    Types of other vocabularies stay as they are written.
    """
    types = node.get("@type")
    if isinstance(types, str):
        return frozenset((_local_name(types),))
    if isinstance(types, list):
        return frozenset(_local_name(one) for one in types if isinstance(one, str))
    return frozenset()


def _local_name(name: str) -> str:
    found = _vocabulary(name)
    return name[found.end() :] if found else name


class Graph:
    """The objects of a page, nested ones included, with their references (``@id``) resolved.

    Nodes with one ``@id`` are one node (JSON-LD 1.1 section 3.3): of a key of several the first counts.
    """

    def __init__(self, objects: Iterable[dict[str, Any]]) -> None:
        """Take the page's objects; those that are nested less come first, else the order of the page."""
        self._nodes: list[dict[str, Any]] = []
        self._by_id: dict[str, int] = {}
        self._copied: set[int] = set()  # places of nodes that are not the page's own objects
        waiting: deque[Any] = deque(objects)
        while waiting and len(self._nodes) < MAX_NODES:
            item = waiting.popleft()
            if isinstance(item, list):
                waiting.extendleft(reversed(item))
            elif isinstance(item, dict):
                self._add(item)
                waiting.extend(value for value in item.values() if isinstance(value, (dict, list)))

    def _add(self, node: dict[str, Any]) -> None:
        name = node.get("@id")
        if not isinstance(name, str):
            self._nodes.append(node)
        elif name not in self._by_id:
            self._by_id[name] = len(self._nodes)
            self._nodes.append(node)
        elif len(node) > 1:
            place = self._by_id[name]
            if place not in self._copied:
                self._copied.add(place)
                self._nodes[place] = dict(self._nodes[place])
            for key, value in node.items():
                self._nodes[place].setdefault(key, value)

    def find(self, *types: str) -> Iterator[dict[str, Any]]:
        """Return the nodes that have one of these schema.org types, each once."""
        wanted = frozenset(types)
        return (node for node in self._nodes if not wanted.isdisjoint(types_of(node)))

    def values(self, node: dict[str, Any], name: str, *, most: int = MAX_ENTRIES) -> list[Any]:
        """Return a property's values: always a list, a node in place of each reference, no nulls.

        ``{"@value": ...}`` gives what it holds; a reference to elsewhere stays as it is. Of more values
        than ``most`` the first are looked at.
        """
        value = node.get(name)
        if isinstance(value, dict) and value.keys() & {"@list", "@set"}:
            value = value.get("@list") or value.get("@set")
        values = value if isinstance(value, list) else [value]
        return [found for one in values[:most] if (found := self._resolved(one)) is not None]

    def _resolved(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "@value" in value:
            return value["@value"]
        place = self._by_id.get(name) if isinstance(name := value.get("@id"), str) else None
        return value if place is None else self._nodes[place]


def find(objects: Iterable[dict[str, Any]], *types: str) -> list[dict[str, Any]]:
    """Return all nodes of a page that have one of these types; for several questions ask a ``Graph``."""
    return list(Graph(objects).find(*types))
