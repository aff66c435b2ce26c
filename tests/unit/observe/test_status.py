from __future__ import annotations

import pytest

from scraper.observe.counts import Counts
from scraper.observe.events import Aborting, Admitted, ChildDied, Draining, Event, Sealed, Stalled
from scraper.observe.status import HostsWaiting, event_lines, status_line
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import batch, request, started

WAITING = HostsWaiting(ready=3, held=61, in_memory=64)


def test_while_the_sources_are_read_the_line_says_so() -> None:
    clock = FakeClock()
    counts = Counts(clock=clock)
    counts.notice(started())
    counts.notice(Admitted(5000))
    clock.move(2)
    counts.notice(batch(100))
    assert status_line(counts.snapshot(), waiting=WAITING) == (
        "100 of 5,000+ done, 0 failed, 50.0/s, hosts: 3 ready, 61 held, 64 in memory, "
        "at least 1 min 38 s left"
    )


def test_while_a_file_is_read_the_line_says_how_much_of_it_was() -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(started())
    counts.notice(Admitted(5000, share=0.344))
    line = status_line(counts.snapshot(), waiting=WAITING)
    assert line.startswith("0 of 5,000+ done, 0 failed, 0.0/s, list 34% read, hosts: 3 ready")
    counts.notice(Sealed(5000))
    assert "list" not in status_line(counts.snapshot(), waiting=WAITING)


@pytest.mark.parametrize(
    ("least_s", "left"), [(0.0, "about 9 s left"), (3600.0, "longest a.example, about 1 h 00 min left")]
)
def test_no_estimate_goes_below_what_politeness_allows(least_s: float, left: str) -> None:
    clock = FakeClock()
    counts = Counts(clock=clock)
    counts.notice(started())
    counts.notice(Sealed(1000))
    clock.move(1)
    counts.notice(batch(100))
    waiting = HostsWaiting(ready=0, held=1, in_memory=1, least_s=least_s, longest_host="a.example")
    line = status_line(counts.snapshot(), waiting=waiting)
    assert line.endswith(f"hosts: 0 ready, 1 held, 1 in memory, {left}")
    counts.notice(Draining(reason="SIGINT", deadline_s=30.0))
    line = status_line(counts.snapshot(), waiting=waiting)
    assert line.endswith("hosts: 0 ready, 1 held, 1 in memory, stopping"), (
        "what is left waits for another time"
    )


def test_an_unknown_time_is_called_unknown() -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(Sealed(1000))
    assert status_line(counts.snapshot(), waiting=WAITING).endswith("time left unknown")


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (started(), ()),
        (
            started(resumed=True, already_done=5, known=9),
            ("Resumed: 5 of 9 known lines were done before.",),
        ),
        (
            Stalled(silent_s=60.0, waits=("https://a.example\x1b[2J: held [red]30 s[/red]",)),
            (
                "No page was finished for 1 min 00 s. Waiting for:",
                "  https://a.example: held [red]30 s[/red]",
            ),
        ),
        (
            Draining(reason="SIGINT\x07", deadline_s=30.0),
            ("Stopping (SIGINT): nothing new is started; what is under way has 30 s to finish.",),
        ),
        (Aborting(reason="SIGINT again"), ("Aborting (SIGINT again): what is under way is given up.",)),
        (Admitted(5), ()),
        (
            ChildDied(name="p", cause="was killed by SIGPROF", culprit=request(), others=2, stalled=True),
            (
                (
                    "https://b.example/next took longer than parse.deadline_s: given up;"
                    " its child process is replaced."
                ),
            ),
        ),
        (
            ChildDied(name="p", cause="was killed by SIGSEGV", culprit=request(), others=2, stalled=False),
            ("A child process was killed by SIGSEGV at https://b.example/next and is replaced.",),
        ),
        (
            ChildDied(name="p", cause="did not answer any more", culprit=None, others=1, stalled=True),
            ("A child process did not answer any more and is replaced; 1 page goes again.",),
        ),
    ],
)
def test_what_people_are_told(event: Event, lines: tuple[str, ...]) -> None:
    assert event_lines(event) == lines


def test_many_waits_are_cut_and_counted() -> None:
    lines = event_lines(Stalled(silent_s=60.0, waits=tuple(f"worker {n}" for n in range(64))))
    assert len(lines) == 14
    assert lines[-1] == "  and 52 more"


def test_secrets_in_what_is_waited_for_are_not_shown() -> None:
    event = Stalled(silent_s=60.0, waits=("https://u:hidden@a.example/?to\u200bken=hidden",))
    assert "hidden" not in "".join(event_lines(event))
