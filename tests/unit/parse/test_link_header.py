from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.link_header import MAX_LINKS, Link, links_of

PAGE = "https://example.com/dir/page"
A = "https://example.com/a"

MARKS = st.sampled_from([*"<>,;=\"'\\ \t*ab/", "rel=", '="', "</a>", "rel=next", "title*=UTF-8''%"])
TEXTS = st.one_of(st.lists(MARKS).map("".join), st.text())


def links(*values: str) -> list[Link]:
    return links_of(values, base=PAGE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("</a>; rel=canonical", Link(A, ("canonical",))),
        ('<https://example.com/a>;rel="canonical"', Link(A, ("canonical",))),
        ('< ../a >; REL = "Prev  Up"', Link(A, ("prev", "up"))),
        ('</a>; rel="alternate"; hreflang=de', Link(A, ("alternate",), hreflang=("de",))),
        ("</a>; rel=alternate; hreflang=de; hreflang=fr", Link(A, ("alternate",), hreflang=("de", "fr"))),
        (
            '</a>; rel=alternate; type="application/rss+xml"; title="News, \\"all\\"; sorted"',
            Link(A, ("alternate",), type="application/rss+xml", title='News, "all"; sorted'),
        ),
        ('</a>; rel=icon; sizes="16x16 32x32"', Link(A, ("icon",), sizes="16x16 32x32")),
        ("</a>; rel=alternate; media=print", Link(A, ("alternate",), media="print")),
        # RFC 8187
        ("</a>; rel=next; title*=UTF-8'de'n%c3%a4chste", Link(A, ("next",), title="n\xe4chste")),
        ("</a>; rel=next; title=x; title*=iso-8859-1''%E4", Link(A, ("next",), title="\xe4")),
        ("</a>; rel=next; title=x; title*=UTF-8''%E4", Link(A, ("next",), title="x")),
        ("</a>; rel=next; title=x; title*=koi8-r''%E4", Link(A, ("next",), title="x")),
        ("</a>; rel=next; title=x; title*=%E4", Link(A, ("next",), title="x")),
        # The first of two counts.
        ("</a>; rel=next; rel=prev", Link(A, ("next",))),
        # Context
        ("</a>; rel=next; anchor=''", Link(A, ("next",))),
        ('</a>; rel=next; anchor="/dir/page"', Link(A, ("next",))),
        ('</a>; rel=next; anchor="#part"', None),
        ('</a>; rel=next; anchor="https://example.org/"', None),
        # Tolerance
        ("</a>; rel='next'", Link(A, ("next",))),
        ('</a>; rel="next', Link(A, ("next",))),
        ("</a>; crossorigin; rel=next;", Link(A, ("next",))),
        ("</a>;;; rel=next", Link(A, ("next",))),
        ("</a> rel=x; rel=next", None),
        ("</a,b;c>; rel=next", Link(A + ",b;c", ("next",))),
        # Nothing
        ("</a>", None),
        ('</a>; rel=""', None),
        ("</a; rel=next", None),
        ("/a; rel=next", None),
        ("<mailto:a@example.com>; rel=author", None),
        ("<javascript:x>; rel=next", None),
        ("", None),
    ],
)
def test_one_link(value: str, expected: Link | None) -> None:
    assert links(value) == ([expected] if expected else [])


def test_several_links_in_several_headers() -> None:
    found = links(
        '</1>; rel=next; title="a, b", </2>;rel=prev,,</3>; rel=up', "nonsense, </4>; rel=next", "</5>; rel=x"
    )
    assert [link.url[-1] for link in found] == ["1", "2", "3", "4", "5"]
    assert found[0].title == "a, b"


def test_a_broken_link_does_not_take_the_next_along() -> None:
    assert [link.url for link in links('foo "bar, </x>; rel=next" <y>, </a>; rel=next')] == [A]
    assert [link.url for link in links("</x>; rel=up oops; rel=prev, </a>; rel=next")][-1] == A


@given(st.lists(TEXTS))
def test_any_text_gives_links(values: list[str]) -> None:
    for link in links(*values):
        assert link.url.startswith(("http://", "https://"))
        assert link.rels


@given(
    written=st.lists(
        st.tuples(
            st.sampled_from(["/a", "/b,c", "/d;e", "https://example.org/"]),
            st.sampled_from(["next", "alternate", "icon"]),
            st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
        ),
        max_size=5,
    ),
    joined=st.booleans(),
)
def test_what_is_written_is_read(written: list[tuple[str, str, str]], *, joined: bool) -> None:
    values = []
    for target, rel, title in written:
        quoted = title.replace("\\", "\\\\").replace('"', '\\"')
        values.append(f'<{target}>; title="{quoted}"; rel={rel}')
    found = links(", ".join(values)) if joined else links(*values)
    assert [(link.url.removeprefix("https://example.com"), link.rels[0], link.title) for link in found] == [
        (target, rel, title or None) for target, rel, title in written
    ]


@pytest.mark.parametrize(
    "unit", ["<", "<,", ",", '"', '",', "</a>;", "</a>; rel=next,", ";", "</a>; a=\\", " "]
)
def test_masses_are_bounded(unit: str) -> None:
    assert len(links(unit * 100_000, unit * 100_000 + ">")) <= MAX_LINKS
