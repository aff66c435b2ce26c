"""Lists in Parquet."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from scraper.errors import SourceError
from scraper.messages import Seed
from scraper.settings.model import SourceSettings
from scraper.sources import parquet_table
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from pathlib import Path


def seeds(path: Path, *, column: str = "url", form: str = "auto") -> list[Seed]:
    settings = SourceSettings(column=column, format=form)  # type: ignore[arg-type]
    (source,) = sources_from_arguments([str(path)], settings)
    return list(source.open_seeds())


@pytest.fixture
def listed(tmp_path: Path) -> Any:
    def write(columns: dict[str, Any], name: str = "list.parquet", **options: Any) -> Path:
        path = tmp_path / name
        parquet.write_table(pa.table(columns), path, **options)
        return path

    return write


def test_a_row_is_a_seed_and_its_other_columns_come_along(listed: Any) -> None:
    path = listed(
        {
            "id": [1, 2],
            "URL": ["https://a.example/", None],
            "tags": [["a", "b"], []],
            "price": [1.5, None],
            "shop": [{"name": "north"}, {"name": None}],
        }
    )
    first = {"id": 1, "tags": ["a", "b"], "price": 1.5, "shop": {"name": "north"}}
    second = {"id": 2, "tags": [], "price": None, "shop": {"name": None}}
    assert seeds(path) == [Seed("https://a.example/", first), Seed("", second)]


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "2026-01-31T09:30:00Z"),
        (Decimal("1.50"), "1.50"),
        (b"caf\xc3\xa9", "café"),
        (True, True),
    ],
)
def test_what_json_has_no_value_for_is_text(listed: Any, value: Any, given: Any) -> None:
    assert seeds(listed({"url": ["a.example"], "x": [value]})) == [Seed("a.example", {"x": given})]


def test_a_url_of_bytes_is_text_and_a_lone_column_is_no_extra(listed: Any) -> None:
    assert seeds(listed({"link": [b"https://a.example/"]}), column="link") == [Seed("https://a.example/")]


def test_many_rows_over_many_groups_are_all_there_and_the_progress_comes_to_the_end(listed: Any) -> None:
    path = listed({"url": [f"https://a.example/{n}" for n in range(2500)]}, row_group_size=700)
    told: list[int] = []
    with io.FileIO(str(path)) as file:
        found = list(parquet_table.parquet_seeds(file, name="list", column="url", note_bytes=told.append))
    assert [seed.input for seed in found] == [f"https://a.example/{n}" for n in range(2500)]
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_another_name_is_read_when_the_format_is_told(listed: Any) -> None:
    assert seeds(listed({"url": ["a.example"]}, name="list"), form="parquet") == [Seed("a.example")]


def test_a_missing_column_is_named_with_those_there_are(listed: Any) -> None:
    with pytest.raises(SourceError, match="has no column 'url', but 'link', 'id'; name it with --column"):
        seeds(listed({"link": ["a"], "id": [1]}))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"https://a.example/\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_the_users_to_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.parquet"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"list\.parquet: can't be read as Parquet: ") as caught:
        seeds(path)
    assert len(str(caught.value).splitlines()) == 1


def test_without_its_library_the_remedy_is_told(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = listed({"url": ["a"]})
    monkeypatch.setattr(parquet_table, "find_spec", lambda _name: None)
    with pytest.raises(SourceError, match="pip install pyarrow"):
        seeds(path)


def test_a_pipe_is_refused() -> None:
    (source,) = sources_from_arguments(["-"], SourceSettings(format="parquet"))
    with pytest.raises(SourceError, match="give a file"):
        list(source.open_seeds())
