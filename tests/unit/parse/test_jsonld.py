from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.parse import jsonld, loose_json
from scraper.parse.jsonld import Graph, find, read_jsonld, types_of
from scraper.parse.loose_json import read_loosely
from scraper.parse.text import MAX_TEXT
from scraper.record import JsonLdError


def errors(*blocks: str) -> list[tuple[int, str]]:
    return [(error.offset, error.message) for error in read_jsonld(blocks).errors]


def objects(*blocks: str) -> list[dict[str, Any]]:
    return read_jsonld(blocks).objects


@pytest.mark.parametrize(
    ("block", "found", "offset", "kind"),
    [
        ('//<![CDATA[\n{"a": 1}\n//]]>', {"a": 1}, 0, "comment"),
        ('//<![CDATA[{"a": 1}//]]>', {"a": 1}, 0, "comment"),
        ('/*<![CDATA[*/{"a": [[1]]}/*]]>*/', {"a": [[1]]}, 0, "comment"),
        ('<![CDATA[{"a": 1}]]>', {"a": 1}, 0, "comment"),
        ('<!-- {"a": 1} -->', {"a": 1}, 0, "comment"),
        ('<!--\n{"a": 1}\n//-->', {"a": 1}, 0, "comment"),
        ('<!-- made by a plugin -->\n{"a": 1}', {"a": 1}, 0, "comment"),
        ('{"a": 1, // one\n"b": 2}', {"a": 1, "b": 2}, 9, "comment"),
        ('{"a": /* one **/ 1}', {"a": 1}, 6, "comment"),
        ('{"a": "x\ny\tz"}', {"a": "x y z"}, 8, "control character in a string"),
        ('{"a": "x\0y"}', {"a": "xy"}, 8, "control character in a string"),
        ('{"a": [1, 2,], "b": 3,}', {"a": [1, 2], "b": 3}, 11, "trailing comma"),
        ('{"a": 1,, "b": 2}', {"a": 1, "b": 2}, 8, "comma without a value"),
        ('{"a": , "b": }', {"a": None, "b": None}, 6, "missing value"),
        ('{"a": 1};', {"a": 1}, 8, "semicolon"),
        ('\ufeff{"a": 1}', {"a": 1}, 0, "byte order mark"),
        ('{\xa0"a": 1}', {"a": 1}, 1, "white space"),
        ('{"a": NaN, "b": -Infinity, "c": undefined}', {"a": None, "b": None, "c": None}, 6, "not a number"),
        (r"""{"a": "it\'s \x \\x \u00e4"}""", {"a": r"it's x \x ä"}, 6, "escape in a string"),
        ("{&quot;a&quot;: &quot;b &amp; c&quot;}", {"a": "b & c"}, 1, "HTML entities"),
        ("{&#34;a&#x22;: 1,}", {"a": 1}, 1, "HTML entities"),
    ],
)
def test_what_is_plain_in_meaning_is_repaired(
    block: str, found: dict[str, Any], offset: int, kind: str
) -> None:
    assert read_jsonld([block]) == (
        [found],
        [JsonLdError(offset=offset, message=f"block 1: repaired: {kind}")],
        False,
    )


@pytest.mark.parametrize(
    ("block", "offset", "message"),
    [
        ("", 0, "no value"),
        (" \n", 2, "no value"),
        ("<!-- nothing -->", 16, "no value"),
        ("{'a': 1}", 1, "unexpected character"),
        ('{"a": 1 "b": 2}', 8, "unexpected character"),
        ('{"a" 1}', 5, "unexpected character"),
        ('{"a": 1]', 7, "unexpected character"),
        ('{"a",}', 4, "unexpected character"),
        ('{"a"}', 4, "unexpected character"),
        ('{"a": 01}', 6, "unexpected character"),
        ('{"a": "5" tall"}', 10, "unexpected character"),
        ("{1: 2}", 1, "unexpected character"),
        ('{"a":: 2}', 5, "unexpected character"),
        ('{"a": 1;}', 7, "unexpected character"),
        ('{"a": "b', 6, "unclosed string"),
        ('{"a": 1 /* b', 8, "unclosed comment"),
        ('{"a": {"b": 1}', 14, "unexpected end"),
        ('  "text"', 2, "not an object"),
        ("null", 0, "not an object"),
        ("[[3]]", 0, "not an object"),
    ],
)
def test_what_would_have_to_be_guessed_is_an_error(block: str, offset: int, message: str) -> None:
    found = read_jsonld([block])
    assert found.objects == []
    assert found.errors == [JsonLdError(offset=offset, message=f"block 1: {message}")]


def test_strings_are_no_markup_and_hold_no_comments() -> None:
    block = '{"a": "http://x/ /* y */ <!-- z --> ]]> ,} \\" // &quot;",}'
    assert objects(block) == [{"a": 'http://x/ /* y */ <!-- z --> ]]> ,} " // &quot;'}]


def test_entities_are_resolved_only_when_nothing_else_can_be_read() -> None:
    assert objects('{"a": "Tom &quot;T&quot; &amp; Jerry",}') == [{"a": "Tom &quot;T&quot; &amp; Jerry"}]
    assert objects("{&quot;a&quot;: &quot;Tom &amp;amp; Jerry&quot;}") == [{"a": "Tom &amp; Jerry"}]


def test_each_block_stands_by_itself() -> None:
    assert objects('{"a": 1}', '{"b": ', '{"c": 3}') == [{"a": 1}, {"c": 3}]
    assert errors('{"a": 1}', '{"b": ', "[3]") == [
        (6, "block 2: unexpected end"),
        (0, "block 3: not an object"),
    ]


@pytest.mark.parametrize("between", ["", "\n", ",", ";", "//\n"])
def test_several_values_of_a_block_are_read(between: str) -> None:
    assert objects(f'{{"a": 1}}{between}{{"b": 2}}') == [{"a": 1}, {"b": 2}]


def test_what_was_whole_before_an_error_counts() -> None:
    assert objects('{"a": 1}\n{"b": [') == [{"a": 1}]
    assert objects('{"a": 1}}') == [{"a": 1}]
    assert errors('{"a": 1}}') == [(8, "block 1: unexpected character")]
    assert errors('{"a": 1}\n{"b": [') == [
        (9, "block 1: repaired: several values"),
        (16, "block 1: unexpected end"),
    ]


def test_arrays_and_graphs_become_their_objects_in_order() -> None:
    block = [
        {"n": 1},
        [{"n": 2}, []],
        {"@context": "c", "@graph": [{"n": 3}, {"@context": "d", "n": 4}, {"@graph": {"n": 5}}]},
        {"@context": "e", "n": 6, "@graph": [{"n": 7}]},
        {"n": 8, "@graph": "no graph"},
    ]
    assert objects(json.dumps(block)) == [
        {"n": 1},
        {"n": 2},
        {"@context": "c", "n": 3},
        {"@context": "d", "n": 4},
        {"@context": "c", "n": 5},
        {"@context": "e", "n": 6},
        {"@context": "e", "n": 7},
        {"n": 8, "@graph": "no graph"},
    ]


def test_a_large_context_is_not_copied_into_each_node() -> None:
    graph = {"@context": {"x": "y" * 2000}, "@graph": [{"n": number} for number in range(1000)]}
    assert objects(json.dumps(graph)) == [{"n": number} for number in range(1000)]


def test_of_a_key_that_comes_twice_the_last_value_counts() -> None:
    assert objects('{"a": 1, "a": 2}') == objects('{"a": 1, "a": 2,}') == [{"a": 2}]


@pytest.mark.parametrize("comma", ["", ","])
def test_numbers_are_those_that_any_reader_takes(comma: str) -> None:
    numbers = (
        f"[{2**63 - 1}, {2**63}, {-(2**63)}, 1e999, -1e999, {'9' * 30}, {'9' * 10_000}, 1.50, -0{comma}]"
    )
    found = objects(f'{{"a": {numbers}}}')
    expected = [2**63 - 1, float(2**63), -(2**63), None, None, 1e30, None, 1.5, 0]
    assert found == [{"a": expected}]
    assert [type(number) for number in found[0]["a"][:3]] == [int, float, int]


def test_texts_are_clean() -> None:
    block = r'{" a\u0000\n ": " x\ud800 \u001f\n y ", "@id": "\ud83d\ude00", "b": [" "]}'
    found = read_jsonld([block])
    assert found == ([{"a": "x y", "@id": "\U0001f600", "b": [""]}], [], False)
    assert read_jsonld(['{"a": "\ud800b"}']) == ([{"a": "b"}], [], False)


@pytest.mark.parametrize(("opening", "closing"), [('{"a": ', "}"), ("[{}, ", "]")])
def test_depth_is_cut(opening: str, closing: str) -> None:
    found = read_jsonld([f'{{"x": {opening * 5000}1{closing * 5000}}}'])
    assert found.is_cut
    assert not found.errors
    depth, value = 0, found.objects[0]["x"]
    while value:
        depth, value = depth + 1, value[-1] if isinstance(value, list) else value["a"]
    assert depth == jsonld.MAX_DEPTH - 1


def test_what_is_as_deep_as_allowed_is_whole() -> None:
    assert not read_jsonld(['{"a": ' * 64 + "1" + "}" * 64]).is_cut
    assert read_jsonld(['{"a": ' * 65 + "1" + "}" * 65]).is_cut


def test_sizes_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    long = read_jsonld(
        [json.dumps({"a": "x" * (MAX_TEXT + 1), "b" * (MAX_TEXT + 1): 1, "c": "x" * MAX_TEXT})]
    )
    assert long == ([{"a": "x" * MAX_TEXT, "b" * MAX_TEXT: 1, "c": "x" * MAX_TEXT}], [], True)
    wide = read_jsonld([json.dumps({"a": list(range(1001)), **{f"k{n}": n for n in range(1001)}})])
    assert wide.is_cut
    assert len(wide.objects[0]) == len(wide.objects[0]["a"]) == jsonld.MAX_ENTRIES
    many = read_jsonld(['{"a": 1}' * 1001])
    assert (len(many.objects), many.is_cut) == (1000, True)
    blocks = read_jsonld(["{"] * 1001)
    assert (len(blocks.errors), blocks.is_cut) == (1000, True)
    monkeypatch.setattr(loose_json, "MAX_TOKENS", 5)
    assert read_jsonld(["[{},{},{}]"]) == ([], [], False)
    assert read_jsonld(['{"a": 1,}']) == (
        [],
        [JsonLdError(offset=7, message="block 1: too long to be repaired")],
        True,
    )


def test_megabytes_are_not_read() -> None:
    fill = " " * (jsonld.MAX_BLOCK - 8)
    whole, large = '{"a": 1}' + fill, '{"a":  1}' + fill
    assert read_jsonld([whole]) == ([{"a": 1}], [], False)
    assert read_jsonld([large, '{"b": 1}']) == (
        [{"b": 1}],
        [JsonLdError(offset=0, message="block 1: too large")],
        True,
    )
    assert errors(whole, whole, '{"b": 1}') == [(0, "block 3: too large")]


_KEYS = st.text(st.characters(categories=["L"]))
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(categories=["L", "N", "P"]))
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(_JSON, st.booleans())
def test_json_is_read_as_json(value: Any, ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    loose = read_loosely(json.dumps(value, ensure_ascii=ascii_only, indent=1))
    assert (loose.repaired, loose.failure) == (None, None)
    assert loose.values == [value]


@given(st.dictionaries(st.sampled_from("abc"), _JSON))
def test_a_repair_changes_nothing_that_was_right(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    broken = f"\ufeff// x\n<![CDATA[{text}]]>;"
    assert objects(broken) == objects(text)


def _sound(value: Any, *, depth: int = 0) -> None:
    assert depth <= jsonld.MAX_DEPTH
    match value:
        case str():
            assert value == value.strip()
            assert value.isprintable() or not any(
                char < " " or "\ud800" <= char <= "\udfff" for char in value
            )
        case dict():
            for key, item in value.items():
                _sound(key)
                _sound(item, depth=depth + 1)
        case list():
            for item in value:
                _sound(item, depth=depth + 1)
        case float():
            assert math.isfinite(value)
        case _:
            assert value is None or -(2**63) <= value < 2**63


# fmt: off
_PIECES = st.sampled_from([
    "{", "}", "[", "]", ":", ",", ";", '"', '"a"', '"@graph"', '"@context"', '"@id"', "\\", "\\ud800", "\n",
    "\0", "1", "1e999", "NaN", "null", "//", "/*", "*/", "<!--", "-->", "<![CDATA[", "]]>", "&quot;", "&",
    "\ufeff", "é",
])
# fmt: on


@given(st.lists(st.lists(_PIECES, max_size=30).map("".join) | st.text(), max_size=3))
@example(["\ud800"])
def test_no_text_breaks_the_reader(blocks: list[str]) -> None:
    found = read_jsonld(blocks)
    assert msgspec.json.decode(msgspec.json.encode(found.objects)) == found.objects
    for node in found.objects:
        _sound(node)
    for error in found.errors:
        assert 0 <= error.offset <= max(map(len, blocks))
    list(Graph(found.objects).find("a"))


@pytest.mark.parametrize(
    ("stated", "types"),
    [
        ("Person", {"Person"}),
        ("https://schema.org/Person", {"Person"}),
        ("http://www.schema.org/Person", {"Person"}),
        ("schema:Person", {"Person"}),
        (["Person", "http://schema.org/Author", 3, None], {"Person", "Author"}),
        ("http://xmlns.com/foaf/0.1/Person", {"http://xmlns.com/foaf/0.1/Person"}),
        (None, set()),
        ({"@id": "x"}, set()),
    ],
)
def test_types_are_told_by_their_local_names(stated: object, types: set[str]) -> None:
    assert types_of({"@type": stated}) == types
    assert types_of({}) == set()


def test_nodes_are_found_wherever_they_are() -> None:
    article = {"@type": ["NewsArticle", "X"], "author": {"@type": "Person", "n": 1}}
    page = {"@type": "WebPage", "mainEntity": [[article]]}
    other = {"@type": "Person", "n": 2}
    assert [node["n"] for node in find([page, other], "Person", "Organization")] == [2, 1]
    assert find([page], "NewsArticle", "X") == [article]
    assert find([page], "Thing") == []


def test_references_lead_to_their_nodes() -> None:
    article = {
        "@type": "Article",
        "author": [{"@id": "#me"}, "Joe", None],
        "publisher": {"@id": "#elsewhere"},
    }
    me = {"@id": "#me", "@type": "Person", "name": "Jane"}
    more = {"@id": "#me", "name": "J.", "url": "/me"}
    graph = Graph([article, me, more])
    merged = {"@id": "#me", "@type": "Person", "name": "Jane", "url": "/me"}
    assert graph.values(article, "author") == [merged, "Joe"]
    assert graph.values(article, "publisher") == [{"@id": "#elsewhere"}]
    assert graph.values(article, "nothing") == []
    assert list(graph.find("Person")) == [merged]
    assert me == {"@id": "#me", "@type": "Person", "name": "Jane"}, "the page's objects stay"


def test_values_of_json_ld_s_own_containers_are_unwrapped() -> None:
    node = {
        "a": {"@value": "x", "@language": "en"},
        "b": {"@list": ["y", {"@value": None}]},
        "c": {"@set": "z"},
    }
    graph = Graph([node])
    assert [graph.values(node, name) for name in "abc"] == [["x"], ["y"], ["z"]]


def test_nodes_that_refer_to_each_other_end() -> None:
    nodes: list[dict[str, Any]] = [
        {"@id": "a", "@type": "T", "x": {"@id": "b"}},
        {"@id": "b", "@type": "T", "x": {"@id": "a"}},
    ]
    assert find(nodes, "T") == nodes


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonld, "MAX_NODES", 3)
    assert len(find([{"@type": "T"}] * 10, "T")) == 3
