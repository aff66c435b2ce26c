"""``scraper retry``: what is chosen, how the answers come into the run, and what a kill leaves to be done."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import scraper.cli.retry as command
from scraper.cli.exits import Exit
from scraper.cli.main import main
from scraper.frontier.rows import Line, request_of
from scraper.frontier.scope import Scope
from scraper.retrying.choice import Candidate, Choice
from scraper.run.files import Mode, RunFiles
from scraper.run.results import raw_records
from scraper.settings.model import FollowSettings
from tests.support.runs import a_record, write_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scraper.cli.running import Talk
    from scraper.messages import Seed
    from scraper.settings.model import Settings
    from scraper.sources.source import Source

DEAD: dict[str, Any] = {"outcome": "timeout", "status": None, "retryable": True}
RUN = [
    a_record(4, title="old 4"),
    a_record(0, **DEAD, extra={"shop": "north"}),
    a_record(
        2, outcome="http_error", status=503, retryable=True, parent=0, depth=3, input="HTTPS://a.example/2"
    ),
    a_record(1, outcome="http_error", status=404),
    a_record(0, seq=3, outcome="duplicate", status=None, duplicate_of=0),
]
CHANGED = {1: 0, 2: 2}
"""What is retryable: its place in the file, and its seq."""


class Killed(BaseException):
    """The process is gone."""


class Answers:
    """In place of a run: answers the list from its end to its beginning, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seeds: list[Seed] = []
        self.modes: list[Mode] = []
        self.settings: Settings
        self.code: Exit = Exit.COMPLETE
        self.change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda records: records[::-1]

    async def run(
        self, sources: Sequence[Source], files: RunFiles, *, settings: Settings, mode: Mode, talk: Talk
    ) -> Exit:
        self.seeds = [seed for source in sources for seed in source.open_seeds()]
        self.modes.append(mode)
        self.settings = settings
        assert talk.output is not None
        records = [
            a_record(seed.input, seq=seq, run="r2", title="anew", extra=seed.extra or {})
            for seq, seed in enumerate(self.seeds)
        ]
        if self.code is Exit.COMPLETE:
            write_run(files.journal, self.change(records))
            files.state.unlink(missing_ok=True)
        else:
            files.state.touch()
        return self.code


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(command, "run_and_show", answers.run)
    return answers


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "pages.jsonl", RUN)


def records_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def has_superseded(path: Path, *, before: bytes) -> bool:
    """Whether a file is the run with what is retryable answered anew, and all else as it was to the byte."""
    was, now = before.splitlines(), list(raw_records(path))
    others = [at for at in range(len(RUN)) if at not in CHANGED]
    return [was[at] for at in others] == [now[at] for at in others] and [
        (record["title"], record["seq"], record["run"])
        for record in map(json.loads, now)
        if "title" in record
    ] == [("old 4", 4, "r1"), *(("anew", seq, "r2") for seq in CHANGED.values())]


def test_answers_take_the_place_of_the_old_records(run: Path, answers: Answers) -> None:
    before = run.read_bytes()
    assert main(["retry", str(run), "-q"]) == 0
    assert has_superseded(run, before=before)
    kept = ("seq", "input", "extra", "parent", "depth")
    for at in CHANGED:
        record = records_of(run)[at]
        assert {name: record[name] for name in kept} == {name: RUN[at][name] for name in kept}
    assert run.with_name("pages.jsonl.before").read_bytes() == before
    assert sorted(path.name for path in run.parent.iterdir()) == ["pages.jsonl", "pages.jsonl.before"]
    assert [seed.extra for seed in answers.seeds] == [{"shop": "north"}, None]


def test_an_output_of_its_own_leaves_the_run_alone(run: Path, answers: Answers) -> None:
    before = run.read_bytes()
    output = run.with_name("better.json")
    words = ["retry", str(run), "-o", str(output), "-q"]
    assert main(words) == 0
    assert run.read_bytes() == before
    assert [record["seq"] for record in json.loads(output.read_text())] == [4, 0, 2, 1, 3]
    assert sorted(path.name for path in run.parent.iterdir()) == ["better.json", "pages.jsonl"]
    assert main(words) == 2
    assert main([*words, "--resume"]) == 0
    assert main([*words, "--fresh"]) == 0
    assert answers.modes == [Mode.FRESH, Mode.FRESH]


@pytest.mark.parametrize("name", ["pages.json", "laid_out.json"])
def test_an_array_stays_one(tmp_path: Path, answers: Answers, name: str) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(RUN, indent=2 if name.startswith("laid") else None))
    assert main(["retry", str(path), "-q"]) == 0
    records = json.loads(path.read_text())
    assert [record["run"] for record in records] == ["r1", "r2", "r2", "r1", "r1"]
    assert records[0] == RUN[0]


def test_nothing_to_ask_again(tmp_path: Path, answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "pages.jsonl", RUN[:1])
    assert main(["retry", str(run)]) == 0
    assert "nothing to ask again, no record is retryable" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pages.jsonl"]
    assert main(["retry", str(run), "-o", str(tmp_path / "copy.jsonl"), "-q"]) == 0
    assert (tmp_path / "copy.jsonl").read_bytes() == run.read_bytes()
    assert answers.modes == []


@pytest.mark.parametrize(
    ("outcomes", "statuses", "seqs"),
    [
        ((), (), [0, 2]),
        (("timeout",), (), [0]),
        (("http_error",), (), [2, 1]),
        ((), ("404",), [1]),
        ((), ("5xx",), [2]),
        ((), ("4xx", "503"), [2, 1]),
        (("timeout",), ("4xx",), [0, 1]),
        (("dns_error",), (), []),
    ],
)
def test_what_is_chosen(outcomes: tuple[Any, ...], statuses: tuple[str, ...], seqs: list[int]) -> None:
    choice = Choice(outcomes=outcomes, statuses=statuses)
    found = [msgspec.convert(record, Candidate) for record in RUN]
    assert [record.seq for record in found if choice.takes(record)] == seqs


def test_links_are_not_followed_and_lines_not_filtered(run: Path, answers: Answers) -> None:
    words = ["--set", "follow.depth=3", "--set", "follow.exclude=.", "--timeout", "7"]
    assert main(["retry", str(run), "-q", *words]) == 0
    assert answers.settings.follow == FollowSettings()
    assert answers.settings.fetch.total_s == 7


def test_sitemaps_are_left_out(tmp_path: Path, answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    sitemap = a_record(1, **DEAD, input="sitemap:https://a.example/1")
    run = write_run(tmp_path / "pages.jsonl", [sitemap, a_record(2, **DEAD)])
    assert main(["retry", str(run)]) == 0
    assert "Left out: 1 sitemaps" in capsys.readouterr().err
    assert [seed.input for seed in answers.seeds] == ["https://a.example/2"]
    assert records_of(run)[0] == sitemap


LISTED = a_record("http://10.0.0.1:8000/")
ODD = a_record("http://10.0.0.3/", input="http://0x0a000003/")


@pytest.mark.parametrize(
    ("url", "is_found"),
    [
        ("http://10.0.0.1:8000/x", False),
        ("http://10.0.0.1/x", True),
        ("https://10.0.0.1:8000/x", True),
        ("http://10.0.0.2:8000/x", True),
        ("http://10.0.0.3/x", True),  # the list has an odd spelling, which lists nobody
    ],
)
def test_a_link_that_was_found_does_not_become_the_users_own(
    tmp_path: Path, answers: Answers, url: str, *, is_found: bool
) -> None:
    run = write_run(tmp_path / "pages.jsonl", [a_record(url, **DEAD, parent=0, depth=1), LISTED, ODD])
    assert main(["retry", str(run), "-q"]) == 0
    (seed,) = answers.seeds
    assert seed.is_found is is_found
    line = Line.of(0, seed, Scope(FollowSettings()))
    assert line.lists_host is not is_found
    assert request_of(1, 0, line.row({})).is_trusted is not is_found


def crash_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Let the process die before the change of that number to the files beside the run, counted from 0."""
    left = [number]

    def wrapped(change: Callable[..., Any]) -> Callable[..., Any]:
        def checked(path: Path, *words: Any, **options: Any) -> Any:
            if "pages.jsonl" in path.name and not path.name.endswith(".lock"):
                left[0] -= 1
                if left[0] == -1:
                    raise Killed
            return change(path, *words, **options)

        return checked

    for name in ("unlink", "replace", "hardlink_to"):
        monkeypatch.setattr(Path, name, wrapped(getattr(Path, name)))
    return lambda: left[0] < 0


@pytest.mark.parametrize("name", ["pages.jsonl", "better-pages.jsonl", "better-pages.jsonl.json"])
def test_a_kill_at_any_step_leaves_what_can_be_gone_on_with(run: Path, answers: Answers, name: str) -> None:
    before = run.read_bytes()
    output = run.with_name(name)
    words = ["retry", str(run), "-q", *([] if output == run else ["-o", str(output)])]
    steps = 0
    while True:
        for path in run.parent.iterdir():
            path.unlink()
        run.write_bytes(before)
        with pytest.MonkeyPatch.context() as patch:
            has_crashed = crash_at(steps, patch)
            with contextlib.suppress(Killed):
                main(words)
            if not has_crashed():
                break
        now = output.read_bytes() if output.exists() else None
        assert now in {None, before} or has_superseded(output, before=before), "the output is torn"
        assert main([*words, "--resume"]) == 0, steps
        assert has_superseded(output, before=before), steps
        left = {path.name for path in run.parent.iterdir()}
        assert left <= {"pages.jsonl", "pages.jsonl.before", output.name}, steps
        steps += 1
    assert steps > 8


def test_a_stopped_retry_goes_on_and_keeps_its_choice(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run.read_bytes()
    answers.code = Exit.INTERRUPTED
    assert main(["retry", str(run), "-q"]) == 130
    assert run.read_bytes() == before
    answers.code = Exit.COMPLETE
    for words, told in (
        ([], "go on with --resume, or start over with --fresh"),
        (["--resume", "--outcome", "dns_error"], "asks again for those that are retryable"),
    ):
        assert main(["retry", str(run), "-q", *words]) == 2
        assert told in capsys.readouterr().err
    assert main(["retry", str(run), "-q", "--resume"]) == 0
    assert answers.modes == [Mode.FRESH, Mode.RESUME]
    assert has_superseded(run, before=before)


def test_a_run_that_has_changed_is_not_merged_into(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.code = Exit.INTERRUPTED
    main(["retry", str(run), "-q"])
    answers.code = Exit.COMPLETE
    other = write_run(run, [a_record(7, **DEAD)]).read_bytes()
    assert main(["retry", str(run), "-q", "--resume"]) == 2
    assert "is not the run that the retry began with" in capsys.readouterr().err
    assert run.read_bytes() == other
    assert main(["retry", str(run), "-q", "--fresh"]) == 0
    assert [record["title"] for record in records_of(run)] == ["anew"]


@pytest.mark.parametrize(
    ("spoilt", "told"), [(0, "pages.jsonl.retry.list is damaged"), (1, "no list of what to ask for again")]
)
def test_a_damaged_list_is_told(
    run: Path, answers: Answers, spoilt: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.code = Exit.INTERRUPTED
    main(["retry", str(run), "-q"])
    listed = run.with_name("pages.jsonl.retry.list")
    lines = listed.read_bytes().splitlines(keepends=True)
    listed.write_bytes(b"".join([*lines[:spoilt], b"nonsense\n", *lines[spoilt + 1 :]]))
    before = run.read_bytes()
    assert main(["retry", str(run), "-q", "--resume"]) == 2
    assert told in capsys.readouterr().err
    assert run.read_bytes() == before


def test_what_was_written_after_the_end_is_not_replaced(
    run: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(_files: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(command, "take_place", killed)
        with pytest.raises(Killed):
            main(["retry", str(run), "-q"])
    merged = run.with_name("pages.jsonl.retry.merged")
    shutil.copy(run, run.with_name("copy"))
    os.utime(run, ns=(0, merged.stat().st_mtime_ns + 1))
    assert main(["retry", str(run), "-q", "--resume"]) == 2
    assert "was written to since" in capsys.readouterr().err
    assert run.read_bytes() == run.with_name("copy").read_bytes()


def test_what_was_merged_before_a_fresh_start_is_forgotten(
    run: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_files: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(command, "take_place", killed)
        with pytest.raises(Killed):
            main(["retry", str(run), "-q"])
    answers.code = Exit.INTERRUPTED
    assert main(["retry", str(run), "-q", "--fresh", "--status", "404"]) == 130
    answers.code = Exit.COMPLETE
    assert main(["retry", str(run), "-q", "--resume"]) == 0
    assert [record["run"] for record in records_of(run)] == ["r1", "r1", "r1", "r2", "r1"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_a_link_stays_one_and_the_mode_is_kept(run: Path, answers: Answers, tmp_path: Path) -> None:
    run.chmod(0o600)
    link = tmp_path / "link.jsonl"
    link.symlink_to(run)
    before = run.read_bytes()
    assert main(["retry", str(link), "-q"]) == 0
    assert link.is_symlink()
    assert has_superseded(run, before=before)
    assert run.stat().st_mode & 0o777 == 0o600


def test_where_no_second_name_can_be_given_the_old_records_are_copied(
    run: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: Path, _other: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refused)
    before = run.read_bytes()
    assert main(["retry", str(run), "-q"]) == 0
    assert run.with_name("pages.jsonl.before").read_bytes() == before
    assert has_superseded(run, before=before)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--outcome", "timeot"], "--outcome 'timeot' is none: blocked_address, "),
        (["--outcome", "duplicate"], "answered by its first line"),
        (["--outcome", ","], "--outcome is empty"),
        (["--status", "5x"], "--status '5x' is none"),
        (["--resume", "--fresh"], "give one of them"),
        (["-o", "better.txt"], "the ending names the format"),
        (["--depth", "2"], "No such option"),
    ],
)
def test_a_mistake_is_one_line(
    run: Path, answers: Answers, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retry", str(run), *words]) == 2
    captured = capsys.readouterr().err
    assert told in captured
    assert captured.count("\n") == 1
    assert [path.name for path in run.parent.iterdir()] == ["pages.jsonl"]


def test_an_unfinished_run_is_not_retried(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    run.with_name("pages.jsonl.state").touch()
    assert main(["retry", str(run)]) == 2
    assert "is not finished" in capsys.readouterr().err


def test_what_can_not_be_written_needs_an_output(
    tmp_path: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "pages.jsonl.gz"
    packed.write_bytes(gzip.compress(b"".join(json.dumps(record).encode() + b"\n" for record in RUN)))
    assert main(["retry", str(packed), "-q"]) == 2
    assert "name an output, -o FILE.jsonl" in capsys.readouterr().err
    assert main(["retry", str(packed), "-q", "-o", str(tmp_path / "new.jsonl")]) == 0
    assert [record["run"] for record in records_of(tmp_path / "new.jsonl")] == ["r1", "r2", "r2", "r1", "r1"]


def test_a_duplicate_among_what_is_asked_again_names_the_old_seq(run: Path, answers: Answers) -> None:
    answers.change = lambda records: [{**one, "duplicate_of": None if one["seq"] else 1} for one in records]
    assert main(["retry", str(run), "-q"]) == 0
    assert [record["duplicate_of"] for record in records_of(run)] == [None, 2, None, None, 0]


def test_a_lacking_answer_is_a_bug_and_changes_nothing(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run.read_bytes()
    answers.change = lambda records: records[:1] * 2
    assert main(["retry", str(run), "-q"]) == 1
    assert "lacks an answer" in capsys.readouterr().err
    assert run.read_bytes() == before
