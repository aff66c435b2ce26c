from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import InvalidUrl, SourceError
from scraper.messages import Seed
from scraper.sources.jsonlines import json_seeds
from scraper.sources.table import table_seeds
from scraper.sources.text import text_seeds
from scraper.urls import parse_input


def _table(data: bytes, *, column: str = "url", delimiters: str = ",;\t") -> list[Seed]:
    lines = data.splitlines(keepends=True)
    return list(table_seeds(lines, name="list.csv", column=column, delimiters=delimiters))


def _json(*lines: bytes, column: str = "url") -> list[Seed]:
    return list(json_seeds(lines, column=column))


def test_text_keeps_lines_verbatim_and_skips_blank_ones_and_comments() -> None:
    lines = [b"http://a.com/ \r\n", b"\n", b"  \t\r\n", b"# x\n", b" \t# y\n", b"  b.com#z\n", b"c\xff"]
    inputs = ["http://a.com/ ", "  b.com#z", "c\ufffd"]
    assert list(text_seeds(lines)) == [Seed(text) for text in inputs]


def test_a_table_gives_the_column_and_the_rest() -> None:
    data = b'id,url,note\r\n1,http://a.com/,"x, ""y""\nz"\r\n\r\n2,http://b.com/,\r\n'
    assert _table(data) == [
        Seed("http://a.com/", {"id": "1", "note": 'x, "y"\nz'}),
        Seed("http://b.com/", {"id": "2", "note": ""}),
    ]


@pytest.mark.parametrize(
    ("header", "row", "seed"),
    [
        (b"url", b"a.com", Seed("a.com")),
        (b" URL ", b"a.com", Seed("a.com")),
        (b"a;url", b"1;a.com", Seed("a.com", {"a": "1"})),
        (b"a\turl", b"1\ta.com", Seed("a.com", {"a": "1"})),
        (b"a,url,b", b"1", Seed("", {"a": "1"})),
        (b"a,url,b", b"1,a.com", Seed("a.com", {"a": "1"})),
        (b"a,url", b"1,a.com,x,y", Seed("a.com", {"a": "1", "column_3": "x", "column_4": "y"})),
        (b",url,a,a", b"1,a.com,2,3", Seed("a.com", {"column_1": "1", "a": "2", "a_4": "3"})),
        (b"a,url", b",", Seed("", {"a": ""})),
        (b"URL,url", b"1,a.com", Seed("a.com", {"URL": "1"})),
        (b'"the, id",url', b'1,"a.com"', Seed("a.com", {"the, id": "1"})),
        (b"a,url", b"\xff,a.com\xff", Seed("a.com\ufffd", {"a": "\ufffd"})),
        (b"a,url", b'1,"a.com', Seed("a.com\n", {"a": "1"})),
        (b"a,url", b"\x00,a.com", Seed("a.com", {"a": "\x00"})),
    ],
)
def test_rows_of_every_shape_give_a_seed(header: bytes, row: bytes, seed: Seed) -> None:
    assert _table(header + b"\n" + row + b"\n") == [seed]


def test_a_tsv_has_tabs_only() -> None:
    assert _table(b"a,b\turl\n1,2\ta.com\n", delimiters="\t") == [Seed("a.com", {"a,b": "1,2"})]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id,link\n1,a.com\n", "list.csv: has no column 'url', but 'id', 'link'"),
        (b"http://a.com/\n", "has no column 'url', but 'http://a.com/'"),
        (b"Url,uRl\n", "has no column 'url'"),
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b'"' + b"x" * 200_000 + b"\n", "header line can't be read"),
    ],
)
def test_a_table_without_the_column_says_what_there_is(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message.replace(".", r"\.")) as caught:
        _table(data)
    assert "\n" not in str(caught.value)


def test_a_cell_that_is_too_large_costs_its_row_only() -> None:
    seeds = _table(b"url,x\n" + b"a.com," + b"x" * 200_000 + b"\nb.com,y\n")
    assert seeds[0].input.startswith("a.com,xxx")
    assert seeds[1:] == [Seed("b.com", {"x": "y"})]
    with pytest.raises(InvalidUrl):
        parse_input(seeds[0].input)


def test_json_lines_give_the_field_and_the_rest() -> None:
    seeds = _json(b'{"id": [1], "url": "a.com"}\r\n', b" \n", b'{"url":"b.com"}', b'"c.com"\n')
    assert seeds == [Seed("a.com", {"id": [1]}), Seed("b.com"), Seed("c.com")]


def test_the_field_can_be_named() -> None:
    assert _json(b'{"href": "a.com", "url": 1}', column="href") == [Seed("a.com", {"url": 1})]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"null",
        b"17",
        b"1.5",
        b"[]",
        b'["a.com"]',
        b'{"link": "http://a.com/"}',
        b'{"a.com": 1}',
        b'{"url": null}',
        b'{"url": 1e999}',
        b'{"url": "\\ud800"}',
        b'{"url": "a.com", "x": NaN}',
        b"[" * 100_000,
        b'{"url": "a.com", "x": ' + b"[" * 64 + b"]" * 64 + b"}",
    ],
)
def test_a_line_that_gives_no_url_is_the_input_and_invalid(line: bytes) -> None:
    (seed,) = _json(line)
    assert seed == Seed(line.decode())
    with pytest.raises(InvalidUrl):
        parse_input(seed.input)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    extra: dict[str, list[list[int]]] = {"x": [[] for _ in range(100)]}
    assert _json(json.dumps({"url": "a.com"} | extra).encode()) == [Seed("a.com", extra)]


@given(st.binary())
def test_every_seed_can_be_written_as_json(data: bytes) -> None:
    for seeds in (
        text_seeds([data]),
        json_seeds([data], column="url"),
        json_seeds([b'"%b"' % data], column="u"),
    ):
        for seed in seeds:
            assert msgspec.json.decode(msgspec.json.encode(seed), type=Seed) == seed


@given(st.lists(st.binary(max_size=30)))
def test_no_row_is_an_error_and_each_can_be_written(lines: list[bytes]) -> None:
    for seed in _table(b"url,x\n" + b"\n".join(lines)):
        msgspec.json.encode(seed)
