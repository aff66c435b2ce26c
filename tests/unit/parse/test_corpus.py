"""The corpus of pages, each with what the standards and a reader find in it, through both parsers."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import pytest

from scraper.record import Language, Record
from tests.fidelity.corpus import CorpusPage, pages
from tests.fidelity.ours import Backend, records

PAGES = pages()
NAMES = [page.name for page in PAGES]
EMPTY: tuple[Any, ...] = (None, [], {})

_TEXT = {"text_sha256", "simhash", "language"}
DIFFERENCES = {
    # A heading that opens in another one closes it by the HTML Standard (13.2.6.4.7), not by libxml2.
    "blog/old-diary-tagsoup": {"headings"},
    "government/municipality-ka-meta-in-body": {"headings"},
    # A form within a form is none by the Standard (13.2.6.4.7); libxml2 keeps it.
    "broken/nested-forms": {"forms"},
    # NUL is U+FFFD in an attribute by the Standard (13.2.5.36); libxml2, which it would end, never sees it.
    "broken/null-bytes": {"keywords"},
    # What stands in a table outside of its cells goes before it by the Standard (13.2.6.1).
    "broken/table-stray-content": {"headings", *_TEXT},
    # <image> is an img by the Standard (13.2.6.4.7).
    "broken/template-image-plaintext": {"images"},
    # <script/> opens a script, which ends at the next end tag (13.2.6.4.4); libxml2 takes it for closed.
    "broken/xhtml-as-html": {"titles"},
    # Nothing follows a frameset (13.2.6.4.20).
    "old/frameset": {"headings", "links", "word_count", "text_length", *_TEXT},
}
"""What the parsers themselves force to differ; ``scraper.parse.document`` lists the kinds."""


@cache
def record_of(name: str, parser: Backend) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scraper.parse.page.language_detector", lambda: _text_of_a_guess)
        (record,) = records([PAGES[NAMES.index(name)]], parser=parser, language=True)
    return record


def _text_of_a_guess(text: str) -> Language:
    """Stand for the model: guesses differ wherever the texts do that they are made of."""
    return Language(code=text, confidence=1.0)


@pytest.mark.parametrize("parser", ["fast", "beautifulsoup"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_gives_what_is_expected_of_it(
    page: CorpusPage, parser: Literal["fast", "beautifulsoup"]
) -> None:
    record = record_of(page.name, parser)
    wrong = {
        field: record.get(field)
        for field, expected in page.expected.items()
        if record.get(field) != expected
        and not (expected in EMPTY and record.get(field) in EMPTY)
        and not (parser == "beautifulsoup" and field in DIFFERENCES.get(page.name, ()))
    }
    assert wrong == {}, {field: page.expected[field] for field in wrong}


@pytest.mark.parametrize("name", NAMES)
def test_both_parsers_give_the_same_record(name: str) -> None:
    fast, soup = record_of(name, "fast"), record_of(name, "beautifulsoup")
    differ = {field for field in fast.keys() | soup.keys() if fast.get(field) != soup.get(field)}
    allowed = DIFFERENCES.get(name, set[str]())
    assert differ - {"timing", "metadata_sha256"} == allowed


def test_no_page_states_a_field_that_is_none() -> None:
    known = set(Record.__struct_fields__)
    assert {field for page in PAGES for field in page.expected} <= known
