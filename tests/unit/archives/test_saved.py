"""Folders of saved pages: which files are pages, and what they were saved from."""

from __future__ import annotations

import errno
import inspect
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scraper.archives.archived import Archived
from scraper.archives.saved import FolderReader, url_of
from scraper.archives.sources import Archives, Damaged, LeftOut, SavedPages, sources_of
from scraper.errors import UsageError
from scraper.settings.model import FetchSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "<!doctype html><title>x</title>"


def read(folder: Path, *, base: str | None = None) -> list[Archived | Damaged | LeftOut]:
    reader = FolderReader(SavedPages(folder, base), FetchSettings())
    return list(reader.read(note_share=lambda _: None))


@pytest.mark.parametrize(
    ("path", "base", "url"),
    [
        ("example.com/index.html", None, "https://example.com/"),
        ("example.com/a/index.htm", None, "https://example.com/a/"),
        ("example.com/a/myindex.html", None, "https://example.com/a/myindex.html"),
        ("http/example.com/a.html", None, "http://example.com/a.html"),
        ("https/example.com/a", None, "https://example.com/a"),
        ("example.com:8080/a.html", None, "https://example.com:8080/a.html"),
        ("example.com+8080/a.html", None, "https://example.com:8080/a.html"),
        ("localhost/a.html", None, "https://localhost/a.html"),
        ("Example.COM/ä b.html", None, "https://example.com/%C3%A4%20b.html"),
        ("example.com/a?b=1&c=2", None, "https://example.com/a?b=1&c=2"),
        ("example.com/a?b=1.html", None, "https://example.com/a?b=1"),
        ("example.com/100%.html", None, "https://example.com/100%25.html"),
        ("example.com/a#b.html", None, "https://example.com/a%23b.html"),
        ("docs/a.html", None, None),
        ("a.html", None, None),
        ("page.html", None, None),
        ("docs/a.html", "https://h.example/x", "https://h.example/x/docs/a.html"),
        ("docs/index.html", "https://h.example/x/", "https://h.example/x/docs/"),
        ("index.html", "https://h.example", "https://h.example/"),
        ("-bad-.example/\x01.html", None, "https://-bad-.example/%01.html"),
        ("exa mple.com/a.html", None, None),
    ],
)
def test_what_a_file_was_saved_from(path: str, base: str | None, url: str | None) -> None:
    assert url_of(path, base=base) == url


def test_pages_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.html", "a/z.htm", "a/b/c.xhtml", "a.html", "plain", "notes.txt", "s.css"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("body {}" if name in {"s.css", "notes.txt"} else PAGE)
    os.utime(tmp_path / "b.html", (1e9, 1e9))
    found = read(tmp_path)
    pages = [one for one in found if isinstance(one, Archived)]
    assert [one.url for one in pages] == ["a/b/c.xhtml", "a/z.htm", "a.html", "b.html", "plain"]
    assert [one.response.media_type for one in pages] == [
        "application/xhtml+xml",
        "text/html",
        "text/html",
        "text/html",
        None,
    ]
    assert len([one for one in found if isinstance(one, LeftOut)]) == 2
    assert pages[3].response.fetched_at == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    assert pages[3].response.body == PAGE.encode()


def test_a_page_without_a_url_has_that_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "a b.html").write_text(PAGE)
    (one,) = read(tmp_path)
    assert isinstance(one, Archived)
    assert one.response.url == (tmp_path / "a b.html").resolve().as_uri()


@pytest.mark.parametrize(
    ("mark", "url"),
    [
        ("<!-- saved from url=(0023)https://example.com/a?b -->", "https://example.com/a?b"),
        (
            "<!-- Mirrored from example.com/x/y.html by HTTrack Website Copier/3.x -->",
            "https://example.com/x/y.html",
        ),
        ("<!-- saved from url=(0014)about:internet -->", None),
        ("<!-- saved from url=(0099)https://user:secret@example.com/ -->", None),
    ],
)
def test_a_page_may_say_what_it_was_saved_from(tmp_path: Path, mark: str, url: str | None) -> None:
    (tmp_path / "a.html").write_text(f"<!doctype html>\n{mark}\n<title>x</title>")
    (one,) = read(tmp_path)
    assert isinstance(one, Archived)
    assert one.response.url == (url or (tmp_path / "a.html").resolve().as_uri())


def test_links_and_pipes_are_not_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside.html"
    outside.write_text(PAGE)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.html").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.html")
    (folder / "real.html").write_text(PAGE)
    assert [one.url for one in read(folder) if isinstance(one, Archived)] == ["real.html"]


def test_a_folder_that_can_not_be_looked_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.html").write_text(PAGE)
    real = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        return iter([refused(path)]) if path.name == "a" else real(path)  # type: ignore[list-item]

    monkeypatch.setattr(Path, "iterdir", iterdir)
    damaged, page = read(tmp_path)
    assert isinstance(damaged, Damaged)
    assert isinstance(page, Archived)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_names_of_files_may_be_any_bytes(tmp_path: Path) -> None:
    (tmp_path / "example.com").mkdir()
    name = os.fsdecode(b"caf\xe9 \x1b[31m.html")
    (tmp_path / "example.com" / name).write_text(PAGE)
    (one,) = read(tmp_path)
    assert isinstance(one, Archived)
    assert one.url == "example.com/caf\ufffd \x1b[31m.html"
    assert one.response.url == "https://example.com/caf%E9%20%1B%5B31m.html"


def test_folders_may_lie_deeper_than_the_stack(tmp_path: Path) -> None:
    made = [str(tmp_path)]
    for _ in range(250):
        made.append(f"{made[-1]}/d")
        os.mkdir(made[-1])  # noqa: PTH102 - pathlib's own code is recursive
    page = Path(made[-1], "a.html")
    page.write_text(PAGE)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 120)
    try:
        found = read(tmp_path)
    finally:
        sys.setrecursionlimit(before)
    assert [one.url[-8:] for one in found if isinstance(one, Archived)] == ["d/a.html"]


def test_a_page_that_is_too_large_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"x" * 5000)
    reader = FolderReader(SavedPages(tmp_path), FetchSettings(max_wire_bytes=3000))
    (one,) = reader.read(note_share=lambda _: None)
    assert isinstance(one, Archived)
    assert (len(one.response.body), one.response.truncated) == (3000, True)


def refused(path: Path, *_: object) -> int:
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


def test_a_page_that_can_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / f"{name}.html").write_text(PAGE)
    found = FolderReader(SavedPages(tmp_path), FetchSettings()).read(note_share=lambda _: None)
    assert isinstance(next(found), Archived)
    monkeypatch.setattr(os, "open", refused)
    assert next(found) == Damaged(f"{tmp_path}/b.html", 0, "Permission denied")


def test_what_arguments_name(tmp_path: Path) -> None:
    archives = tmp_path / "archives"
    (archives / "deep").mkdir(parents=True)
    for name in ("b.warc", "a.warc.gz", "deep/c.warc.gz", "page.html"):
        (archives / name).touch()
    (tmp_path / "one.warc.gz").touch()
    (tmp_path / "one-00001.warc.gz").touch()
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.html").touch()
    names = [path.name for path in sources_files([archives])]
    assert names == ["a.warc.gz", "b.warc", "c.warc.gz"]
    assert [path.name for path in sources_files([tmp_path / "one.warc.gz"])] == [
        "one.warc.gz",
        "one-00001.warc.gz",
    ]
    both = [tmp_path / "one-00001.warc.gz", tmp_path / "one.warc.gz"]
    assert [path.name for path in sources_files(both)] == ["one-00001.warc.gz", "one.warc.gz"]
    assert sources_of([pages], base="https://example.com/") == SavedPages(pages, "https://example.com/")


def sources_files(paths: list[Path]) -> tuple[Path, ...]:
    found = sources_of(paths, base=None)
    assert isinstance(found, Archives)
    return found.files


@pytest.mark.parametrize(
    ("words", "base", "message"),
    [
        (["none.warc"], None, "no such file"),
        (["pages", "a.warc"], None, "name a folder of pages alone"),
        (["a.warc", "./a.warc"], None, "named twice"),
        (["a.warc"], "https://example.com/", "--base is for a folder"),
        (["pages"], "example", "--base example: "),
        (["pages"], "ftp://example.com/", "--base ftp://example.com/: "),
        (["pages"], None, "pages: there is no file in it"),
        (["a.jsonl"], None, "holds records, not pages; name the .warc.gz"),
        (["a.csv"], None, "holds records, not pages"),
        (["a.html"], None, "name the folder that it is in"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], base: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pages").mkdir()
    for name in ("a.warc", "a.jsonl", "a.csv", "a.html"):
        Path(name).touch()
    with pytest.raises(UsageError, match=message):
        sources_of(list(map(Path, words)), base=base)
