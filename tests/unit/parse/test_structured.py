"""JSON-LD, microdata, Dublin Core and citation tags in a page, by both parsers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest

from scraper.parse.page import PageParser
from scraper.settings.model import ParseSettings

if TYPE_CHECKING:
    from scraper.record import Page

PARSERS: list[Literal["fast", "beautifulsoup"]] = ["fast", "beautifulsoup"]
PAGE = """<!doctype html><title>A page</title>
<base href="/shop/">
<meta name="DC.title" content="By librarians"><meta name="citation_author" content="Lee, Ann">
<meta name="citation_author" content="Ray, Bob">
<script type="application/ld+json; charset=utf-8">
  {"@context": "https://schema.org", "@graph": [{"@type": "Article"}, {"@type": "Person", "name": "Ann",}]}
</script>
<script type="text/javascript">{"@type": "Nothing"}</script>
<p itemscope itemtype="https://schema.org/Offer">
<a itemprop="url" href="a">here</a> <b itemprop="price">5</b></p>
"""


def parsed(text: str, *, parser: Literal["fast", "beautifulsoup"] = "fast") -> Page:
    found = PageParser(ParseSettings(parser=parser)).parse(
        body=text.encode(), url="https://a.example/x", content_type_charset="utf-8"
    )
    return found.page


@pytest.mark.parametrize("parser", PARSERS)
def test_a_page_says_all_that_it_says_in_vocabularies(parser: Literal["fast", "beautifulsoup"]) -> None:
    page = parsed(PAGE, parser=parser)
    assert [node["@type"] for node in page.jsonld] == ["Article", "Person"]
    assert [error.message for error in page.jsonld_errors] == ["block 1: repaired: trailing comma"]
    assert page.microdata == [
        {
            "type": ["https://schema.org/Offer"],
            "properties": {"url": ["https://a.example/shop/a"], "price": ["5"]},
        }
    ]
    assert page.dublin_core == {"title": ["By librarians"]}
    assert page.citation == {"author": ["Lee, Ann", "Ray, Bob"]}
    assert page.cut == []
    assert page.scripts == 2


@pytest.mark.parametrize("parser", PARSERS)
def test_a_page_without_them_says_nothing(parser: Literal["fast", "beautifulsoup"]) -> None:
    page = parsed("<title>A page</title><p>Text", parser=parser)
    assert (page.jsonld, page.jsonld_errors, page.microdata) == ([], [], [])
    assert (page.dublin_core, page.citation) == ({}, {})


def test_what_they_say_is_part_of_what_change_detection_compares() -> None:
    hashes = {parsed(PAGE.replace('"name": "Ann"', f'"name": "{name}"')).metadata_sha256 for name in "ab"}
    assert len(hashes) == 2


def test_all_of_it_stays_within_the_bound_of_a_page() -> None:
    nodes: list[dict[str, Any]] = [{"@type": "Thing", "description": "x" * 9000} for _ in range(100)]
    page = parsed(f'<script type="application/ld+json">{json.dumps(nodes)}</script>')
    assert page.cut == ["jsonld"]
    assert 0 < len(page.jsonld) < 100
    assert len(msgspec.json.encode(page)) < 600_000


@pytest.mark.parametrize("parser", PARSERS)
def test_texts_that_are_nearly_alike_have_simhashes_that_are(
    parser: Literal["fast", "beautifulsoup"],
) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    one, other, far = (
        int(parsed(f"<p>{text}", parser=parser).simhash or "", 16)
        for text in (words, f"{words} more", " ".join(f"term{number}" for number in range(200)))
    )
    assert (one ^ other).bit_count() < 10 < (one ^ far).bit_count()
