"""What the ``meta`` elements of a document say, by the vocabularies that they belong to.

``Metas`` is told of them one by one, in document order. A name may stand in ``name`` or ``property``, since
pages confuse the two, and an element that has both says both. The first value of a name counts where only
one can; an empty one says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.parse.article import META_NAMES
from scraper.parse.bounds import MAX_ENTRIES, MAX_KEYS
from scraper.parse.directives import said_in_metas
from scraper.parse.text import MAX_NAME, fold
from scraper.parse.vocabularies import PREFIXES

if TYPE_CHECKING:
    from scraper.parse.document import Document, Node
    from scraper.parse.text import Texts


_PLAIN = frozenset(("description", "viewport", "generator"))
_PRAGMAS = frozenset(("refresh", "content-language"))


class Metas:
    """Collects what the ``meta`` elements of one document say."""

    def __init__(self, document: Document, *, token: str, texts: Texts) -> None:
        """Take the document, the name by which robots directives may call us, and what makes fields."""
        self._field = texts.field
        self._attr = document.attr
        self._robots_names = {"robots", token.lower()}
        self._token = token
        self.named: dict[str, str] = {}
        """``description``, ``viewport``, ``generator``: the first of each."""
        self.og: dict[str, list[str]] = {}
        """By name without ``og:``."""
        self.twitter: dict[str, str] = {}
        """By name without ``twitter:``."""
        self.keywords: list[str] = []
        self.article: dict[str, list[str]] = {}
        """What ``article`` asks for, as sent, by lower-case name."""
        self.described: list[tuple[str, str]] = []
        """Name and content, as sent, of what belongs to Dublin Core or the citation tags."""
        self._theme_colors: list[tuple[str, str]] = []
        self._robots: list[tuple[str, str]] = []
        self._pragmas: dict[str, str] = {}
        self._kept = 0
        self.cut: set[str] = set()
        """Names of fields that have more entries than are kept."""

    def add(self, node: Node) -> None:
        """Take one ``meta`` element."""
        attr = self._attr
        content = attr(node, "content")
        if not content:
            return
        by_property, by_name = attr(node, "property"), attr(node, "name")
        if by_property:
            first = by_property.strip().lower()
            self._add(first, content, node)
            if by_name and (second := by_name.strip().lower()) != first:
                self._add(second, content, node)
        elif by_name:
            self._add(by_name.strip().lower(), content, node)
        elif pragma := attr(node, "http-equiv"):
            pragma = pragma.strip().lower()
            if pragma in _PRAGMAS:
                self._pragmas.setdefault(pragma, content)

    def _add(self, name: str, content: str, node: Node) -> None:
        if name.startswith("og:"):
            self._add_og(name[3:], content)
        elif name.startswith("twitter:"):
            self._add_twitter(name[8:], content)
        elif name in _PLAIN:
            if name not in self.named and (text := self._field(content)):
                self.named[name] = text
        elif name in self._robots_names:
            if len(self._robots) < MAX_ENTRIES:
                self._robots.append((name, content))
            else:
                self.cut.add("meta_robots")
        elif name == "keywords":
            self._add_keywords(content)
        elif name == "theme-color":
            if len(self._theme_colors) < MAX_ENTRIES and (text := self._field(content)):
                self._theme_colors.append((self._attr(node, "media") or "", text))
        else:
            self._add_described(name, content)

    def _add_described(self, name: str, content: str) -> None:
        is_described = name.startswith(PREFIXES)
        if is_described:
            if len(self.described) < MAX_KEYS * 10:
                self.described.append((name, content))
            else:
                self.cut |= {"dublin_core", "citation"}
            name = name.replace(":", ".")
        if name in META_NAMES and self._kept < MAX_ENTRIES:
            self._kept += 1
            self.article.setdefault(name, []).append(content)

    def _add_keywords(self, content: str) -> None:
        pieces = content[: 100 * MAX_ENTRIES].split(",", MAX_ENTRIES)
        room = MAX_ENTRIES - len(self.keywords)
        if len(pieces) > room or len(content) > 100 * MAX_ENTRIES:
            self.cut.add("keywords")
        known = set(self.keywords) if room else ()
        for piece in pieces[:room]:
            if (keyword := self._field(piece)) and (not known or keyword not in known):
                self.keywords.append(keyword)

    def _add_twitter(self, name: str, content: str) -> None:
        key, text = self._key(name, field_name="twitter"), self._field(content)
        if not key or text is None or key in self.twitter:
            return
        if len(self.twitter) < MAX_KEYS:
            self.twitter[key] = text
        else:
            self.cut.add("twitter")

    def _add_og(self, name: str, content: str) -> None:
        key, text = self._key(name, field_name="og"), self._field(content)
        if not key or text is None:
            return
        values = self.og.get(key)
        if values is None and len(self.og) < MAX_KEYS:
            self.og[key] = [text]
        elif values is not None and len(values) < MAX_ENTRIES:
            values.append(text)
        else:
            self.cut.add("og")

    def _key(self, name: str, *, field_name: str) -> str:
        if len(name) > MAX_NAME:
            self.cut.add(field_name)
        return fold(name[:MAX_NAME])

    @property
    def theme_color(self) -> str | None:
        """The first that holds whatever the screen (HTML Standard 4.2.5.1), else the first."""
        always = (color for media, color in self._theme_colors if media.strip().lower() in {"", "all"})
        return next(always, None) or next((color for _, color in self._theme_colors), None)

    @property
    def content_language(self) -> str | None:
        """The pragma's language; several, set apart by commas, are none (HTML Standard 4.2.5.3)."""
        said = self._pragmas.get("content-language", "")
        return None if "," in said else self._field(said)

    def robots(self) -> list[str]:
        """Return the directives for everyone and for us, lower case, in order."""
        said = said_in_metas(self._token, metas=self._robots, most=MAX_ENTRIES + 1)
        if len(said) > MAX_ENTRIES:
            self.cut.add("meta_robots")
        return said[:MAX_ENTRIES]

    @property
    def refresh(self) -> str | None:
        """The content of the first ``refresh`` pragma."""
        return self._pragmas.get("refresh")
