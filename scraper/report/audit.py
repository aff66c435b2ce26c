"""What an audit of pages for search engines asks of titles, headings and words. This module does no I/O.

The bounds are those that tools of the trade have by default: what is longer is cut in a list of results, what
is shorter leaves room unused. They are a habit, no rule of any search engine.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final
from unicodedata import combining, east_asian_width

from scraper.report.bounded import First, Greatest
from scraper.report.model import Audit, Count, HeadingFinding, TextLength, ThinPage
from scraper.report.shown import shown_place, shown_text

if TYPE_CHECKING:
    from scraper.record import Record

TITLE_LENGTHS: Final = (30, 60)
DESCRIPTION_LENGTHS: Final = (70, 155)
"""From and to how many characters a text fits."""
FEW_WORDS: Final = 200
_NO_WORD_IS_SO_LONG: Final = 20
_CHARACTERS_A_WORD: Final = 2
_MEASURED: Final = 2_000
_SHOWN_H1S: Final = 5
_KINDS: Final = ("too long", "fitting", "too short", "missing")


class Auditing:
    """Takes HTML pages one by one. Memory depends on ``limit`` alone.

    Args:
        limit: The most rows that a table is to have.
    """

    def __init__(self, limit: int) -> None:
        self._titles = dict.fromkeys(_KINDS, 0)
        self._descriptions = dict.fromkeys(_KINDS, 0)
        self._lengths: First[TextLength] = First(limit)
        self._headings: First[HeadingFinding] = First(limit)
        self._thin: Greatest[ThinPage] = Greatest(limit)
        self._pages = self._without_h1 = self._several_h1 = 0

    def add(self, record: Record) -> None:
        """Take a page; one that search engines may not list is none of theirs, and left out."""
        if record.indexable is False:
            return
        self._pages += 1
        self._note_length(record, "title", record.title, self._titles, TITLE_LENGTHS)
        self._note_length(record, "description", record.description, self._descriptions, DESCRIPTION_LENGTHS)
        if not record.truncated:  # what was not read may have all of it
            self._note_headings(record)
            self._note_words(record)

    def _note_length(
        self, record: Record, of: str, text: str | None, counts: dict[str, int], fitting: tuple[int, int]
    ) -> None:
        length = width(text or "")
        kind = _kind(length, *fitting)
        counts[kind] += 1
        if kind not in {"too short", "too long"}:
            return
        if self._lengths.is_full:  # a URL is looked through for secrets; not for nothing
            self._lengths.total += 1
        else:
            self._lengths.add(TextLength(shown_place(record), of, kind, length, shown_text(text or "")))

    def _note_headings(self, record: Record) -> None:
        count = sum(heading.level == 1 for heading in record.headings)
        if count == 1:
            return
        self._without_h1 += not count
        self._several_h1 += count > 1
        if self._headings.is_full:
            self._headings.total += 1
            return
        shown = [one for one in record.headings if one.level == 1] or record.headings
        texts = [shown_text(one.text, 80) for one in islice(shown, _SHOWN_H1S)]
        self._headings.add(HeadingFinding(shown_place(record), count, " · ".join(texts)))

    def _note_words(self, record: Record) -> None:
        words = words_of(record)
        if words is None or words >= FEW_WORDS:
            return
        if self._thin.takes(-words):
            self._thin.add(-words, ThinPage(shown_place(record), words, shown_text(record.title or "")))
        else:
            self._thin.total += 1

    def figures(self) -> Audit:
        """Return what was found."""
        return Audit(
            pages=self._pages,
            titles=_told(self._titles),
            descriptions=_told(self._descriptions),
            lengths=self._lengths.rows(),
            without_h1=self._without_h1,
            several_h1=self._several_h1,
            headings=self._headings.rows(),
            thin=self._thin.rows(),
        )


def width(text: str) -> int:
    """Return how many columns a text takes: wide characters, as of Chinese, two, and marks on others none."""
    if text.isascii():  # most are, and each character on its own takes a third of a report's time
        return min(len(text), _MEASURED)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        for char in islice(text, _MEASURED)
    )


def words_of(record: Record) -> int | None:
    """Return how many words a page has, ``None`` where the record does not say.

    A word of the record is what stands between white space. Where that gives words as no language has them,
    the writing does without, and two characters count as one.
    """
    count, length = record.word_count, record.text_length or 0
    if count is None:
        return None
    return length // _CHARACTERS_A_WORD if length > count * _NO_WORD_IS_SO_LONG else count


def _kind(length: int, least: int, most: int) -> str:
    if not length:
        return "missing"
    if length < least:
        return "too short"
    return "too long" if length > most else "fitting"


def _told(counts: dict[str, int]) -> list[Count]:
    return [Count(name, number) for name, number in counts.items() if number]
