from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scraper.errors import SourceError
from scraper.messages import Seed
from scraper.settings.model import SourceSettings
from scraper.sources.arguments import format_of, sources_from_arguments
from scraper.sources.source import Format, Source

_ROOT = Path(__file__).parents[3]


def _inputs(source: Source) -> list[str]:
    return [seed.input for seed in source.open_seeds()]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.txt", "text"),
        ("a.csv", "csv"),
        ("A.CSV.GZ", "csv"),
        ("a.tsv.gz", "tsv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.gz", "text"),
        ("csv", "text"),
        ("/dev/fd/63", "text"),
    ],
)
def test_a_name_tells_the_format(name: str, form: Format) -> None:
    assert format_of(name) == form


def test_arguments_become_sources_in_order(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("link\nhttp://a.com/\n")
    words = ["http://x.com/", "y.com/p", str(path), "-", "HTTPS://z.com"]
    sources = sources_from_arguments(words, SourceSettings(column="link"))
    assert sources == [
        Source(kind="argument", name="http://x.com/", urls=("http://x.com/", "y.com/p")),
        Source(kind="file", name=str(path), format="csv", column="link"),
        Source(kind="stdin", name="-", column="link"),
        Source(kind="argument", name="HTTPS://z.com", urls=("HTTPS://z.com",)),
    ]
    assert _inputs(sources[0]) == ["http://x.com/", "y.com/p"]
    assert _inputs(sources[1]) == ["http://a.com/"]
    assert [source.rereadable for source in sources] == [True, True, False, True]


def test_sitemaps_are_arguments_and_lines_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sitemap:x.com").write_text("http://a.com/\n")
    words = ["sitemap:x.com", "SITEMAP:https://y.com/map.xml", "http://z.com/"]
    (source,) = sources_from_arguments(words, SourceSettings())
    assert _inputs(source) == words
    (tmp_path / "list.txt").write_text("sitemap:x.com\n# a comment\nsitemap:https://y.com/map.xml\n")
    (source,) = sources_from_arguments(["list.txt"], SourceSettings())
    assert _inputs(source) == ["sitemap:x.com", "sitemap:https://y.com/map.xml"]


def test_a_file_goes_before_a_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.com").write_text("http://a.com/\n")
    (source,) = sources_from_arguments(["example.com"], SourceSettings())
    assert source.kind == "file"


def test_the_settings_format_goes_before_the_name(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text('{"url": "a.com"}\n')
    sources = sources_from_arguments([str(path), "-"], SourceSettings(format="jsonl"))
    assert [source.format for source in sources] == ["jsonl", "jsonl"]
    assert _inputs(sources[0]) == ["a.com"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["urls.txt"], "no such file: 'urls.txt'; for a URL write it with https://"),
        (["example.com/urls.csv.gz"], "no such file"),
        (["./missing"], "no such file"),
        (["word"], "no such file"),
        (["a\x00.com"], "no such file"),
        (["ftp://bob:hunter2@a.com/x"], "'ftp://***@a.com/x': only http and https are asked for"),
        (["x" * 5000], "no such file"),
        (["bob:hunter2@a.com"], "no such file: '***@a.com'"),
        (["."], "is a folder"),
        (["-", "-"], "given twice"),
    ],
)
def test_what_is_no_source_is_refused_with_the_remedy(words: list[str], message: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources_from_arguments(words, SourceSettings())
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["list.txt", "list.txt.gz"])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfhttp://a.com/\nb.com\n"))
    assert _inputs(Source(kind="file", name=str(path))) == ["http://a.com/", "b.com"]
    path.write_bytes(b"\xef\xbb\xbfplain.com")
    assert _inputs(Source(kind="file", name=str(path))) == ["plain.com"]


def test_a_table_header_may_follow_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"\xef\xbb\xbfurl,a\r\nx.com,1\r\n")
    assert list(Source(kind="file", name=str(path), format="csv").open_seeds()) == [Seed("x.com", {"a": "1"})]


def test_a_changed_file_has_another_identity(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a.com\n")
    source = Source(kind="file", name=str(path))
    before = source.identity()
    assert before is not None
    assert before == source.identity()
    assert before.size_bytes == 6
    path.write_text("b.com\n")
    os.utime(path, ns=(0, before.modified_ns + 1))
    assert source.identity() != before


def test_a_pipe_by_name_is_read_but_not_rereadable() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a.com\nb.com\n")
    os.close(writing)
    (source,) = sources_from_arguments([f"/dev/fd/{reading}"], SourceSettings())
    assert not source.rereadable
    assert source.identity() is None
    assert _inputs(source) == ["a.com", "b.com"]
    os.close(reading)


def test_only_what_may_block_is_announced(tmp_path: Path) -> None:
    calls: list[str] = []
    path = tmp_path / "list.txt"
    path.write_text("a.com\n")
    assert list(Source(kind="file", name=str(path)).open_seeds(before_read=lambda: calls.append("x")))
    assert calls == []


def test_a_file_that_has_gone_is_the_sources_error(tmp_path: Path) -> None:
    source = Source(kind="file", name=str(tmp_path / "gone.txt"))
    assert source.identity() is None
    with pytest.raises(SourceError, match=r"gone\.txt: can't be opened: No such file"):
        list(source.open_seeds())


_READ_STANDARD_INPUT = """
from scraper.sources.source import Source
for seed in Source(kind="stdin", name="-").open_seeds():
    print(seed.input, flush=True)
"""


def test_standard_input_gives_a_line_as_soon_as_it_is_written() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _READ_STANDARD_INPUT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
    ) as child:
        assert child.stdin
        assert child.stdout
        for line in (b"a.com\n", b"b.com\n"):
            child.stdin.write(line)
            child.stdin.flush()
            assert child.stdout.readline() == line  # hangs, if lines are kept back
        child.stdin.close()
        assert child.wait() == 0
