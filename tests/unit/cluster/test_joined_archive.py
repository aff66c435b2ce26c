"""Archives of parts as one."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

from scraper.cluster.joined_archive import join_archives
from scraper.settings.model import OutputSettings, Settings
from scraper.sinks.archive_files import files_there, numbered
from tests.support.warc import archive_of

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"a": [90, 40], "b": [30], "c": [], "d": [95, 5, 1]}
"""Of the files of each part, in bytes; no file is longer than 100."""


def parts(folder: Path) -> list[Path]:
    folder.mkdir()
    firsts = [folder / f"{name}.warc.gz" for name in SIZES]
    for name, first in zip(SIZES, firsts, strict=True):
        for number, size in enumerate(SIZES[name]):
            numbered(first, number).write_bytes(f"{name}{number}".encode() + b"." * (size - 2))
    numbered(firsts[3], 2).write_bytes(b"!")
    return firsts


def joined(archives: list[Path], first: Path) -> list[str]:
    """Join, and return the files' contents."""
    settings = Settings(output=OutputSettings(warc_bytes=100))
    join_archives(archives, first, run="r1", settings=settings)
    return [path.read_bytes().decode("latin-1") for path in files_there(first)]


EXPECTED = ["a0" + 88 * ".", "a1" + 38 * "." + "b0" + 28 * ".", "d0" + 93 * "." + "d1...", "!"]


@pytest.mark.parametrize("links", [True, False])
def test_files_follow_each_other_up_to_their_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:

        def refused(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(os, "link", refused)
    archives, first = parts(tmp_path / "work"), tmp_path / "pages.warc.gz"
    numbered(first, 7).write_bytes(b"of a run before")
    before = {path: path.read_bytes() for path in (tmp_path / "work").iterdir()}
    assert joined(archives, first) == EXPECTED
    assert joined(archives, first) == EXPECTED, "it may be done again"
    assert {path: path.read_bytes() for path in (tmp_path / "work").iterdir()} == before
    assert first.samefile(archives[0]) is links
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_without_any_there_is_one_that_says_so(tmp_path: Path) -> None:
    first = tmp_path / "pages.warc.gz"
    joined([], first)
    (record,) = archive_of(first)
    assert record.kind == "warcinfo"
    assert b"isPartOf: r1" in gzip.decompress(first.read_bytes())
