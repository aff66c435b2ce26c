"""Users' selectors on pages: the same with both parsers, and nothing in a page makes them raise."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import SettingsError
from scraper.parse import PageParser, document_soup
from scraper.parse.document_tree import MAX_TAGS
from scraper.parse.fields import MAX_VALUES, Fields, check_selectors
from scraper.parse.text import MAX_TEXT
from scraper.settings.load import load
from scraper.settings.model import FieldRule, ParseSettings

PARSERS = ("fast", "beautifulsoup")
BOTH = pytest.mark.parametrize("parser", PARSERS)
URL = "https://site.example/dir/page"
PAGE = """<!doctype html><html lang="de"><head><title>The  page</title><base href="/shop/"></head><body>
<h1 id="top" class="Big title">Tea<b>pot</b><br>blue</h1>
<p class="price" data-raw=" 1.299 ">1.299 €</p><p class="price">5,50 €</p><p class="price"></p>
<template><p class="price">0</p></template><noscript><a href="no">no</a></noscript>
<ul><li>one</li><li>two<ul><li>in</li></ul></li></ul>
<a>none</a><a href="">empty</a><a href="x?a=1&amp;b=2">x</a><a HREF="https://other.example/">o</a>
<script>var data = {"a": [1,  2]};</script><script>var other = 1</script>
<style>p { color: red }</style><textarea> a
 b</textarea><svg><title>drawing</title><a href="in-svg">s</a></svg>
<dl><dt>colour</dt><dd>blue</dd></dl><!-- <i>hidden</i> --><div hidden>not seen</div>
<section>se\0en<script>not</script></section><iframe src="/frame"><b>no</b></iframe>
</body></html>"""


def rules(select: Any) -> dict[str, FieldRule]:
    return load(assignments=[f"parse.select={msgspec.json.encode(select).decode()}"]).settings.parse.select


def fields(select: Any, page: str = PAGE, *, parser: Any) -> Fields:
    settings = ParseSettings(parser=parser, select=rules(select))
    parsed = PageParser(settings).parse(body=page.encode(), url=URL, content_type_charset="utf-8")
    return parsed.fields


def one(rule: Any, page: str = PAGE, *, parser: str) -> Any:
    """The value of one field that has no error."""
    found = fields({"a": rule}, page, parser=parser)
    assert found.errors == {}
    return found.values.get("a")


@BOTH
@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("title", "The page"),
        ("h1", "Teapot blue"),
        ("h1::text", "Teapot blue"),
        ("h1.title.Big ::text", "Teapot blue"),
        ("#top::attr(class)", "Big title"),
        ("h1 :: attr( ID )", "top"),
        (".price", "1.299 €"),
        (".price::attr(data-raw)", "1.299"),
        ("a::attr(href)", "x?a=1&b=2"),
        ("a[href^=https]", "o"),
        ("li li", "in"),
        ("ul > li + li", "two in"),
        ("li:nth-of-type(2)", "two in"),
        ("li:not(:has(ul))", "one"),
        ("body > p:nth-of-type(2)", "5,50 €"),
        ("dd, dt", "colour"),
        ("dt:is(dt, dd) ~ dd", "blue"),
        ("textarea", "a b"),
        ("div", "not seen"),
        ("script:last-of-type", "var other = 1"),
        ("svg title", "drawing"),
        ("noscript a", None),
        ("noscript", None),
        ("iframe, noscript", None),
        ("iframe::attr(src)", "/frame"),
        ("body > ul:nth-child(6)", "one two in"),
        ("section", "seen"),
        ("xpath://section", "seen"),
        ("template p", None),
        (".nothing", None),
        ("i", None),
        ("xpath://h1", "Teapot blue"),
        ("xpath://h1/@id", "top"),
        ("xpath://h1/text()", "Tea"),
        ("xpath:string(//h1)", "Teapotblue"),
        ("xpath:count(//li)", "3"),
        ("xpath:count(//li) div 2", "1.5"),
        ("xpath:boolean(//dl)", "true"),
        ("xpath://dt[.='colour']/following-sibling::dd", "blue"),
        ("xpath://li[re:test(., '^t')]", "two in"),
        ("xpath://comment()", "<i>hidden</i>"),
        ("xpath://noscript/a", "no"),
        ("xpath://nothing", None),
    ],
)
def test_the_first_value_of_a_selector(selector: str, value: str | None, parser: str) -> None:
    assert one(selector, parser=parser) == value


@BOTH
@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"css": "li", "many": True}, ["one", "two in", "in"]),
        ({"css": ".price", "many": True, "type": "float"}, [1299.0, 5.5]),
        ({"css": ".price", "type": "int"}, 1299),
        ({"css": ".nothing", "many": True}, []),
        ({"css": ".nothing", "many": True, "default": ["x"]}, ["x"]),
        ({"css": ".nothing", "type": "json", "default": {"a": 1}}, {"a": 1}),
        ({"css": ".nothing"}, None),
        (
            {"css": "body > a::attr(href)", "type": "url", "many": True},
            ["https://site.example/shop/x?a=1&b=2", "https://other.example/"],
        ),
        ({"css": "script", "pattern": r"data = (\{.*\});", "type": "json"}, {"a": [1, 2]}),
        ({"css": "script", "pattern": "other = .*"}, "other = 1"),
        ({"css": "li", "pattern": "^t(w)|n", "many": True}, ["w"]),
        ({"xpath": "//p", "type": "float", "many": True}, [1299.0, 5.5, 0.0]),
    ],
)
def test_what_a_rule_makes_of_a_page(rule: dict[str, Any], value: object, parser: str) -> None:
    assert one(rule, parser=parser) == value


@BOTH
@pytest.mark.parametrize(
    ("rule", "values", "error"),
    [
        ({"css": "h1", "type": "int"}, {}, "expected a number, found 'Teapot blue'"),
        ({"css": "h1", "type": "int", "default": 3}, {}, "expected a number, found 'Teapot blue'"),
        (
            {"css": "li, p", "type": "float", "many": True},
            {"a": [1299.0, 5.5]},
            "3 values of 5 are wrong, the first: expected a number, found 'one'",
        ),
        ({"css": "dd", "type": "json"}, {}, "expected JSON, found 'blue': JSON is malformed: invalid"),
        ({"css": ".nothing", "required": True}, {}, "required, and not in the page"),
        ({"css": ".nothing", "required": True, "many": True}, {"a": []}, "required, and not in the page"),
        ({"css": "p:empty", "required": True}, {}, "required, and not in the page"),
        ({"css": "li", "pattern": "x"}, {}, "the pattern is not found in what the selector finds (3)"),
        ({"xpath": "//li[$x]"}, {}, "Undefined variable"),
    ],
)
def test_what_is_wrong_is_told_and_costs_no_other_field(
    rule: dict[str, Any], values: dict[str, Any], error: str, parser: str
) -> None:
    found = fields({"a": rule, "other": "h1"}, parser=parser)
    assert found.values == {**values, "other": "Teapot blue"}
    assert list(found.errors) == ["a"]
    assert found.errors["a"].startswith(error)
    assert not found.is_cut


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ("p[", "parse.select.a: 'p[': "),
        ("p,", "parse.select.a: 'p,': "),
        ("> p", "parse.select.a: '> p': "),
        ("::text", "parse.select.a: '::text': "),
        ("a::text, b::text", "parse.select.a: 'a::text, b::text': "),
        ("a::html", "parse.select.a: 'a::html': at the end there may be ::text or ::attr(NAME), such as "),
        ("a::attr", "parse.select.a: 'a::attr': at the end there may be ::text or ::attr(NAME), such as "),
        ("a::text(b)", "parse.select.a: 'a::text(b)': at the end there may be ::text or ::attr(NAME), such"),
        ("p:-soup-contains('x')", "parse.select.a: \"p:-soup-contains('x')\": "),
        ("p:bogus", "parse.select.a: 'p:bogus': "),
        (":is(" * 5000 + ")" * 5000, "parse.select.a: "),
        ("xpath://[", "parse.select.a: 'xpath://[': Invalid expression"),
        ("xpath:foo(1)", "parse.select.a: 'xpath:foo(1)': Unregistered function"),
        ("xpath:x:y", "parse.select.a: 'xpath:x:y': Undefined namespace prefix"),
    ],
)
def test_a_selector_that_is_none_is_refused(selector: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_selectors(rules({"a": selector}))
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_what_only_one_parser_knows_is_refused_with_both() -> None:
    fine = rules({"a": "p:-soup-contains('x')"})
    PageParser(ParseSettings(parser="beautifulsoup", select=fine))
    with pytest.raises(SettingsError, match="soup-contains"):
        check_selectors(fine)


@BOTH
def test_what_is_too_much_is_cut_and_said(parser: str) -> None:
    long = f"<p>{'word ' * MAX_TEXT}</p>"
    found = fields({"a": "p"}, long, parser=parser)
    assert (len(found.values["a"]) <= MAX_TEXT, found.is_cut) == (True, True)
    many = "<!doctype html>" + "<p>x" * (MAX_VALUES + 1)
    found = fields({"a[]": "p"}, many, parser=parser)
    assert (len(found.values["a"]), found.is_cut) == (MAX_VALUES, True)
    found = fields({"a": {"css": "p", "type": "json"}}, f"<p>[{'1,' * 600_000}1]", parser=parser)
    assert found.errors["a"].startswith("expected JSON, found ")
    assert found.is_cut


def test_xpath_sees_the_beginning_of_a_page_without_end() -> None:
    found = fields({"a": "xpath:count(//p)"}, "<p>x" * (MAX_TAGS + 10), parser="fast")
    assert found == Fields({"a": str(MAX_TAGS)}, {}, is_cut=True)


@BOTH
def test_what_is_nested_deep_is_found(parser: str) -> None:
    found = fields({"a": "p", "b": "xpath://p"}, "<!doctype html>" + "<div>" * 400 + "<p>x", parser=parser)
    assert found == Fields({"a": "x", "b": "x"})


@BOTH
def test_a_page_without_an_element_has_no_field(parser: str) -> None:
    found = fields({"a": "p", "b": "xpath://p", "c": {"css": "p", "required": True}}, " ", parser=parser)
    assert found == Fields({}, {"c": "required, and not in the page"}, absent=("a", "b", "c"))


def test_selectors_that_take_too_long_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_soup, "MAX_SELECT_S", 0.0)
    page = "<p>x</p>" * (document_soup._SMALL + 10)
    found = fields({"a": "p:nth-last-child(2)", "b": "xpath://p"}, page, parser="beautifulsoup")
    assert found.values == {"b": "x"}
    assert found.errors == {"a": "the selectors take more than 0 s on this page"}


def test_a_large_page_gives_the_same_with_both_parsers() -> None:
    page = "<!doctype html>" + "".join(f"<p class=c{n % 7}><a href=/{n}>{n}</a></p>" for n in range(600))
    select = {"a[]": ".c3 a::attr(href)", "b": "p:nth-child(550)", "c[]": "p:has(a[href$='99'])"}
    fast, soup = (fields(select, page, parser=parser) for parser in PARSERS)
    assert fast == soup
    assert fast.values["b"] == "549"


_TAGS = st.sampled_from(["p", "b", "li", "ul", "a", "div", "span", "noscript", "template", "svg", "title"])
_PIECES = st.one_of(
    _TAGS.map("<{}>".format),
    _TAGS.map("</{}>".format),
    st.sampled_from(
        ["<p class=c>", "<a href=/x>", "<a href='&amp;'>", "<!-- x -->", "text ", "&lt;", "1,5 "]
    ),
    st.text(max_size=5),
)
_ANY = [
    PageParser(
        ParseSettings(
            parser=parser,  # type: ignore[arg-type]  # one of two words
            select=rules(
                {
                    "a[]": "p",
                    "b": {"css": "a::attr(href)", "type": "url", "required": True},
                    "c[]": {"css": "li, span", "type": "float"},
                    "d": "xpath://p[last()]",
                    "e": {"css": "div > :first-child", "type": "json"},
                    "f": {"css": "p:has(b) ~ *", "type": "date"},
                }
            ),
        )
    )
    for parser in PARSERS
]


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_any_markup_gives_fields_that_encode(markup: str) -> None:
    for parser in _ANY:
        found = parser.parse(body=markup.encode(errors="replace"), url=URL, content_type_charset="utf-8")
        msgspec.json.encode(found.fields)
        assert all(message and "\n" not in message for message in found.fields.errors.values())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p", "h2", "div", "span"]),
            st.sampled_from("xyz"),
            st.text("ab \n&;", max_size=6),
        ),
        max_size=15,
    )
)
def test_sound_markup_gives_the_same_with_both_parsers(parts: list[tuple[str, str, str]]) -> None:
    body = "".join(
        f"<{tag} class='{name} k' title='{text}'>{text}<i>{name}</i></{tag}>" for tag, name, text in parts
    )
    select = {
        "a[]": "p, .x",
        "b[]": "div + *::attr(title)",
        "c": ".y:last-child",
        "d[]": "xpath://h2",
        "e": "i",
    }
    fast, soup = (fields(select, f"<!doctype html><body>{body}", parser=parser) for parser in PARSERS)
    assert fast == soup


@pytest.mark.parametrize("parser", ["fast", "beautifulsoup"])
def test_a_page_that_is_nested_too_deep_for_xpath_is_an_error_at_once(parser: str) -> None:
    deep = "<title>x</title>" + "<div>" * 2_000 + "<p>x" * 3_000
    found = fields({"a": "xpath://div//p", "b": "title"}, deep, parser=parser)
    assert found.errors == {"a": "the page's elements are nested too deep for XPath"}
    assert found.values["b"].startswith("x")
    assert fields({"a": "xpath://div//p"}, "<div>" * 20 + "<p>x" * 300, parser=parser).values == {"a": "x"}
