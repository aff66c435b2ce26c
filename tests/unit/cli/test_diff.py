"""``scraper diff`` as a command: its forms and its exit code."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from scraper.cli.diff import diff
from scraper.cli.main import main
from tests.support.runs import a_record, write_run

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "<script>alert(1)</script>\x1b[31m\u202e\n\"'"
OLD = [a_record(1, title="A"), a_record(2), a_record(3, text_sha256="0" * 64, text_length=3)]
NEW = [
    a_record(1, title=NASTY),
    a_record(4, text_sha256="0" * 64, text_length=3),
    a_record("javascript:alert(1)", key=None, outcome="invalid_url", status=None),
]


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    return (
        str(write_run(tmp_path / "old.jsonl", OLD)),
        str(write_run(tmp_path / "new.jsonl", NEW)),
    )


def said(*words: str, color: bool = False) -> Result:
    return CliRunner().invoke(diff, list(words), catch_exceptions=False, standalone_mode=False, color=color)


def test_text(runs: tuple[str, str]) -> None:
    old, new = runs
    assert said(old, new).stdout.splitlines() == [
        f"--- {old}",
        f"+++ {new}",
        "~ https://a.example/1",
        r"""    title: "A" -> "<script>alert(1)</script>\u001b[31m\u202e\n\"'" """.rstrip(),
        "> https://a.example/3 -> https://a.example/4",
        "+ javascript:alert(1)",
        "- https://a.example/2",
        "1 new, 1 changed, 0 recovered, 1 moved, 1 gone, 0 unchanged",
    ]


def test_colours_are_for_a_terminal(runs: tuple[str, str]) -> None:
    assert "\x1b[33m~" in said(*runs, color=True).stdout
    assert "\x1b" not in said(*runs).stdout


def test_long_values_are_cut_in_the_text_and_whole_in_the_json(tmp_path: Path) -> None:
    old = str(write_run(tmp_path / "a.jsonl", [a_record(1, title="a" * 5000)]))
    new = str(write_run(tmp_path / "b.jsonl", [a_record(1, title="b" * 5000)]))
    assert max(map(len, said(old, new).stdout.splitlines())) < 500
    assert "b" * 5000 in said(old, new, "--format", "json").stdout


def test_json_is_one_object_a_line(runs: tuple[str, str]) -> None:
    output = said(*runs, "--format", "json").stdout
    assert output.isascii()
    assert [json.loads(line) for line in output.splitlines()] == [
        {
            "status": "changed",
            "url": "https://a.example/1",
            "fields": {"title": {"old": "A", "new": NASTY}},
        },
        {"status": "moved", "url": "https://a.example/4", "moved_from": "https://a.example/3"},
        {"status": "new", "url": "javascript:alert(1)"},
        {"status": "gone", "url": "https://a.example/2"},
        {
            "totals": {
                "new": 1,
                "changed": 1,
                "recovered": 0,
                "moved": 1,
                "gone": 1,
                "unchanged": 0,
            }
        },
    ]


class Page(HTMLParser):
    """What elements and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_html_is_one_page_that_runs_nothing(runs: tuple[str, str]) -> None:
    output = said(*runs, "--format", "html").stdout
    page = Page(output)
    assert "script" not in page.tags
    assert page.links == [f"https://a.example/{n}" for n in (1, 3, 4, 2)]
    assert "default-src 'none'" in output
    assert "javascript:alert(1)" in output
    assert output.endswith("</html>\n")


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_the_exit_code_is_that_of_diff(runs: tuple[str, str], form: str) -> None:
    assert main(["diff", *runs, "--format", form]) == 1
    assert main(["diff", runs[0], runs[0], "--format", form]) == 0
    assert main(["diff", *runs, "--format", form, "--fields", "lang"]) == 1  # there are new pages
    assert main(["diff", runs[0], "nowhere.jsonl", "--format", form]) == 2
    assert main(["diff", *runs, "--format", form, "--fields", "titel"]) == 2
