from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scraper.errors import UsageError
from scraper.observe.events import (
    Aborting,
    Admitted,
    ChangesKnown,
    ChildDied,
    Draining,
    Event,
    LinksTaken,
    Redirected,
    RunEnded,
    Sealed,
    Stalled,
    TriedAgain,
)
from scraper.observe.log import JsonLog, LogLine
from scraper.record import Outcome, Redirect, Try
from scraper.robots.access import Standing
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import (
    batch,
    finished,
    request,
    robots_known,
    robots_request,
    started,
    written,
)

HOP = Redirect(url="https://a.example/", status=301, location="/next", elapsed_s=0.25)
FAILED = Try(at="2026-01-31T09:30:00.000Z", status=503, error="http_error")
EVERY_EVENT: list[Event] = [
    started(resumed=True, already_done=5, known=9),
    Sealed(9),
    TriedAgain(errand=request(tries=(FAILED,)), wait_s=1.5),
    Redirected(request(redirects=(HOP,))),
    robots_known(),
    Stalled(silent_s=60.0, waits=("worker 1: a", "worker 2: b")),
    written(
        finished(3), finished(4, url="no url", host="", outcome=Outcome.INVALID_URL, status=None, attempts=0)
    ),
    Draining(reason="SIGINT", deadline_s=30.0),
    Aborting(reason="SIGINT again"),
    ChangesKnown({"new": 3, "gone": 0}),
    RunEnded(complete=False, elapsed_s=12.5),
]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def _log(path: Path, *, reports: list[str] | None = None) -> JsonLog:
    return JsonLog(path, clock=FakeClock(), report=(reports if reports is not None else []).append)


def _logged(path: Path, *events: Event) -> list[dict[str, Any]]:
    log = _log(path)
    for event in events:
        log.notice(event)
    log.close()
    return _lines(path)


def test_each_event_is_one_object_with_the_same_keys(tmp_path: Path) -> None:
    lines = _logged(tmp_path / "log", *EVERY_EVENT)
    assert all(list(line) == list(LogLine.__struct_fields__) for line in lines)
    assert {line["time"] for line in lines} == {"2026-01-31T09:30:00.000Z"}
    assert {line["run"] for line in lines} == {"r1"}
    assert [line["event"] for line in lines] == [
        *("started", "sealed", "tried_again", "redirected", "robots", "stalled", "written", "written"),
        *("draining", "aborting", "changes", "ended"),
    ]


def test_what_the_lines_say(tmp_path: Path) -> None:
    said = [
        {key: value for key, value in line.items() if value is not None and key not in {"time", "run"}}
        for line in _logged(tmp_path / "log", *EVERY_EVENT)
    ]
    assert said[0] == {"event": "started", "reason": "resumed: 5 of 9 known lines done"}
    assert said[2] == {
        "event": "tried_again",
        "seq": 7,
        "url": "https://b.example/next",
        "host": "https://b.example",
        "outcome": "http_error",
        "status": 503,
        "attempts": 1,
        "reason": "again in 1.50 s",
    }
    assert said[3] == {
        "event": "redirected",
        "seq": 7,
        "url": "https://a.example/",
        "host": "https://b.example",
        "status": 301,
        "attempts": 0,
        "elapsed_s": 0.25,
        "reason": "to https://b.example/next",
    }
    assert said[4] == {
        "event": "robots",
        "url": "https://b.example/robots.txt",
        "status": 200,
        "reason": "rules",
    }
    assert said[5] == {"event": "stalled", "elapsed_s": 60.0, "reason": "worker 1: a; worker 2: b"}
    assert said[6] == {
        "event": "written",
        "seq": 3,
        "url": "https://a.example/",
        "host": "https://a.example",
        "outcome": "ok",
        "status": 200,
        "attempts": 1,
        "elapsed_s": 0.1,
    }
    assert said[-1] == {"event": "ended", "elapsed_s": 12.5, "reason": "incomplete"}


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hidden@a.example/",
        "https://a.example/?token=hidden",
        "https://a.example/?to\u200bken=hidden",
        "https://a.example/?to\x1b[0mken=hidden",
    ],
)
def test_secrets_are_not_logged(tmp_path: Path, url: str) -> None:
    path = tmp_path / "log"
    stalled = Stalled(silent_s=1.0, waits=(f"worker 1: {url}",))
    _logged(path, written(finished(url=url)), Redirected(request(target=url)), stalled)
    assert b"hidden" not in path.read_bytes()


def test_a_hostile_line_is_one_harmless_line(tmp_path: Path) -> None:
    (line,) = _logged(
        tmp_path / "log", written(finished(url="a\n\x1b[2J\x9b\ud800\u202eb" + "x" * 9000, host="\udcff"))
    )
    assert line["url"].startswith("a bxxx")
    assert len(line["url"]) == 2000
    assert line["host"] is None


def test_retries_wait_for_the_next_batch_and_all_goes_out_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write = os.write

    def spy(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return write(fd, data)

    log = _log(tmp_path / "log")
    monkeypatch.setattr(os, "write", spy)
    again = TriedAgain(errand=request(), wait_s=1.0)
    for _ in range(10):
        log.notice(again)
    assert sizes == []
    log.notice(batch(256))
    assert len(sizes) == 1
    for _ in range(1000):
        log.notice(again)
    assert len(sizes) > 1  # memory does not grow while nothing is written
    log.close()
    assert len(_lines(tmp_path / "log")) == 1266


def test_lines_that_are_only_taken_in_are_not_logged(tmp_path: Path) -> None:
    assert _logged(tmp_path / "log", Admitted(5), LinksTaken(5)) == []


def test_what_happens_to_a_robots_request_has_no_line_number(tmp_path: Path) -> None:
    again, onward = _logged(
        tmp_path / "log",
        TriedAgain(errand=robots_request(tries=(FAILED,)), wait_s=1.5),
        Redirected(robots_request(redirects=(HOP,))),
    )
    assert (again["event"], again["seq"], again["url"]) == (
        "tried_again",
        None,
        "https://b.example/robots.txt",
    )
    assert (onward["event"], onward["seq"], onward["url"]) == ("redirected", None, "https://a.example/")


@pytest.mark.parametrize(("count", "lines"), [(1, "1 line"), (1234, "1,234 lines")])
def test_lines_are_counted_in_words(tmp_path: Path, count: int, lines: str) -> None:
    (sealed,) = _logged(tmp_path / "log", Sealed(count))
    assert sealed["reason"] == lines


@pytest.mark.parametrize(
    ("stalled", "others", "reason"),
    [
        (False, 2, "p was killed by SIGSEGV; 2 visits go again"),
        (True, 1, "p was killed by SIGSEGV, at it for longer than parse.deadline_s; 1 visit goes again"),
    ],
)
def test_a_child_that_died_says_of_what(tmp_path: Path, *, stalled: bool, others: int, reason: str) -> None:
    event = ChildDied(
        name="p", cause="was killed by SIGSEGV", culprit=request(), others=others, stalled=stalled
    )
    (died,) = _logged(tmp_path / "log", event)
    assert (died["url"], died["reason"]) == ("https://b.example/next", reason)


def test_a_request_that_a_dead_connection_swallowed_is_told_as_that(tmp_path: Path) -> None:
    (line,) = _logged(tmp_path / "log", TriedAgain(errand=request(is_anew=True), wait_s=0.0))
    assert (line["event"], line["attempts"], line["outcome"]) == ("tried_again", 0, None)
    assert line["reason"] == "the kept connection had died"


def test_a_robots_file_that_could_not_be_had_says_why(tmp_path: Path) -> None:
    (line,) = _logged(
        tmp_path / "log",
        robots_known(
            standing=Standing.UNREACHABLE,
            status=None,
            cause=Outcome.DNS_ERROR,
            message="robots.txt: no\x1b[2J such\nname",
        ),
    )
    assert (line["status"], line["outcome"]) == (None, "dns_error")
    assert line["reason"] == "robots.txt: no such name"


def test_the_file_is_for_its_owner_and_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    _logged(path, started())
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(_logged(path, started())) == 2


def test_a_torn_last_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"time":"2026')
    log = _log(path)
    log.notice(started())
    log.close()
    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"time":"2026'
    assert msgspec.json.decode(whole)["event"] == "started"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Is a directory"),
        ("no/such/log", "No such file or directory"),
        ("a\x00b", "embedded null (byte|character)"),
    ],
)
def test_a_log_that_cannot_be_opened_is_the_users_to_mend(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        _log(tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1


def test_a_full_disk_ends_the_log_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[str] = []
    path = tmp_path / "log"
    log = _log(path, reports=reports)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), fd, len(data))

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        log.notice(batch(2))
    log.close()
    assert reports == [f"{path}: the log can't be written and ends here: No space left on device"]


def test_a_real_full_device() -> None:
    reports: list[str] = []
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    log = _log(full, reports=reports)
    log.notice(batch(2))
    log.notice(batch(2))
    assert len(reports) == 1


def test_a_short_write_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    assert len(_logged(tmp_path / "log", batch(3))) == 3


def test_closing_again_is_harmless(tmp_path: Path) -> None:
    log = _log(tmp_path / "log")
    log.close()
    log.close()
    log.notice(started())
    assert _lines(tmp_path / "log") == []
