from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.parse.links import MAX_TARGETS, LinkCounter, Target, targets
from scraper.references import resolve
from scraper.urls import dedup_key, drop_fragment, host_key, parse_input

PAGE = "https://example.com/dir/page?x=1"

Links = list[tuple[str, str | None]]


def urls(*hrefs: str, base: str = PAGE) -> list[str]:
    return [target.url for target in targets([(href, None) for href in hrefs], final_url=PAGE, base=base)]


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("a", "https://example.com/dir/a"),
        ("/a", "https://example.com/a"),
        ("../a", "https://example.com/a"),
        ("?y", "https://example.com/dir/page?y"),
        ("//other.net", "https://other.net/"),
        ("http://other.net/b", "http://other.net/b"),
        ("HTTP://OTHER.net:80/b", "http://other.net/b"),
        (" \n a\t ", "https://example.com/dir/a"),
        ("\\\\other.net\\b", "https://other.net/b"),
        ("https://me:secret@other.net/", "https://other.net/"),
        ("ä", "https://example.com/dir/%C3%A4"),
        # No fragment, and nothing changes before it.
        ("a#b", "https://example.com/dir/a"),
        ("a#b#c", "https://example.com/dir/a"),
        ("a #b", "https://example.com/dir/a%20"),
        ("a ", "https://example.com/dir/a"),
        ("/dir/?#", "https://example.com/dir/?"),
        # No links, or none that can be followed.
        ("mailto:me@example.com", None),
        ("javascript:void(0)", None),
        ("JavaScript:a#b", None),
        ("data:text/html,<a href=x>", None),
        ("tel:+123", None),
        ("ftp://example.com/", None),
        ("http://", None),
        ("http://a..b/", None),
        ("http://[::1", None),
        ("/" + "x" * 9000, None),
        # The page itself, which has just been fetched.
        ("", None),
        ("#top", None),
        ("  #top", None),
        ("page?x=1#top", None),
        ("/dir/p%61ge?x=1", None),
        ("page", "https://example.com/dir/page"),
    ],
)
def test_where_a_link_leads(href: str, url: str | None) -> None:
    assert urls(href) == ([] if url is None else [url])


def test_links_are_relative_to_the_base() -> None:
    base = "https://cdn.example.net/root/"
    assert urls("a", "/b", "?c", base=base) == [base + "a", "https://cdn.example.net/b", base + "?c"]
    assert urls("#top", base=base) == [base], "with a base elsewhere even a fragment leads away"
    assert urls(PAGE, base=base) == []


def test_each_target_comes_once_in_the_order_of_the_page() -> None:
    assert urls("/b", "/a", "/b#x", "/c", "https://EXAMPLE.com/a", "/%61", "/b", "/%41") == [
        "https://example.com/b",
        "https://example.com/a",
        "https://example.com/c",
        "https://example.com/%41",
    ]


def test_the_first_spelling_of_a_target_is_the_one_to_ask_for() -> None:
    assert urls("/%7euser", "/~user") == ["https://example.com/%7euser"]


@pytest.mark.parametrize(
    ("rels", "nofollow"),
    [
        ([None], False),
        ([""], False),
        (["nofollow"], True),
        (["NoFollow"], True),
        (["noopener\tnofollow  ugc"], True),
        (["nofollowed"], False),
        (["ugc sponsored"], False),
        (["nofollow", "nofollow"], True),
        (["nofollow", None], False),
        ([None, "nofollow"], False),
        (["nofollow", "nofollow", "next", "nofollow"], False),
    ],
)
@pytest.mark.parametrize("hrefs", [("/a",), ("/a", "/a#1", "/%61", "https://example.com/a")])
def test_a_target_is_nofollow_when_all_that_lead_there_are(
    *, rels: list[str | None], nofollow: bool, hrefs: tuple[str, ...]
) -> None:
    links = [(hrefs[number % len(hrefs)], rel) for number, rel in enumerate(rels)]
    found = targets(links, final_url=PAGE, base=PAGE)
    assert found == [Target("https://example.com/a", nofollow=nofollow)]


def test_a_page_names_no_more_hosts_than_the_state_takes_in_a_tenth_of_a_second() -> None:
    links: Links = [(f"https://h{number}.example/", None) for number in range(5000)]
    assert len(targets(links, final_url=PAGE, base=PAGE)) == 2000


def test_a_page_gives_so_many_targets_at_the_most() -> None:
    links: Links = [(f"/{number}", "nofollow") for number in range(MAX_TARGETS + 50)]
    again: Links = [("/0", None), (f"/{MAX_TARGETS}", None)]
    found = targets(links + again, final_url=PAGE, base=PAGE)
    assert len(found) == MAX_TARGETS
    assert found[0] == Target("https://example.com/0", nofollow=False), "the end of the page counts still"
    assert found[-1] == Target(f"https://example.com/{MAX_TARGETS - 1}", nofollow=True)


def test_hrefs_that_are_no_links_are_not_looked_at_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(base: str, reference: str) -> str | None:
        asked.append(reference)
        return resolve(base, reference)

    monkeypatch.setattr("scraper.parse.links.resolve", counted)
    junk: Links = [(f"mailto:{number}", None) for number in range(5 * MAX_TARGETS)]
    assert targets([("/a", None), *junk, ("/b", None)], final_url=PAGE, base=PAGE) == [
        Target("https://example.com/a", nofollow=False)
    ]
    assert len(asked) == 4 * MAX_TARGETS


def test_a_page_without_a_proper_url_of_its_own_has_targets_too() -> None:
    found = targets([("/a", None), ("https://a.com/", None)], final_url="about:blank", base="about:blank")
    assert found == [Target("https://a.com/", nofollow=False)]


hrefs = (
    st.text(st.sampled_from("ab/.?#:@%6\\ \t\nö\x00\ud800"), max_size=8)
    | st.text(max_size=8)
    | st.sampled_from(["http://other.net/", "//other.net", "HTTPS://Example.com/a", "mailto:a", PAGE])
)
rels = st.none() | st.sampled_from(["", "nofollow", "next", "NOFOLLOW me"])


@given(
    links=st.lists(st.tuples(hrefs, rels), max_size=12),
    base=st.sampled_from([PAGE, "http://other.net/a/b", "https://example.com/"]),
)
def test_targets_are_what_each_link_means_by_itself(links: Links, base: str) -> None:
    meant: dict[str, tuple[str, list[bool]]] = {}
    for href, rel in links:
        url = resolve(base, href)
        if url is not None and dedup_key(url) != dedup_key(PAGE):
            _, marks = meant.setdefault(dedup_key(url), (drop_fragment(url), []))
            marks.append("nofollow" in (rel or "").lower().split())
    found = targets(links, final_url=PAGE, base=base)
    assert found == [Target(url, nofollow=all(marks)) for url, marks in meant.values()]
    for target in found:
        assert parse_input(target.url).url == target.url, "it can be asked for as it is"
    assert len(found) <= LinkCounter(final_url=PAGE, base=base).count(links).total


@given(href=hrefs, base=st.sampled_from([PAGE, "http://other.net/a/b", "https://example.com/"]))
@example(href="tel:1", base=PAGE)
@example(href="x/tel:1", base=PAGE)
@example(href="x\t:/", base=PAGE)
def test_a_link_is_counted_by_where_it_leads(href: str, base: str) -> None:
    url = resolve(base, href)
    expected = (0, 0) if url is None else (1, 0) if host_key(url) == host_key(PAGE) else (0, 1)
    counts = LinkCounter(final_url=PAGE, base=base).count([(href, None)])
    assert (counts.internal, counts.external) == expected
