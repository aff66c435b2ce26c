from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fidelity.compare import text_of
from tests.fidelity.corpus import CorpusPage
from tests.fidelity.peers import process
from tests.fidelity.peers.answering import answer
from tests.fidelity.peers.process import PeerMissing, ask, disguised, read_answers, undisguised

if TYPE_CHECKING:
    from pathlib import Path

HELLO = json.dumps({"version": "1", "fields": ["title"], "lent": []})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.example/x", "https://a-of-example.com/x"),
        (r"https:\/\/a.b.example\/x", r"https:\/\/a.b-of-example.com\/x"),
        ("https://a.example:8443", "https://a-of-example.com:8443"),
        ("see a.example.", "see a-of-example.com."),
        ("https://a.example.com/ a.example-b c.examples .example", None),
    ],
)
def test_reserved_hosts_are_shown_as_public_ones(text: str, shown: str | None) -> None:
    assert disguised(text) == (shown or text)
    assert undisguised(disguised(text)) == text


def test_answers_are_read_in_order() -> None:
    told = f'{HELLO}\n{{"said": {{"title": "a\u2028b"}}}}\n{{"error": "E"}}\n'
    answers = read_answers(told, peer="p", pages=2)
    assert (answers.version, answers.fields, answers.lent) == ("1", frozenset(("title",)), frozenset())
    assert answers.said == [{"title": "a\u2028b"}, {}]
    assert answers.errors == [None, "E"]


@pytest.mark.parametrize(("told", "why"), [("", "p said nothing"), (HELLO, "p ended after 0 of 1 pages")])
def test_a_peer_that_ends_too_soon_is_left_out(told: str, why: str) -> None:
    with pytest.raises(PeerMissing, match=why):
        read_answers(told, peer="p", pages=1)


@pytest.mark.parametrize("peer", process.PEERS)
def test_a_peer_that_is_not_installed_is_left_out(
    peer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "INSTALLED", tmp_path)
    with pytest.raises(PeerMissing, match=f"{peer} is not installed"):
        ask(peer, [])


def test_a_peer_whose_process_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to("/bin/false")
    monkeypatch.setattr(process, "INSTALLED", tmp_path)
    with pytest.raises(PeerMissing, match="extruct does not run: exit code 1"):
        ask("extruct", [])


def test_a_peers_failure_costs_it_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "".join(json.dumps({"url": url, "html": "<p>"}) + "\n" for url in ("good", "bad"))
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(asked))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr("logging.disable", lambda: None)

    def read(html: str, url: str) -> dict[str, object]:
        if url == "bad":
            raise RecursionError("deep")
        print("chatter")  # noqa: T201 - as some do; it must not get between the answers
        return {"title": html}

    answer("pytest", ["title"], read)
    answers = read_answers(out.getvalue(), peer="pytest", pages=2)
    assert (answers.said, answers.errors) == ([{"title": "<p>"}, {}], [None, "RecursionError: deep"])
    assert answers.version == pytest.__version__


def test_peers_get_the_text_that_the_bytes_mean() -> None:
    page = CorpusPage(
        name="p",
        body="привет".encode("koi8-r"),
        url="https://a.example/",
        headers=(("content-type", "text/html; charset=koi8-r"),),
        status=200,
        note="",
        expected={},
    )
    assert text_of(page) == "привет"
