from __future__ import annotations

import pytest

from scraper.parse.bounds import MAX_ENTRIES
from scraper.parse.link_header import Link, links_of
from scraper.parse.link_relations import SINGLE, LinkRelations, relation_types
from scraper.parse.text import Texts
from scraper.record import Feed, Hreflang, Icon

PAGE = "https://example.com/"


def url(path: str) -> str:
    return PAGE + path


def alternate(path: str, *, type: str | None = None, lang: str | None = None) -> Link:  # noqa: A002
    return Link(url(path), ("alternate",), hreflang=(lang,) if lang else (), type=type)


@pytest.mark.parametrize(
    ("rel", "types"),
    [
        ("canonical", ("canonical",)),
        (" Shortcut\tICON ", ("shortcut", "icon")),
        ("stylesheet", ()),
        ("preload", ()),
        ("", ()),
        (None, ()),
        ("alternate stylesheet", ()),
        ("alternate stylesheet icon", ("stylesheet", "icon")),
        ("x " * 100_000 + "canonical", ()),
    ],
)
def test_which_links_are_worth_a_look(rel: str | None, types: tuple[str, ...]) -> None:
    assert relation_types(rel) == types


@pytest.mark.parametrize(
    ("rel", "name"),
    [
        ("canonical", "canonical"),
        ("amphtml", "amphtml"),
        ("next", "next"),
        ("prev", "prev"),
        ("previous", "prev"),
        ("manifest", "manifest"),
        ("license", "license"),
        ("copyright", "license"),
        ("image_src", "image_src"),
    ],
)
def test_of_some_relations_the_first_link_counts(rel: str, name: str) -> None:
    found = LinkRelations([Link(url("1"), (rel,)), Link(url("2"), (rel,))])
    assert found.single == {name: url("1")}
    assert name in SINGLE.values()


@pytest.mark.parametrize(
    ("type", "lang", "field"),
    [
        ("application/rss+xml", None, "feeds"),
        ("Application/Atom+XML; charset=utf-8", None, "feeds"),
        ("application/feed+json", "de", "feeds"),
        ("application/rdf+xml", None, "alternates"),
        ("application/json+oembed", None, "alternates"),
        ("text/html", "de", "hreflang"),
        (None, "x-default", "hreflang"),
        (None, " ", "alternates"),
        (None, None, "alternates"),
    ],
)
def test_alternates_are_told_apart(type: str | None, lang: str | None, field: str) -> None:  # noqa: A002
    found = LinkRelations([alternate("a", type=type, lang=lang)])
    lists = {name: getattr(found, name) for name in ("feeds", "hreflang", "alternates")}
    assert [name for name, entries in lists.items() if entries] == [field]


def test_entries_as_the_record_has_them() -> None:
    found = LinkRelations(
        [
            Link(url("f"), ("alternate",), type="application/rss+xml", title=" All \n news "),
            Link(url("i"), ("shortcut", "icon"), sizes="16x16"),
            alternate("de", lang="de-AT"),
            alternate("print"),
        ]
    )
    assert found.feeds == [Feed(type="application/rss+xml", title="All news", url=url("f"))]
    assert found.icons == [Icon(rel="shortcut icon", sizes="16x16", url=url("i"))]
    assert found.hreflang == [Hreflang(lang="de-AT", url=url("de"))]
    assert found.alternates == [url("print")]


def test_the_header_comes_after_the_head_and_repeats_nothing() -> None:
    head = [alternate("de", lang="de"), Link(url("n"), ("next",)), alternate("x")]
    header = links_of(
        [
            "</de>; rel=alternate; hreflang=DE, </fr>; rel=alternate; hreflang=fr",
            "</m>; rel=next, </p>; rel=prev, </x>; rel=alternate, </y>; rel=alternate",
        ],
        base=PAGE,
    )
    found = LinkRelations(head, header=header)
    assert found.hreflang == [Hreflang(lang="de", url=url("de")), Hreflang(lang="fr", url=url("fr"))]
    assert found.alternates == [url("x"), url("y")]
    assert found.single == {"next": url("n"), "prev": url("p")}


@pytest.mark.parametrize("head", [None, url("own")])
def test_the_header_s_canonical_is_a_field_of_its_own(head: str | None) -> None:
    links = [Link(head, ("canonical",))] if head else []
    found = LinkRelations(links, header=[Link(url("1"), ("canonical",)), Link(url("2"), ("canonical",))])
    assert found.single.get("canonical") == head
    assert found.canonical_header == url("1")


def test_one_header_link_may_be_for_several_languages() -> None:
    found = LinkRelations(links_of(["</a>; rel=alternate; hreflang=de; hreflang=at"], base=PAGE))
    assert [one.lang for one in found.hreflang] == ["de", "at"]


def test_lists_and_texts_are_bounded_and_it_is_said() -> None:
    texts = Texts()
    found = LinkRelations(
        [
            *(alternate(str(number)) for number in range(MAX_ENTRIES + 5)),
            Link(url("f"), ("alternate",), type="application/rss+xml", title="x" * 20_000),
            Link(url("i"), ("icon", "y" * 200)),
        ],
        texts=texts,
    )
    assert len(found.alternates) == MAX_ENTRIES
    assert found.cut == {"alternates", "icons"}
    assert texts.cut == {"x" * 10_000}


def test_what_is_repeated_beyond_the_bound_is_not_missing() -> None:
    links = [alternate(str(number)) for number in range(MAX_ENTRIES)]
    assert LinkRelations([*links, *links]).cut == set()
