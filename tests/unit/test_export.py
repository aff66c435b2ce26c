"""Other formats of a run, made afterwards."""

from __future__ import annotations

import gzip
import itertools
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from scraper.cli.main import main
from scraper.errors import OutputExists, OutputLocked, UsageError
from scraper.export import Selection, export
from scraper.run.results import read_records
from scraper.sinks.claim import claimed
from tests.support.records_made import record_line

if TYPE_CHECKING:
    from pathlib import Path

SEQS = (2, 0, 1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"".join(record_line(seq) for seq in SEQS))
    return path


def test_a_run_goes_through_every_format_and_back(run: Path, tmp_path: Path) -> None:
    chain = [run, *(tmp_path / name for name in ("a.json", "b.parquet", "c.ndjson", "d.sqlite", "e.jsonl"))]
    for source, target in itertools.pairwise(chain):
        assert export(source, [target]).records == 3
    expected = sorted(map(bytes.strip, run.read_bytes().splitlines()))
    assert sorted(chain[-1].read_bytes().splitlines()) == expected
    assert [record.seq for record in read_records(chain[-3])] == list(SEQS)


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet", "gz"])
def test_several_at_once_in_input_order(run: Path, tmp_path: Path, form: str) -> None:
    source = tmp_path / f"source.{form}"
    if form == "gz":
        source = tmp_path / "source.jsonl.gz"
        source.write_bytes(gzip.compress(run.read_bytes()))
    else:
        export(run, [source])
    targets = [tmp_path / "new" / "a.jsonl", tmp_path / "new" / "b.parquet"]
    exported = export(source, targets, ordered=True)
    assert exported.records == 3
    assert exported.outputs == tuple(map(str, targets))
    for target in targets:
        assert [record.seq for record in read_records(target)] == [0, 1, 2]


def test_nothing_is_replaced_unasked(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "pages.csv"
    target.write_bytes(b"old")
    with pytest.raises(OutputExists, match="exists: replace it with --fresh"):
        export(run, [target])
    assert target.read_bytes() == b"old"
    with pytest.raises(UsageError, match="also an output"):
        export(run, [run], fresh=True)
    with claimed([target]), pytest.raises(OutputLocked, match="in use"):
        export(run, [target], fresh=True)
    export(run, [target], fresh=True)
    assert target.read_bytes().count(b"\r\n") == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pages.csv", "pages.jsonl"]


def test_what_is_not_finished_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "pages.jsonl.state").touch()
    with pytest.raises(UsageError, match="the run is not finished"):
        export(run, [tmp_path / "pages.csv"])
    (tmp_path / "pages.jsonl.state").rename(tmp_path / "pages.csv.state")
    with pytest.raises(UsageError, match="an unfinished run lies in"):
        export(run, [tmp_path / "pages.csv"], fresh=True)


@pytest.mark.parametrize(
    "line", [b"{}\n", b"[1]\n", b'{"seq": 1}\n', record_line(0).replace(b'"seq":0', b'"seq":"0"')]
)
@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_no_record_leaves_no_output(run: Path, tmp_path: Path, line: bytes, ordered: bool) -> None:  # noqa: FBT001
    run.write_bytes(run.read_bytes() + line)
    with pytest.raises(UsageError, match="record 4 is none"):
        export(run, [tmp_path / "pages.csv"], ordered=ordered)
    assert [path.name for path in tmp_path.iterdir()] == ["pages.jsonl"]


def test_numbers_that_no_table_holds_are_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = msgspec.json.decode(record_line(0)) | {"size": 2**63}
    run.write_bytes(msgspec.json.encode(odd))
    for ending in ("csv", "parquet", "sqlite"):
        assert main(["export", str(run), "-o", str(tmp_path / f"pages.{ending}")]) == 2
        assert "64 bits" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pages.jsonl"]


def test_the_command_says_what_it_did(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [str(run.with_suffix(ending)) for ending in (".csv", ".sqlite")]
    assert main(["export", str(run.parent), "-o", targets[0], "-o", targets[1]]) == 0
    assert capsys.readouterr().err == f"3 records written to {', '.join(targets)}\n"
    assert main(["export", str(run), "-o", "x.txt"]) == 2
    assert (
        "the ending names the format, one of .jsonl .ndjson .json .csv .parquet .sqlite\n"
        in capsys.readouterr().err
    )
    assert main(["export", str(run)]) == 2


URL = "https://ann:pw@shop.example/p?token=abc&page=2"
SHOP = {"extra": {"shop": "north", "link": "https://a.example/?api_key=k#x"}, "lang": "en"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A run of three pages and one that failed, with fields of the user's own."""
    path = tmp_path / "shop.jsonl"
    found: list[dict[str, Any]] = [
        {"price": 5, "tags": ["a", "b"], "sold": True, "size": "=5", "any": 1},
        {"price": 7.5, "tags": ["c"], "any": "x", "sizes": {"s": 1}},
        {"sold": False},
    ]
    lines = [record_line(seq, status=200, outcome="ok", fields=own, **SHOP) for seq, own in enumerate(found)]
    lines.append(record_line(3, outcome="timeout", extra={}))
    path.write_bytes(b"".join(lines))
    return path


OWN = tuple(f"fields.{name}" for name in ("price", "tags", "sold", "size", "any", "sizes", "none"))


def test_only_records_that_meet_a_condition(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "ok.parquet"
    chosen = Selection(where="outcome == 'ok' and fields.price > 5")
    assert export(shop, [target], selection=chosen).records == 1
    assert [record.seq for record in read_records(target)] == [1]


def test_chosen_fields_are_typed_columns(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "set.parquet"
    chosen = Selection(where="outcome == 'ok'", fields=("seq", *OWN, "extra.shop", "headings"))
    exported = export(shop, [target], selection=chosen)
    assert (exported.records, exported.empty) == (3, ("fields.none",))
    table = parquet.read_table(target)
    assert {field.name: str(field.type) for field in table.schema} == {
        "seq": "int64",
        "fields.price": "double",
        "fields.tags": "list<element: string>",
        "fields.sold": "bool",
        "fields.size": "string",
        "fields.any": "string",
        "fields.sizes": "string",
        "fields.none": "string",
        "extra.shop": "string",
        "headings": "string",
    }
    rows = table.select(list(OWN)).to_pylist()
    assert [list(row.values()) for row in rows] == [
        [5.0, ["a", "b"], True, "=5", "1", None, None],
        [7.5, ["c"], None, None, '"x"', '{"s":1}', None],
        [None, None, False, None, None, None, None],
    ]


def test_numbers_that_no_column_of_numbers_holds_are_written_all_the_same(tmp_path: Path) -> None:
    run, target = tmp_path / "a.jsonl", tmp_path / "b.parquet"
    numbers = ({"huge": 1 << 63, "mixed": (1 << 53) + 1}, {"huge": 1, "mixed": 0.5})
    run.write_bytes(b"".join(record_line(seq, fields=one) for seq, one in enumerate(numbers)))
    export(run, [target], selection=Selection(fields=("fields.huge", "fields.mixed")))
    columns = parquet.read_table(target).to_pydict()
    assert columns == {"fields.huge": ["9223372036854775808", "1"], "fields.mixed": [float(1 << 53), 0.5]}


def test_chosen_fields_in_csv_and_json(shop: Path, tmp_path: Path) -> None:
    targets = [tmp_path / name for name in ("set.csv", "set.jsonl", "set.json")]
    chosen = Selection(where="seq < 2", fields=("seq", "fields.tags", "fields.sold", "fields.size"))
    assert export(shop, targets, ordered=True, selection=chosen).records == 2
    assert targets[0].read_text("utf-8-sig").splitlines() == [
        "seq,fields.tags,fields.sold,fields.size",
        '0,"[""a"",""b""]",true,\'=5',
        '1,"[""c""]",,',
    ]
    rows = [msgspec.json.decode(line) for line in targets[1].read_bytes().splitlines()]
    assert rows[1] == {"seq": 1, "fields.tags": ["c"], "fields.sold": None, "fields.size": None}
    assert msgspec.json.decode(targets[2].read_bytes()) == rows
    with pytest.raises(UsageError, match="record 1 is none"):
        export(targets[1], [tmp_path / "again.json"])


def test_secrets_in_urls_are_masked_on_request(tmp_path: Path) -> None:
    run, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    run.write_bytes(record_line(0, input="shop.example/?token=abc x", url=URL, **SHOP))
    export(run, [target], selection=Selection(masked=True, where="url ~ 'abc'"))
    (record,) = read_records(target)
    assert record.input == "shop.example/?token=***"
    assert record.url == "https://***@shop.example/p?token=***&page=2"
    assert record.extra == {"shop": "north", "link": "https://a.example/?api_key=***#x"}


def test_fields_that_no_record_has_are_told(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(shop), "-o", str(tmp_path / "a.csv"), "-o", str(tmp_path / "a.json")]
    assert main([*words, "--fields", "lang,fields.price,fields.prize,extra.shop,headers.x"]) == 0
    assert capsys.readouterr().err.splitlines()[1:] == ["In none of these records: fields.prize, headers.x"]
    assert main([*words, "--fields", "lang,fields.price", "--fresh"]) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "x.sqlite", "--fields", "url"], ".sqlite holds whole records"),
        (["-o", "x.csv", "--fields", "urls"], "did you mean 'url'?"),
        (["-o", "x.csv", "--fields", ","], "--fields is empty"),
        (["-o", "x.csv", "--where", "status >"], "condition"),
    ],
)
def test_a_selection_that_is_none_leaves_no_output(
    words: list[str],
    said: str,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(run.parent)
    assert main(["export", str(run), *words]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in run.parent.iterdir()] == ["pages.jsonl"]


def test_the_command_takes_a_selection(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = shop.with_name("set.csv")
    words = ["--where", "seq == 0", "--fields", "seq, extra.link", "--mask-secrets"]
    assert main(["export", str(shop), "-o", str(target), *words]) == 0
    assert capsys.readouterr().err == f"1 record written to {target}\n"
    assert target.read_text("utf-8-sig").splitlines()[1] == "0,https://a.example/?api_key=***#x"
