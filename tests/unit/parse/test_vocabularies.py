from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.bounds import MAX_ENTRIES, MAX_KEYS
from scraper.parse.text import Texts
from scraper.parse.vocabularies import PREFIXES, read_vocabularies

NAMES = st.one_of(
    st.text(),
    st.builds(str.__add__, st.sampled_from([*PREFIXES, "DC.", "Citation_"]), st.text(max_size=300)),
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("DC.title", "title"),
        ("dc.Title", "title"),
        ("dc:title", "title"),
        ("DCTERMS.title", "title"),
        ("dcterms:title", "title"),
        ("dct:title", "title"),
        ("DC.Date.Issued", "date.issued"),
        ("dcterms.ispartof", "isPartOf"),
        ("DC.relation.isPartOf", "relation.isPartOf"),
        ("DCTERMS.bibliographicCitation", "bibliographicCitation"),
        (" dc.title ", "title"),
        ("dc.", None),
        ("dc..", None),
        ("dc", None),
        ("dctitle", None),
        ("dcx.title", None),
        ("description", None),
    ],
)
def test_names_of_dublin_core(name: str, key: str | None) -> None:
    found = read_vocabularies([(name, "x")])
    assert found.dublin_core == ({key: ["x"]} if key else {})
    assert found.citation == {}


def test_values_of_both_dublin_cores_are_together_each_once() -> None:
    metas = [
        ("DC.creator", "Ada"),
        ("DCTERMS.creator", "Ada"),
        ("dc.creator", " Grace \n Hopper"),
        ("dc.title", ""),
        ("dc.date", "2020"),
    ]
    assert read_vocabularies(metas).dublin_core == {"creator": ["Ada", "Grace Hopper"], "date": ["2020"]}


def test_citation_keeps_repetitions_and_order() -> None:
    metas = [
        ("citation_title", "T"),
        ("citation_author", "Ada"),
        ("citation_author_institution", "Here"),
        ("Citation_Author", "Grace"),
        ("citation_author_institution", "Here"),
        ("citation_", "x"),
    ]
    assert read_vocabularies(metas).citation == {
        "title": ["T"],
        "author": ["Ada", "Grace"],
        "author_institution": ["Here", "Here"],
    }


def test_be_press_counts_where_highwire_says_nothing() -> None:
    metas = [
        ("bepress_citation_title", "B"),
        ("bepress_citation_author", "Ada"),
        ("citation_title", "T"),
    ]
    assert read_vocabularies(metas).citation == {"title": ["T"], "author": ["Ada"]}


def test_nothing_said_is_nothing_found() -> None:
    assert read_vocabularies([("og:title", "x"), ("schema.dc", "http://purl.org/dc/")]) == ({}, {}, set())


@given(st.lists(st.tuples(NAMES, st.text())))
def test_any_metas_are_read(metas: list[tuple[str, str]]) -> None:
    found = read_vocabularies(metas)
    for vocabulary in (found.dublin_core, found.citation):
        assert all(key and len(key) <= 100 and values for key, values in vocabulary.items())
    read = [meta for meta in metas if meta[0].strip().lower().startswith(PREFIXES)]
    assert read_vocabularies(read) == found, "the prefixes choose all that is read"


def test_masses_are_bounded_and_it_is_said() -> None:
    names = [(f"dc.{number}", "x") for number in range(MAX_KEYS + 1)]
    values = [("citation_reference", str(number)) for number in range(MAX_ENTRIES + 1)]
    found = read_vocabularies([*names, *values])
    assert len(found.dublin_core) == MAX_KEYS
    assert len(found.citation["reference"]) == MAX_ENTRIES
    assert found.cut == {"citation", "dublin_core"}


@pytest.mark.parametrize(("name", "content"), [("dc." + "x" * 300, "v"), ("citation_" + "x" * 101, "v")])
def test_long_names_are_cut_and_it_is_said(name: str, content: str) -> None:
    found = read_vocabularies([(name, content)])
    assert found.cut
    assert [len(key) for key in {**found.dublin_core, **found.citation}] == [100]


def test_long_texts_are_named() -> None:
    texts = Texts()
    read_vocabularies([("dc.title", "x" * 20_000)], texts=texts)
    assert texts.cut == {"x" * 10_000}
