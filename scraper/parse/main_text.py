"""The main text of a page, without what surrounds it, and a guess at its date (extra ``article``).

By trafilatura and htmldate, which go by experience where the page states nothing. They build a tree of their
own and take their time: 50 to 100 ms for a page of 20 KB, 1 s and more for one of 500, where all the rest of
the record takes 1 and 20 ms.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from msgspec.structs import replace

from scraper.errors import UsageError
from scraper.parse.bounds import MAX_PAGE_TEXT
from scraper.parse.taming import first_tags
from scraper.parse.text import unprintable

if TYPE_CHECKING:
    from types import ModuleType

    from scraper.record import Page
    from scraper.settings.model import ParseSettings

MAX_TAGS = 20_000
"""So many tags of a page are looked at, the first. Their time grows faster than a page: ten thousand bold
words in one paragraph took 2.6 s, a hundred thousand paragraphs 9."""

_REMEDY = "trafilatura and htmldate: pip install trafilatura htmldate"

Form: TypeAlias = Literal["text", "markdown"]


def require_libraries(*, asked_by: str) -> None:
    """Look for the libraries without loading them, for the setting that needs them.

    Raises:
        UsageError: trafilatura or htmldate is missing.
    """
    if find_spec("trafilatura") is None or find_spec("htmldate") is None:
        raise UsageError(f"{asked_by} needs {_REMEDY}")


class Supplement:
    """Adds to a page what is not stated in it, as far as the settings ask for it."""

    def __init__(self, *, form: Form | None, guesses_dates: bool) -> None:
        """Take what is asked for.

        Raises:
            UsageError: trafilatura or htmldate is missing.
        """
        _libraries()
        self._form = form
        self._guesses_dates = guesses_dates

    @classmethod
    def of(cls, settings: ParseSettings) -> Self | None:
        """Return what the settings ask for, ``None`` for nothing.

        Raises:
            UsageError: as above.
        """
        forms: dict[str, Form] = {"main": "text", "markdown": "markdown"}
        form = forms.get(settings.text)
        if form is None and not settings.guess_dates:
            return None
        return cls(form=form, guesses_dates=settings.guess_dates)

    def added_to(self, page: Page, *, html: str, url: str) -> Page:
        """Return the page with its main text, and a guess at its date where it states none."""
        added: dict[str, Any] = {}
        if self._form:
            text = main_text(html, url=url, form=self._form) or ""
            added["text"] = text[:MAX_PAGE_TEXT] or None
            if len(text) > MAX_PAGE_TEXT:
                added["cut"] = sorted({*page.cut, "text"})
        if self._guesses_dates and page.published is None:
            added["published_guess"] = guessed_date(html, url=url, original=True)
        return replace(page, **added)


def main_text(html: str, *, url: str, form: Form) -> str | None:
    """Return what a page is about, without navigation, side bars, comments and footers.

    That is trafilatura's judgement, and parts may be lost. What a page hides is not asked about; a line has
    no blanks at its end.

    Args:
        html: the page, decoded.
        url: its final URL.
        form: ``text``, a line for each paragraph, or ``markdown``, with headings, lists, links and emphasis.

    Returns:
        The text, with line breaks; ``None`` when there is none to be found, or the page is too broken.

    Raises:
        UsageError: trafilatura is missing.
    """
    trafilatura = _libraries()[0]
    from scraper.parse.document_tree import seen_tree  # noqa: PLC0415 - most runs need no lxml.html

    try:
        text = trafilatura.extract(
            seen_tree(_beginning(html)),  # of markup it would take noscript and all that is hidden
            url=url,
            output_format="markdown" if form == "markdown" else "txt",
            include_comments=False,
            include_links=form == "markdown",
        )
    except Exception:  # noqa: BLE001 - heuristics of others on hostile input: whatever they raise, it is no text
        return None
    return _clean(text)


def guessed_date(html: str, *, url: str, original: bool) -> str | None:
    """Guess the day on which a page was published, or changed last, from its markup and its text.

    Only for pages whose own statements have no date: it may well be another day that the text mentions.

    Args:
        html: the page, decoded.
        url: its final URL, which may contain a date.
        original: the day of publication, not that of the last change.

    Returns:
        ISO 8601, as ``2024-05-31``.

    Raises:
        UsageError: htmldate is missing.
    """
    htmldate = _libraries()[1]
    try:
        # Not extensive: that takes any number of the text for a year.
        day = htmldate.find_date(
            _beginning(html), url=url, original_date=original, extensive_search=False, outputformat="%Y-%m-%d"
        )
    except Exception:  # noqa: BLE001 - the same
        return None
    return str(day) if day else None


def _beginning(html: str) -> str:
    """Return as much of a page as they may read, without what lxml does not take."""
    return first_tags(html, count=MAX_TAGS).replace("\0", "").encode("utf-8", "ignore").decode()


def _clean(text: str | None) -> str | None:
    if not text:
        return None
    # Not folded: spaces indent lists and code in markdown.
    return "\n".join(map(str.rstrip, unprintable.sub("", text).split("\n"))).strip() or None


@cache
def _libraries() -> tuple[ModuleType, ModuleType]:
    """Import them, once a process: half a second and 40 MB."""
    try:
        import htmldate  # noqa: PLC0415 - an extra, and heavy
        import trafilatura  # noqa: PLC0415 - the same
    except ImportError as error:
        raise UsageError(f"main text and guessed dates need {_REMEDY}") from error
    # They tell of each page without a text, on standard error when nobody has set up logging.
    for name in ("htmldate", "trafilatura", "justext", "courlan"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return trafilatura, htmldate
