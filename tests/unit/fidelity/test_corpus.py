from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.fidelity import corpus

if TYPE_CHECKING:
    from pathlib import Path

SIDECAR = {
    "url": "https://a.example/",
    "headers": {"Content-Type": "text/html", "link": ["<a>; rel=next", "<b>; rel=prev"]},
    "status": 200,
    "note": "n",
    "expected": {"title": "T"},
    "proposed": {"author": ["A"]},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(corpus, "CORPUS", tmp_path)
    return tmp_path


def write(folder: Path, name: str, **changed: Any) -> None:
    path = folder / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**SIDECAR, **changed}), encoding="utf-8")
    (folder / f"{name}.html").write_bytes(b"\xff<p>")


def test_a_page_is_its_two_files(folder: Path) -> None:
    write(folder, "news/v1.2")
    write(folder, "blog/b", status=404)
    (folder / "README.md").touch()
    blog, news = corpus.pages()
    assert (blog.name, blog.status) == ("blog/b", 404)
    assert news == corpus.CorpusPage(
        name="news/v1.2",
        body=b"\xff<p>",
        url="https://a.example/",
        headers=(("content-type", "text/html"), ("link", "<a>; rel=next"), ("link", "<b>; rel=prev")),
        status=200,
        note="n",
        expected={"title": "T"},
    )


@pytest.mark.parametrize("suffix", [".html", ".json"])
def test_half_a_page_is_an_error(folder: Path, suffix: str) -> None:
    (folder / f"x{suffix}").write_text(json.dumps(SIDECAR), encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        corpus.pages()


@pytest.mark.parametrize("changed", [{"status": "200"}, {"expects": {}}, {"headers": {"a": 1}}])
def test_another_form_is_an_error(folder: Path, changed: dict[str, Any]) -> None:
    write(folder, "x", **changed)
    with pytest.raises(msgspec.ValidationError):
        corpus.pages()


def test_the_corpus_is_read() -> None:
    found = corpus.pages()
    assert len(found) >= 100
    assert all(page.url.startswith("http") and page.expected for page in found)
