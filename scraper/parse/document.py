"""The one door to the HTML parsers: a document by what the extraction asks of it.

Two backends, imported when first asked for:

- ``fast``: turbohtml. Measured against selectolax (lexbor): twice as fast on pages dense with tags
  (1.4 against 2.8 ms for 200 KB), and linear where lexbor is not: 100,000 nested ``div`` take 30 ms
  against 88 s, 20,000 attributes 9 ms against 1.8 s. One such page would have stopped a crawl.
- ``beautifulsoup``: Beautiful Soup over lxml, whose C parser is the quicker of its tree builders.

On 1,200 mutated pages turbohtml and lexbor built the same tree but once, where html5lib sided with
turbohtml.

What the parsers force to differ, as far as it was found:

- A form within a form is dropped by the HTML Standard and so by turbohtml; libxml2 keeps it.
- ``<image>`` is an ``img`` to turbohtml, as the Standard has it, and unknown to libxml2.
- NUL, which would end libxml2's input, is taken out before it; turbohtml treats it by the Standard, which
  has U+FFFD in attributes.
- A heading that opens in a heading closes it by the Standard; libxml2 nests them.
- ``<script/>`` opens a script by the Standard; libxml2 takes it for closed. Nothing follows a frameset by
  the Standard; libxml2 reads on.
- Within svg and math only turbohtml knows namespaces; Beautiful Soup goes by the enclosing elements.
- A page without a document type is read in quirks mode, in which turbohtml, as the Standard has it, takes
  the names of classes and ids in either case; Beautiful Soup knows no modes.
- Where broken markup is moved about (misnested formatting, text in tables) trees may differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from scraper.errors import PageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Node: TypeAlias = Any
"""An element of a backend: opaque, only to be handed back to the document that gave it."""

Selector: TypeAlias = Any
"""A CSS selector as a backend wants it: see ``compiled_selector``."""

MAX_NODES = 1000
"""How many nodes below one element are read for its text: nested headings stay linear."""

MAX_NODES_IN_ALL = 100_000
"""The same for all such elements of a page: a thousand nested headings took 5 s without it."""


class BrokenDocument(PageError):
    """The HTML parser gave up on a page."""


class BadSelector(ValueError):
    """A text is no CSS selector, or has something in it that the backend does not know."""


class SlowSelector(PageError):
    """To search a page for a selector would take too long."""


class Document(Protocol):
    """A parsed page. Content of ``template`` and ``noscript`` is not part of it.

    ``visible_text`` may take the tree apart: call it last.
    """

    is_whole: bool
    """False when only a beginning of the page was parsed, or not all of its markup counts."""

    @property
    def elements(self) -> Sequence[tuple[str, Node]]:
        """All elements by the names asked for, in document order, each with its lower-case name."""
        ...

    def tag(self, node: Node, /) -> str:
        """The lower-case name of an element."""
        ...

    def attr(self, node: Node, name: str, /) -> str | None:
        """An attribute's value, entities resolved; empty without a value, ``None`` when absent."""
        ...

    def is_html(self, node: Node, /) -> bool:
        """False within svg and math."""
        ...

    def is_in_head(self, node: Node, /) -> bool:
        """Whether an element is a child of the document's ``head``."""
        ...

    def has_attribute(self, name: str, /) -> bool:
        """Whether any element has an attribute by this lower-case name; may be wrong in saying yes."""
        ...

    def outline(self, names: Sequence[str], /) -> list[tuple[Node, int]]:
        """All elements that have one of these attributes, in document order.

        Each with the place in the list of the nearest one around it, -1 without.
        """
        ...

    def select(self, selector: Selector, /) -> Iterable[Node]:
        """All elements that a compiled selector matches, in document order.

        Raises:
            SlowSelector: It would take too long on this page; what came before are matches.
        """
        ...

    def text(self, node: Node, /) -> tuple[str, bool]:
        """An element's text, not folded; what is not inline is set apart by white space.

        Also whether it is all of it, which it is not behind ``MAX_NODES``.
        """
        ...

    def texts(self, nodes: Iterable[Node], /) -> tuple[list[str], bool]:
        """What ``text`` gives of each element, and whether it is all of all of them.

        Of a text, no more than a field is made of (``text.MAX_RAW_TEXT``): elements that are in each other
        all have that of the innermost one.
        """
        ...

    def alternatives(self, node: Node, /) -> list[str]:
        """The ``alt`` texts of the ``img`` elements in an element, those before ``MAX_NODES``."""
        ...

    def visible_text(self, *, in_lines: bool = False) -> str:
        """The text of the whole page as a reader sees it, not folded; ``text.SEPARATOR`` between blocks.

        With ``in_lines`` also at the line ends of ``pre``, and no more where only a word ends: at a picture
        or a button within a sentence. White space is white space with and without it.
        """
        ...


def open_document(text: str, *, parser: str, tags: frozenset[str] = frozenset()) -> Document:
    """Parse a page.

    Args:
        text: the page, decoded.
        parser: ``fast`` or ``beautifulsoup``.
        tags: the lower-case names of what is to be in ``elements``.

    Raises:
        BrokenDocument: when the parser gives up.
    """
    if parser == "fast":
        from scraper.parse.document_turbo import open_turbo  # noqa: PLC0415 - the other parser stays unloaded

        return open_turbo(text, tags=tags)
    from scraper.parse.document_soup import open_soup  # noqa: PLC0415 - the same

    return open_soup(text, tags=tags)


def compiled_selector(css: str, *, parser: str) -> Selector:
    """Make a CSS selector ready for the documents of a parser.

    Raises:
        BadSelector: It is none, or not one that the parser's engine knows; one line.
    """
    if parser == "fast":
        from scraper.parse.document_turbo import compiled  # noqa: PLC0415 - as above

        return compiled(css)
    from scraper.parse.document_soup import compiled as compiled_by_soup  # noqa: PLC0415 - the same

    return compiled_by_soup(css)
