"""Every format holds every record whole, and the programs that people use open it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pandas as pd  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from pyarrow import parquet as pq  # type: ignore[import-untyped]

from scraper import record_values
from scraper.errors import SinkError, UsageError
from scraper.record import SCHEMA_VERSION, Heading, Record
from scraper.run.results import raw_records, read_records
from scraper.sinks import formats
from scraper.sinks.columns import Kind, columns
from scraper.sinks.csv_table import guarded
from scraper.sinks.endings import RECORDS
from scraper.sinks.formats import FORMATS, finalise, require_format
from scraper.sinks.parquet import VERSION_KEY
from tests.support.records_made import record, records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TABLES = (".csv", ".parquet", ".sqlite")


def made(folder: Path, run: Sequence[Record], ending: str, *, ordered: bool = False) -> Path:
    journal, target = folder / "journal", folder / f"pages{ending}"
    journal.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in run))
    finalise(journal, target, ending=ending, ordered=ordered)
    return target


@given(run=records())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_is_written_is_read_again(tmp_path: Path, run: list[Record]) -> None:
    for ending in (".jsonl", ".json", ".parquet", ".sqlite"):
        target = made(tmp_path, run, ending)
        expected = sorted(run, key=lambda one: one.seq) if ending == ".sqlite" else run
        assert list(read_records(target)) == expected
        as_written = [json.loads(msgspec.json.encode(one)) for one in expected]
        assert [json.loads(line) for line in raw_records(target)] == as_written
    check_table(made(tmp_path, run, ".csv"), run)


def check_table(path: Path, run: list[Record]) -> None:
    assert path.read_bytes().startswith(b"\xef\xbb\xbfschema,run,seq,")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(run)
    for row, one in zip(rows, run, strict=True):
        assert list(row) == [column.name for column in columns()]
        built = json.loads(msgspec.json.encode(one))
        for column in columns():
            assert value_of(row[column.name], column.kind) == (built.get(column.name, column.default) or None)


def value_of(cell: str, kind: Kind) -> Any:
    """Return what a reader makes of a cell: nothing of an empty one, and of zero and false nothing too."""
    if not cell:
        return None
    if kind is Kind.TEXT:
        return cell[1:] if guarded(cell[1:]) == cell else cell
    return {"true": True, "false": None}.get(cell) if kind is Kind.BOOLEAN else json.loads(cell) or None


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *(
            (text, f"'{text}")
            for text in ("=1+1", "+1+1", "-1-1", "@a", "\t=a", "\r=a", "\n=a", "\uff1da", "'=a", "-", "+1 ")
        ),
        *((text, text) for text in ("-1", "+1.5", "-1e5", "", "a=1", "'tis", "1-1", "[1]", "https://a/?x==")),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert guarded(text) == cell


HOSTILE = {
    "title": '=HYPERLINK("http://a","b")',
    "description": 'two\nlines, "quoted"',
    "og": {"title": ["a", "=b"]},
}


def test_pandas_opens_tables(tmp_path: Path) -> None:
    run = [record(0, status=200, **HOSTILE, headings=[Heading(level=1, text="H")]), record(1, elapsed=0.5)]
    table = pd.read_csv(made(tmp_path, run, ".csv"))
    assert list(table) == [column.name for column in columns()]
    assert list(table["seq"]) == [0, 1]
    assert table["title"][0] == f"'{HOSTILE['title']}"
    assert table["description"][0] == HOSTILE["description"]
    assert json.loads(table["og"][0]) == HOSTILE["og"]
    frame = pd.read_parquet(made(tmp_path, run, ".parquet"))
    assert frame["headings"][0][0]["text"] == "H"
    assert next(iter(frame["title"])) == HOSTILE["title"]
    with contextlib.closing(sqlite3.connect(made(tmp_path, run, ".sqlite"))) as database:
        assert list(pd.read_sql("SELECT * FROM records", database)["elapsed"].dropna()) == [0.5]


def asked(query: str) -> list[tuple[Any, ...]]:
    """Return what DuckDB answers."""
    with duckdb.connect() as database:
        return database.execute(query).fetchall()


def test_duckdb_opens_tables(tmp_path: Path) -> None:
    run = [record(0, status=200, **HOSTILE, titles=["a", "b"]), record(1, status=404)]
    for ending in (".csv", ".parquet"):
        path = made(tmp_path, run, ending)
        found = asked(f"SELECT seq, description FROM '{path}' WHERE status = 200")  # noqa: S608
        assert found == [(0, HOSTILE["description"])]
        described = asked(f"DESCRIBE FROM '{path}'")
        assert [row[0] for row in described] == [column.name for column in columns()]
    assert asked(f"SELECT titles[2], og['title'][2] FROM '{path}' WHERE seq = 0") == [("b", "=b")]  # noqa: S608


def test_duckdb_opens_json_lines(tmp_path: Path) -> None:
    run = [record(0, status=200, **HOSTILE, titles=["a", "b"]), record(1, status=404)]
    path = made(tmp_path, run, ".jsonl")
    found = asked(f"SELECT seq, description, titles[2], og.title[2] FROM '{path}' WHERE status = 200")  # noqa: S608
    assert found == [(0, HOSTILE["description"], "b", "=b")]


def test_a_table_is_laid_out_as_spreadsheets_want_it(tmp_path: Path) -> None:
    """The mark of UTF-8 once, rows that end in CRLF (RFC 4180), quotes around line ends of a cell."""
    run = [record(0, **HOSTILE, lang="ä"), record(1)]
    content = made(tmp_path, run, ".csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfschema,")
    assert content.count(b"\xef\xbb\xbf") == 1
    rows = content.decode("utf-8-sig").split("\r\n")
    assert len(rows) == len(run) + 2
    assert rows[-1] == ""
    assert '"two\nlines, ""quoted"""' in rows[1]
    cells = {cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) for cell in row}
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r\n")]


def test_parquet_says_its_schemas_version_and_keeps_types(tmp_path: Path) -> None:
    schema = pq.read_schema(made(tmp_path, [record(0)], ".parquet"))
    assert schema.metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()
    types = {
        name: str(schema.field(name).type)
        for name in ("seq", "elapsed", "truncated", "titles", "headers", "jsonld")
    }
    assert types == {
        "seq": "int64",
        "elapsed": "double",
        "truncated": "bool",
        "titles": "list<element: string>",
        "headers": "map<string, list<element: string> ('headers')>",
        "jsonld": "string",
    }
    assert str(schema.field("robots").type).startswith("struct<allowed: bool not null, rule: string,")
    assert not schema.field("seq").nullable


def test_parquet_has_row_groups_by_number_and_by_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scraper.sinks import parquet  # noqa: PLC0415 - its constants are changed

    monkeypatch.setattr(parquet, "_GROUP_RECORDS", 4)
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 3000)
    monkeypatch.setattr(parquet, "_BATCH_RECORDS", 3)
    run = [record(seq) for seq in range(9)] + [record(9, text="t" * 3000), record(10)]
    path = made(tmp_path, run, ".parquet")
    about = pq.read_metadata(path)
    assert [about.row_group(at).num_rows for at in range(about.num_row_groups)] == [4, 4, 2, 1]
    assert list(read_records(path)) == run


LINKED = [
    record(0, link_list=[{"url": "https://a.example/1#x", "text": "one", "rel": None}]),
    record(1, outcome="http_error", status=404, parent=0, depth=1),
    record(2, title="T", elapsed=2.0, indexable=False, indexable_reason="noindex"),
    record(
        3,
        title="T",
        elapsed=1.0,
        text_sha256="a",
        word_count=3,
        link_list=[{"url": f"https://b.example/{n}", "text": None, "rel": "nofollow"} for n in range(12)],
    ),
    record(4, outcome="dns_error", error={"type": "E", "message": "no address", "phase": "dns"}),
    record(
        5, outcome="robots_denied", redirects=[{"url": "u", "status": 301, "location": "/", "elapsed_s": 0.5}]
    ),
    record(6, outcome="duplicate", title="T", text_sha256="a", word_count=3),
    record(7, outcome="not_modified", status=304, title="T"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "SELECT seq, url, status, parent_url FROM broken WHERE status",
            [(1, "https://a.example/1", 404, "https://a.example/0")],
        ),
        ("SELECT seq, message FROM broken WHERE seq = 4", [(4, "no address")]),
        ("SELECT count(*) FROM broken", [(2,)]),
        (
            "SELECT page_url, url, text, status FROM broken_links",
            [("https://a.example/0", "https://a.example/1#x", "one", 404)],
        ),
        ("SELECT seq, indexable_reason FROM not_indexable", [(2, "noindex")]),
        ("SELECT title, pages, seq FROM duplicate_titles", [("T", 3, 2), ("T", 3, 3), ("T", 3, 7)]),
        ("SELECT count(*) FROM duplicate_texts", [(0,)]),
        ("SELECT seq FROM slowest", [(2,), (3,)]),
        ("SELECT records FROM outcomes WHERE outcome = 'ok'", [(3,)]),
        ("SELECT seq, position, status, elapsed_s FROM redirects", [(5, 0, 301, 0.5)]),
        (
            "SELECT seq, position, url, text, rel FROM links WHERE seq = 0",
            [(0, 0, "https://a.example/1#x", "one", None)],
        ),
        ("PRAGMA user_version", [(SCHEMA_VERSION,)]),
        ("PRAGMA integrity_check", [("ok",)]),
    ],
)
def test_a_database_answers_the_usual_questions(
    tmp_path: Path, query: str, expected: list[tuple[Any, ...]]
) -> None:
    with contextlib.closing(sqlite3.connect(made(tmp_path, LINKED, ".sqlite"))) as database:
        assert database.execute(query).fetchall() == expected


def test_each_view_can_be_asked(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(made(tmp_path, LINKED, ".sqlite"))) as database:
        views = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        assert {"headings", "tries", "hreflang", "broken"} <= set(views)
        for view in views:
            database.execute(f'SELECT * FROM "{view}"').fetchall()  # noqa: S608
    assert [one.link_list for one in read_records(tmp_path / "pages.sqlite")] == [
        one.link_list for one in LINKED
    ]


@pytest.mark.parametrize("ending", list(FORMATS))
def test_input_order_is_that_of_seq(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scraper.sinks.lines._CHUNK", 3)
    run = [record(seq, title="=" * seq) for seq in (7, 2, 9, 0, 1, 8, 3, 5, 6, 4)]
    path = made(tmp_path, run, ending, ordered=True)
    if ending == ".csv":
        assert list(pd.read_csv(path)["seq"]) == list(range(10))
    else:
        assert list(read_records(path)) == sorted(run, key=lambda one: one.seq)


@pytest.mark.parametrize("ending", TABLES)
@pytest.mark.parametrize("ordered", [False, True])
def test_a_run_without_records_is_an_empty_table(tmp_path: Path, ending: str, ordered: bool) -> None:  # noqa: FBT001
    path = made(tmp_path, [], ending, ordered=ordered)
    if ending == ".csv":
        assert len(pd.read_csv(path)) == 0
    else:
        assert list(read_records(path)) == []


@pytest.mark.parametrize("ending", TABLES)
def test_an_error_in_the_middle_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"pages{ending}"
    target.write_bytes(b"old")
    (tmp_path / f".{target.name}.0a1b2c3d.part").write_bytes(b"torn")

    def broken() -> Any:
        yield from (msgspec.json.encode(record(seq)) for seq in range(3))
        raise OSError(28, "No space left on device")

    with pytest.raises(SinkError, match=r"can't write .*No space left"):
        formats.write_format(broken(), target, ending=ending)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"old"


def test_two_records_of_one_number_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="same seq"):
        made(tmp_path, [record(1), record(1)], ".sqlite")


@pytest.mark.parametrize(("ending", "content"), [(".sqlite", b"SQLite format 3\0"), (".parquet", b"PAR1")])
def test_a_file_that_is_none_is_said(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(content + b"x" * 50)
    with pytest.raises(UsageError, match="can't read"):
        list(read_records(path))
    with contextlib.closing(sqlite3.connect(tmp_path / "other.sqlite")) as database:
        database.execute("CREATE TABLE others (seq)")
    with pytest.raises(UsageError, match="no table of records"):
        list(read_records(tmp_path / "other.sqlite"))


def test_a_missing_library_is_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for ending in FORMATS:
        if ending != ".parquet":
            require_format(ending)
    with pytest.raises(UsageError, match=r"\.parquet needs pyarrow: pip install pyarrow$"):
        require_format(".parquet")


def test_each_ending_has_its_format() -> None:
    assert tuple(FORMATS) == RECORDS


def test_no_part_of_a_record_has_a_value_that_formats_do_not_know() -> None:
    """``msgspec.UNSET`` is none of JSON's: a ``Try`` that held it could not be written as Parquet."""
    parts = [one for one in vars(record_values).values() if isinstance(one, type)]
    structs = [one for one in parts if issubclass(one, msgspec.Struct) and one is not msgspec.Struct]
    assert len(structs) > 10
    assert not [one for one in structs if msgspec.UNSET in one.__struct_defaults__]
