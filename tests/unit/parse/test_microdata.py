"""Microdata by the HTML Standard 5.2; every rule holds for both parsers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import microdata
from scraper.parse.document import open_document
from scraper.parse.microdata import Microdata, read_microdata
from scraper.parse.text import MAX_TEXT

BASE = "https://shop.example/dir/page"
PARSERS = ("fast", "beautifulsoup")


def read(markup: str, *, parser: str = "fast") -> Microdata:
    return read_microdata(open_document(markup, parser=parser), base=BASE)


def both(markup: str) -> Microdata:
    fast, soup = (read(markup, parser=parser) for parser in PARSERS)
    assert fast == soup
    return fast


def properties(inner: str, *, attributes: str = "", after: str = "") -> dict[str, Any]:
    """Return the properties of one item."""
    found = both(f"<body><div itemscope {attributes}>{inner}</div>{after}")
    assert not found.is_cut
    (item,) = found.items
    values: dict[str, Any] = item["properties"]
    return values


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("<p itemprop=x> A <b>b</b>\n c </p>", "A b c"),
        ("<div itemprop=x><p>a</p><p>b</p></div>", "a b"),
        ("<div itemprop=x>a<script>b</script><style>c</style></div>", "a"),
        ("<p itemprop=x></p>", ""),
        ("<p itemprop=x content=c>text</p>", "text"),
        ("<meta itemprop=x content=' c  d '>", "c d"),
        ("<meta itemprop=x>", ""),
        ("<img itemprop=x src=/i.png alt=a>", "https://shop.example/i.png"),
        ("<img itemprop=x alt=a>", ""),
        ("<audio itemprop=x src=a></audio>", "https://shop.example/dir/a"),
        ("<embed itemprop=x src=a>", "https://shop.example/dir/a"),
        ("<iframe itemprop=x src=a></iframe>", "https://shop.example/dir/a"),
        ("<video><source itemprop=x src=a><track></video>", "https://shop.example/dir/a"),
        ("<video><track itemprop=x src=a></video>", "https://shop.example/dir/a"),
        ("<video itemprop=x src=//v.example/a></video>", "https://v.example/a"),
        ("<a itemprop=x href='?q#f'>text</a>", "https://shop.example/dir/page?q#f"),
        ("<a itemprop=x>text</a>", ""),
        ("<area itemprop=x href=a>", "https://shop.example/dir/a"),
        ("<link itemprop=x href=https://schema.org/InStock>", "https://schema.org/InStock"),
        ("<a itemprop=x href='mailto:a@b.example'>text</a>", "mailto:a@b.example"),
        ("<a itemprop=x href=' te\nl:+1 23 '>text</a>", "tel:+1 23"),
        ("<a itemprop=x href='http://['>text</a>", ""),
        ("<object itemprop=x data=a></object>", "https://shop.example/dir/a"),
        ("<data itemprop=x value=12>twelve</data>", "12"),
        ("<data itemprop=x>twelve</data>", ""),
        ("<meter itemprop=x value=0.5>half</meter>", "0.5"),
        ("<meter itemprop=x>half</meter>", ""),
        ("<time itemprop=x datetime=2020-01-02>then</time>", "2020-01-02"),
        ("<time itemprop=x datetime=''>then</time>", ""),
        ("<time itemprop=x>2020-01-02</time>", "2020-01-02"),
    ],
)
def test_the_value_of_an_element(element: str, value: str) -> None:
    assert properties(element) == {"x": [value]}


def test_an_item_has_types_and_an_identifier() -> None:
    markup = (
        "<body><div itemscope itemtype=' https://schema.org/Book\nhttps://x.example/B https://schema.org/Book'"
        " itemid='urn:isbn:0-330-34032-8'></div><div itemscope itemid=/a></div><div ITEMSCOPE></div>"
    )
    assert both(markup).items == [
        {
            "type": ["https://schema.org/Book", "https://x.example/B"],
            "id": "urn:isbn:0-330-34032-8",
            "properties": {},
        },
        {"id": "https://shop.example/a", "properties": {}},
        {"properties": {}},
    ]


def test_a_property_may_have_several_names_and_values() -> None:
    found = properties("<i itemprop='a b a'>1</i><u><i itemprop=b>2</i></u><i itemprop=''>3</i>")
    assert found == {"a": ["1"], "b": ["1", "2"]}


def test_properties_may_hold_properties() -> None:
    assert properties("<p itemprop=a>1 <i itemprop=b>2</i></p>") == {"a": ["1 2"], "b": ["2"]}


def test_items_nest() -> None:
    nested = "<p itemprop=a itemscope itemtype=T><b itemprop=b>1</b><b itemprop=c itemscope></b></p>"
    assert properties(f"{nested}<i itemprop=d>2</i>") == {
        "a": [{"type": ["T"], "properties": {"b": ["1"], "c": [{"properties": {}}]}}],
        "d": ["2"],
    }


def test_an_item_within_an_item_that_is_no_property_stands_by_itself() -> None:
    found = both("<body><div itemscope><p itemscope><b itemprop=a>1</b></p><b itemprop=b>2</b></div>")
    assert found.items == [{"properties": {"b": ["2"]}}, {"properties": {"a": ["1"]}}]


def test_what_belongs_to_no_item_is_nothing() -> None:
    assert both("<body><p itemprop=a>1</p><p itemprop=b itemscope><i itemprop=c>2</i></p>").items == []
    assert both("<body><p>itemscope</p>").items == []


def test_properties_are_taken_from_elsewhere_by_itemref() -> None:
    two = "<div id=two><p><i itemprop=c>3</i></p><b itemscope><i itemprop=d>4</i></b></div>"
    item = "<div itemscope itemref='two no one zero'><i itemprop=a>1</i></div>"
    found = both(f"<body><i id=zero itemprop=z>0</i>{item}<p id=one itemprop=b>2</p>{two}")
    assert found.items[0] == {"properties": {"z": ["0"], "a": ["1"], "b": ["2"], "c": ["3"]}}
    assert list(found.items[0]["properties"]) == ["z", "a", "b", "c"], "in document order"


def test_of_an_id_that_comes_twice_the_first_element_counts() -> None:
    found = properties("", attributes="itemref=x", after="<i id=x itemprop=a>1</i><i id=x itemprop=a>2</i>")
    assert found == {"a": ["1"]}


def test_an_element_is_a_property_once_however_often_it_is_referred_to() -> None:
    assert properties("<i id=x itemprop=a>1</i>", attributes="itemref='x x'") == {"a": ["1"]}


def test_an_item_that_is_its_own_property_ends() -> None:
    one = "<div id=x><p itemprop=a itemscope itemref=y></p></div>"
    other = "<div id=y><p itemprop=b itemscope itemref=x></p></div>"
    found = properties("", attributes="itemref=x", after=one + other)
    assert found == {"a": [{"properties": {"b": [{"properties": {"a": ["ERROR"]}}]}}]}


def test_an_item_around_its_own_reference_is_no_property_of_itself() -> None:
    assert both("<body><div id=x itemscope itemref=x><i itemprop=a>1</i></div>").items == [
        {"properties": {"a": ["1"]}}
    ]


def test_templates_are_not_part_of_the_page() -> None:
    found = properties("<template><i itemprop=a>1</i></template><noscript><i itemprop=a>2</i></noscript>")
    assert found == {}


def test_texts_are_clean() -> None:
    assert properties("<meta itemprop='a\x01b' content='x\x02 \x85 y'>") == {"ab": ["x y"]}


def test_a_page_without_items_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    document = open_document("<body><p itemprop=a>1</p>", parser="fast")
    monkeypatch.delattr(type(document), "outline")
    assert read_microdata(document, base=BASE) == ([], False)


@pytest.mark.parametrize("parser", PARSERS)
def test_sizes_are_cut(parser: str) -> None:
    def item(inner: str, attributes: str = "") -> dict[str, Any]:
        found = read(f"<body><div itemscope {attributes}>{inner}</div>", parser=parser)
        assert found.is_cut
        values: dict[str, Any] = found.items[0]["properties"]
        return values

    assert item(f"<p itemprop=a>{'x' * (MAX_TEXT + 1)}</p>") == {"a": ["x" * MAX_TEXT]}
    assert item(f"<meta itemprop=a content={'x' * (MAX_TEXT + 1)}>") == {"a": ["x" * MAX_TEXT]}
    assert item(f"<img itemprop=a src=data:{'x' * MAX_TEXT}>") == {"a": [""]}
    assert len(item("<i itemprop=a>1</i>" * 1001)["a"]) == microdata.MAX_VALUES
    assert len(item("".join(f"<i itemprop=a{n}>1</i>" for n in range(1001)))) == microdata.MAX_VALUES
    assert len(read("<p itemscope></p>" * 1001, parser=parser).items) == microdata.MAX_ITEMS


@pytest.mark.parametrize("parser", PARSERS)
def test_depth_is_cut(parser: str) -> None:
    count = microdata.MAX_DEPTH + 5
    found = read("<div itemscope><p>" + "<div itemprop=a itemscope>" * count, parser=parser)
    assert found.is_cut
    depth, item = 1, found.items[0]
    while item["properties"]:
        depth, item = depth + 1, item["properties"]["a"][0]
    assert depth == microdata.MAX_DEPTH


def test_items_that_share_items_end() -> None:
    def level(number: int) -> str:
        value = f"<p itemprop=a itemscope itemref=n{number + 1}></p>"
        return f"<div id=n{number}>{value}{value}</div>"

    found = both("<div itemscope itemref=n0></div>" + "".join(map(level, range(30))))
    assert found.is_cut
    assert msgspec.json.encode(found.items).count(b"properties") == microdata.MAX_ITEMS


def test_an_item_by_several_names_is_written_no_more_often_than_items_are_allowed() -> None:
    names = " ".join(f"n{number}" for number in range(10))
    found = both("<div itemscope>" + f"<div itemprop='{names}' itemscope>" * 20)
    assert found.is_cut
    assert msgspec.json.encode(found.items).count(b"properties") == microdata.MAX_ITEMS


def test_what_a_thousand_names_share_is_kept_a_few_times() -> None:
    names = " ".join(f"n{number}" for number in range(1000))
    metas = f"<meta itemprop='x {names}' content={'x' * 9000}>" * 10
    found = both(f"<div itemscope>{metas}")
    assert found.is_cut
    assert len(msgspec.json.encode(found.items)) < 1.1 * microdata.MAX_KEPT


def test_elements_that_many_items_share_end() -> None:
    shared = "<div id=x>" + "<i itemprop=a>1</i>" * 500 + "</div>"
    assert both("<p itemscope itemref=x></p>" * 500 + shared).is_cut


def test_a_text_that_many_properties_share_is_read_a_few_times() -> None:
    found = both("<div itemscope>" + "<div itemprop=a>" * 100 + "x" * 100_000)
    assert found.is_cut
    values = found.items[0]["properties"]["a"]
    assert [bool(value) for value in values] == [True] * 20 + [False] * 80


# fmt: off
_ATTRIBUTES = st.sampled_from([
    "itemscope", "itemprop=a", "itemprop='b c'", "itemprop", "itemid=/i", "itemtype='T U'", "id=x", "id=y",
    "itemref=x", "itemref='y x'", "href=h", "src=s", "content=c", "datetime=d", "value=v", "data=e",
])
# fmt: on
_TAGS = st.sampled_from(["div", "span", "section", "b", "time", "data", "object", "ul", "custom-tag"])
_VOID = st.sampled_from(["img", "link", "meta", "br"])


def _element(tag: str, attributes: list[str], inner: list[str]) -> str:
    return f"<{' '.join([tag, *attributes])}>{''.join(inner)}</{tag}>"


_ATTRIBUTE_LISTS = st.lists(_ATTRIBUTES, max_size=4, unique_by=lambda text: text.partition("=")[0])
_LEAVES = st.builds(lambda tag, attributes: f"<{' '.join([tag, *attributes])}>", _VOID, _ATTRIBUTE_LISTS)
_MARKUP = st.recursive(
    _LEAVES | st.sampled_from(["text", " two words ", "<!-- c -->", "&amp;"]),
    lambda inner: st.builds(_element, _TAGS, _ATTRIBUTE_LISTS, st.lists(inner, max_size=4)),
    max_leaves=25,
)


@given(st.lists(_MARKUP, max_size=4).map("".join))
def test_both_parsers_find_the_same(markup: str) -> None:
    both(f"<!DOCTYPE html><title>t</title><body><div itemscope itemref='x y'>{markup}</div>{markup}")


def _by_the_standard(markup: str) -> int:
    """Count the items that are no property, told by hand."""
    return sum("itemscope" in tag and "itemprop" not in tag for tag in markup.split("<"))


@given(st.lists(_MARKUP, max_size=4).map("".join))
def test_every_item_that_is_no_property_is_on_top(markup: str) -> None:
    assert len(both(f"<!DOCTYPE html><body>{markup}").items) == _by_the_standard(markup)
