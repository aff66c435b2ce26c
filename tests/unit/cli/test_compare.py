"""What ``scraper compare`` prints, and what it changes of the settings."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli import main as program
from scraper.cli.compare import Finding, FindingsJournal, TimedVisitor, finding_line, pass_settings
from scraper.cli.exits import Exit
from scraper.messages import Hop, Request
from scraper.record import Outcome
from scraper.settings.load import load
from scraper.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from scraper.messages import Verdict


@pytest.mark.parametrize(
    ("outcome", "status", "size", "told"),
    [
        (Outcome.OK, 200, 5120, "https://a.example/x: 200 (5120 bytes, 0.250 s)"),
        (Outcome.OK, 204, None, "https://a.example/x: 204 (0 bytes, 0.250 s)"),
        (Outcome.HTTP_ERROR, 404, 9, "https://a.example/x: 404 (9 bytes, 0.250 s)"),
        (Outcome.TIMEOUT, None, None, "https://a.example/x: timeout (0.250 s)"),
        (Outcome.TOO_LARGE, 200, 99, "https://a.example/x: too_large (0.250 s)"),
        (Outcome.REDIRECT_ERROR, 302, 0, "https://a.example/x: redirect_error (0.250 s)"),
    ],
)
def test_a_page_is_one_line(outcome: Outcome, status: int | None, size: int | None, told: str) -> None:
    finding = Finding(0, "a.example/x", "https://a.example/x", outcome, status, size)
    assert finding_line(finding, took_s=0.25) == told


@given(st.text())
def test_no_line_of_a_list_commands_the_terminal(text: str) -> None:
    line = finding_line(Finding(0, text, None, Outcome.INVALID_URL), took_s=0.0)
    assert line.endswith(": invalid_url (0.000 s)")
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cs"}


def test_a_long_line_is_cut() -> None:
    assert len(finding_line(Finding(0, "x" * 10**6, None, Outcome.INVALID_URL), took_s=0.0)) < 600


@pytest.mark.parametrize(
    ("assignments", "delay_s", "retries", "batch_s"),
    [
        ((), 0.0, 0, 0.01),
        (("politeness.delay_s=0.2",), 0.2, 0, 0.01),
        (("retry.retries=1",), 0.0, 1, 0.01),
        (("output.batch_s=1",), 0.0, 0, 1.0),
    ],
)
def test_our_own_waits_are_left_out_unless_they_were_set(
    assignments: tuple[str, ...], delay_s: float, retries: int, batch_s: float
) -> None:
    loaded = load(None, environment={}, assignments=assignments, flags=())
    for workers in (1, None):
        settings = pass_settings(loaded, workers=workers)
        assert settings.politeness.delay_s == delay_s
        assert settings.retry.retries == retries
        assert settings.output.batch_s == batch_s


def test_the_first_pass_has_one_worker_and_the_second_what_was_set() -> None:
    loaded = load(None, environment={}, assignments=("run.workers=9", "politeness.per_host=7"), flags=())
    for workers, expected in ((1, (1, 1)), (None, (9, 7))):
        settings = pass_settings(loaded, workers=workers)
        assert (settings.run.workers, settings.politeness.per_host) == expected
    one, many = pass_settings(loaded, workers=1), pass_settings(loaded, workers=None)
    assert msgspec.structs.replace(one, run=many.run, politeness=many.politeness) == many


async def test_the_journal_prints_counts_and_keeps_the_order_of_the_list(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    took_s = {0: 1.0, 1: 2.0, 2: 3.0}
    journal = FindingsJournal(took_s=took_s, keep=True)
    findings = [
        Finding(1, "b", "https://b.example/", Outcome.OK, 200, 10),
        Finding(0, "a", "https://a.example/", Outcome.DNS_ERROR),
    ]
    printed = await journal.append([msgspec.json.encode(finding) + b"\n" for finding in findings])
    out = capfdbinary.readouterr().out
    assert out.decode().splitlines() == [
        "https://b.example/: 200 (10 bytes, 2.000 s)",
        "https://a.example/: dns_error (1.000 s)",
    ]
    assert (printed, journal.records, journal.failed) == (len(out), 2, 1)
    assert journal.lines == ["a", "b"]
    assert took_s == {2: 3.0}


class _Clock:
    """A clock that is a second further at each look."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def monotonic(self) -> float:
        self._now_s += 1.0
        return self._now_s

    def utc(self) -> datetime:
        raise NotImplementedError


class _Hopping(Visitor):
    def __init__(self) -> None:
        self.departed = 0

    async def visit(self, request: Request, *, departs: Callable[[], None]) -> Verdict:
        departs()
        self.departed += 1
        return Hop(request)


async def test_the_times_of_hops_add_up() -> None:
    took_s: dict[int, float] = {}
    inner = _Hopping()
    timed = TimedVisitor(inner, took_s=took_s, clock=_Clock())
    request = Request(seq=4, input="x", url="http://x/", target="http://x/", host="x", home=1)
    for _ in range(3):
        assert await timed.visit(request, departs=lambda: None) == Hop(request)
    assert inner.departed == 3
    assert took_s == {4: 3.0}


def test_an_empty_list_is_the_users_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "empty.txt"
    listed.write_text("# nothing\n")
    assert program.main(["compare", str(listed)]) == Exit.USAGE
    assert capsys.readouterr().err.splitlines()[-1] == (
        "scraper: the list is empty: there is nothing to compare"
    )


def test_no_source_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["compare"]) == Exit.USAGE
    assert "SOURCE" in capsys.readouterr().err
