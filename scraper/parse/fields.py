"""The fields that users ask for: their selectors, compiled once, and what these find in a page.

What can't be found or understood in a page is an entry in ``errors``, never an exception.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.errors import PageError, SettingsError
from scraper.parse.document import BadSelector, compiled_selector
from scraper.parse.text import RAW, field, is_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from scraper.parse.document import Document
    from scraper.parse.field_types import Context
    from scraper.parse.timed_pattern import TimedPatterns
    from scraper.settings.model import FieldRule

MAX_VALUES = 1000
"""The most values of a field."""
MAX_JSON_TEXT = 1_000_000
"""Characters of an element that are read for JSON."""
MAX_TRIED = 10_000
"""The most matches that are looked at for a field."""
MAX_MESSAGE = 300
"""The most characters of an error."""

_END = re.compile(r"(?s)(?P<css>.*?)\s*::\s*(?P<part>[\w-]+)\s*(?:\(\s*(?P<name>[^\s()]+)\s*\))?\s*")


_repeated = re.compile(r"""(?s)\Ainvalid CSS selector ".*": """)
"""What turbohtml begins with: the selector is told already."""
_text_call = re.compile(r"::text\s*\(\s*\)").search
_searches_text = re.compile(r":(?:-soup-)?i?contains(?:-own)?\(|:has-text\(").search
_quote = re.compile(r"[\"']").search


class Fields(NamedTuple):
    """What was found of the user's fields in one page."""

    values: dict[str, Any] = {}  # noqa: RUF012 - a tuple's own; nobody changes it
    errors: dict[str, str] = {}  # noqa: RUF012 - the same
    """By the field's name."""
    is_cut: bool = False
    """Some have more than is kept."""
    absent: tuple[str, ...] = ()
    """Names of those that are not in the page, the ones with a default included."""


class _Field(NamedTuple):
    name: str
    rule: FieldRule
    texts: Callable[[_Page], Iterable[tuple[str, bool]]]
    """All that the selector finds, not folded; and whether each is all of it."""


class FieldSelectors:
    """The user's selectors. It keeps nothing between pages."""

    def __init__(self, rules: Mapping[str, FieldRule], *, parser: str) -> None:
        """Compile the rules for the documents of a parser.

        Raises:
            SettingsError: A selector is none, or a pattern; one line with its name.
        """
        self._fields = [_Field(name, rule, _finder(name, rule, parser)) for name, rule in rules.items()]
        self._patterns = _patterns({name: rule.pattern for name, rule in rules.items() if rule.pattern})

    def find(self, document: Document, *, html: str, base: str, lang: str | None) -> Fields:
        """Look for all fields.

        Args:
            document: the page, before its visible text is taken.
            html: its markup, for XPath.
            base: what its relative URLs are resolved against.
            lang: its language.
        """
        from scraper.parse.field_types import Context  # noqa: PLC0415 - 6 ms of patterns that few runs need

        page = _Page(document, html)
        searches = self._patterns.on_a_page() if self._patterns else {}
        context = Context(base, lang)
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        absent: list[str] = []
        is_whole = True
        for one in self._fields:
            found = _Found(one.rule, searches.get(one.name), context)
            try:
                found.read(one.texts(page))
            except (BadSelector, PageError) as error:
                found.error = found.error or str(error)
            is_whole = is_whole and found.is_whole
            if one.rule.many and (found.values or not found.error):
                values[one.name] = found.values
            elif found.values:
                values[one.name] = found.values[0]
            if not found.values and not found.error:
                absent.append(one.name)
                if one.rule.default is not None:
                    values[one.name] = one.rule.default
                elif one.rule.required:
                    found.error = "required, and not in the page"
            if found.error:
                errors[one.name] = found.error[:MAX_MESSAGE]
        return Fields(values, errors, is_cut=not is_whole or not page.is_whole, absent=tuple(absent))


class _Page:
    """A page in the forms that selectors want, lxml's tree made when an XPath asks for it."""

    def __init__(self, document: Document, html: str) -> None:
        self.document = document
        self._html = html
        self._tree: Any = None

    @property
    def tree(self) -> Any:
        from scraper.parse.document_tree import XPathTree  # noqa: PLC0415 - most runs have no XPath

        if self._tree is None:
            self._tree = XPathTree(self._html)
        return self._tree

    @property
    def is_whole(self) -> bool:
        return self._tree is None or bool(self._tree.is_whole)


class _Found:
    """What one rule makes of the texts that its selector finds."""

    def __init__(self, rule: FieldRule, search: Callable[[str], str | None] | None, context: Context) -> None:
        self.values: list[Any] = []
        self.error: str | None = None
        self.is_whole = True
        self._rule = rule
        self._search = search
        self._context = context

    def read(self, texts: Iterable[tuple[str, bool]]) -> None:
        """Take the first text that says anything, or all of them."""
        from scraper.parse.field_types import converted  # noqa: PLC0415 - the same

        wrong = passed = 0
        for tried, (raw, is_whole) in enumerate(texts):
            if tried >= MAX_TRIED or len(self.values) >= MAX_VALUES:
                self.is_whole = False
                break
            text = self._text(raw)
            if text is None:
                continue
            if self._search is not None:
                text = self._search(text)
                if not text:
                    passed += 1
                    continue
            self.is_whole = self.is_whole and is_whole and (self._is_json or not is_cut(raw))
            try:
                self.values.append(converted(text, kind=self._rule.type, context=self._context))
            except ValueError as error:
                wrong += 1
                self.error = self.error or str(error)
            if not self._rule.many:
                return
        if wrong > 1:
            self.error = f"{wrong} values of {wrong + len(self.values)} are wrong, the first: {self.error}"
        if passed and not wrong and not self.values:
            self.error = f"the pattern is not found in what the selector finds ({passed})"

    @property
    def _is_json(self) -> bool:
        return self._rule.type == "json"

    def _text(self, raw: str) -> str | None:
        if not self._is_json:
            return field(raw)
        if len(raw) > MAX_JSON_TEXT:
            self.is_whole = False
        return raw[:MAX_JSON_TEXT].strip() or None


def _patterns(wanted: Mapping[str, str]) -> TimedPatterns | None:
    if not wanted:
        return None
    from scraper.parse.timed_pattern import BadPattern, TimedPatterns  # noqa: PLC0415 - regex takes 16 ms

    patterns = TimedPatterns()
    for name, pattern in wanted.items():
        try:
            patterns.add(name, pattern)
        except BadPattern as error:
            raise SettingsError(f"parse.select.{name}.pattern: {error}") from None
    return patterns


def _finder(name: str, rule: FieldRule, parser: str) -> Callable[[_Page], Iterable[tuple[str, bool]]]:
    """Return what finds a rule's texts in a page.

    Raises:
        SettingsError: The selector is none.
    """
    try:
        if rule.xpath:
            from scraper.parse.document_tree import compiled_xpath  # noqa: PLC0415 - as above

            xpath = compiled_xpath(rule.xpath)
            return lambda page: page.tree.values(xpath)
        css, attribute = _taken_apart(rule.css)
        selector = compiled_selector(css, parser=parser)
    except BadSelector as error:
        selects = f"xpath:{rule.xpath}" if rule.xpath else rule.css
        why = _repeated.sub("", str(error))
        remedy = "" if rule.xpath else _remedy(rule.css)
        raise SettingsError(f"parse.select.{name}: {selects!r}: {remedy or why}") from None

    def texts(page: _Page) -> Iterator[tuple[str, bool]]:
        document = page.document
        for node in document.select(selector):
            if attribute is None:
                # What of these is text depends on who parses, and no reader sees it.
                if document.tag(node) not in RAW:
                    yield document.text(node)
            elif (value := document.attr(node, attribute)) is not None:
                yield value, True

    return texts


def _remedy(css: str) -> str | None:
    """Return what was most likely meant, for selectors as other tools take them."""
    if css.lstrip(" (.").startswith("/"):
        return f"this is no CSS; if it is XPath, write xpath:{css.strip()}"
    if _text_call(css):
        return "write ::text, without parentheses"
    if _searches_text(css):
        return """CSS does not look for texts; XPath does: xpath://p[contains(., "text")]"""
    found = _END.fullmatch(css)
    if "::" in (found["css"] if found else css):
        return "::text or ::attr(NAME) may stand once, at the very end, as in a::attr(href)"
    return None


def _taken_apart(css: str) -> tuple[str, str | None]:
    """Return a selector without what stands behind ``::``, and the attribute that this names.

    Raises:
        BadSelector: It is neither ``::text`` nor ``::attr(NAME)``.
    """
    found = _END.fullmatch(css)
    if found is None:
        return css, None
    match found["part"], found["name"]:
        case "text", None:
            return found["css"], None
        case "attr", str(name) if not _quote(name):
            return found["css"], name.lower()
    raise BadSelector("at the end there may be ::text or ::attr(NAME), such as a::attr(href)")


def check_selectors(rules: Mapping[str, FieldRule]) -> None:
    """Check that each selector is one for both parsers, so that neither changes what a crawl gives.

    Raises:
        SettingsError: One is not; one line with its name.
    """
    for parser in ("fast", "beautifulsoup") if rules else ():
        FieldSelectors(rules, parser=parser)
