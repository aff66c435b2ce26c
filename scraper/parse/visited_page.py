"""A page as users' own code is given it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from scraper.parse.decode import decode
from scraper.parse.document import open_document
from scraper.parse.text import lines

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from scraper.record import Record


class VisitedPage:
    """A page that was read: what ``parse.extractor`` is called with.

    ``soup``, ``tree`` and ``text`` are made when they are asked for, each once. The page is the
    function's own: what it does to the trees changes no record.
    """

    def __init__(self, *, record: Record, url: str, body: bytes, charset: str | None) -> None:
        """Take what came; ``charset`` is that of ``Content-Type``, as sent."""
        self.record = record
        """All that is known of the page, with the fields that ``parse.select`` has found."""
        self.url = url
        """The final URL, which relative ones are meant by (but for a ``<base>``: ``record.base``)."""
        self.body = body
        """The body as bytes, after content decoding; with ``record.truncated`` only its beginning."""
        self._charset = charset

    @cached_property
    def html(self) -> str:
        """The body, decoded."""
        return decode(self.body, http_charset=self._charset).text

    @cached_property
    def text(self) -> str:
        """What a reader sees of the page, a line for each block: ``record.text`` with ``parse.text=visible``.

        Raises:
            BrokenDocument: The HTML parser gave up.
        """
        return lines(open_document(self.html, parser="fast").visible_text(in_lines=True))

    @cached_property
    def soup(self) -> BeautifulSoup:
        """Beautiful Soup's tree, made by lxml; of a very long page only its beginning.

        Raises:
            BrokenDocument: The HTML parser gave up.
        """
        from scraper.parse.document_soup import soup_of  # noqa: PLC0415 - loaded for who asks for it

        return soup_of(self.html)

    @cached_property
    def tree(self) -> Any:
        """The tree of lxml: its root, an ``lxml.html.HtmlElement``; of a very long page only its beginning.

        Raises:
            BrokenDocument: The HTML parser gave up.
        """
        from scraper.parse.document_tree import MAX_TREE_TAGS, tree_of  # noqa: PLC0415 - the same
        from scraper.parse.taming import first_tags  # noqa: PLC0415 - the same

        return tree_of(first_tags(self.html, count=MAX_TREE_TAGS))
