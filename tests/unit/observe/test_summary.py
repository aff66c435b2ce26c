from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from rich.console import Console

from scraper.observe.counts import Counts
from scraper.observe.events import (
    ChangesKnown,
    Draining,
    Event,
    LinksTaken,
    Redirected,
    RunEnded,
    Sealed,
    Stalled,
    TriedAgain,
)
from scraper.observe.summary import SLOWEST_SHOWN, check_line, print_check, print_summary
from scraper.record import Outcome
from scraper.robots.access import Standing
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import finished, request, robots_known, started, written

if TYPE_CHECKING:
    from scraper.observe.counts import Snapshot

MIB = 1024 * 1024


def _after(*events: Event) -> Snapshot:
    clock = FakeClock()
    counts = Counts(clock=clock)
    for event in events:
        counts.notice(event)
    return counts.snapshot(hosts=SLOWEST_SHOWN)


def _printed(snapshot: Snapshot, *, environ: dict[str, str] | None = None, terminal: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=80,
        force_terminal=terminal,
        color_system="auto" if not terminal else "standard",
        legacy_windows=False,
        _environ=environ or {},
    )
    print_summary(
        console,
        snapshot,
        output="output/pages.jsonl",
        log="output/log.jsonl",
        resume_command="scraper crawl urls.txt -o output/pages.jsonl --resume " + "--delay 1 " * 8,
    )
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _complete() -> Snapshot:
    pages = [finished(n, elapsed_s=0.2, wire_bytes=10_000, size_bytes=50_000) for n in range(1000)]
    slow = finished(1000, host="https://slow.example", elapsed_s=14.0, status=503, outcome=Outcome.HTTP_ERROR)
    dead = finished(
        1001, host="http://dead.example:8080", elapsed_s=60.0, status=None, outcome=Outcome.TIMEOUT
    )
    again = finished(1002, status=None, outcome=Outcome.DUPLICATE, attempts=0)
    return _after(
        started(),
        Sealed(1003),
        TriedAgain(errand=request(), wait_s=1.0),
        Redirected(request()),
        robots_known(),
        robots_known(standing=Standing.UNAVAILABLE, status=404),
        written(*pages, slow, dead, again, output_bytes=3 * MIB),
        RunEnded(complete=True, elapsed_s=61.5),
    )


def test_a_complete_run() -> None:
    assert (
        _printed(_complete())
        == """
Outcome      Records   Share
────────────────────────────
ok             1,000   99.7%
duplicate          1   <0.1%
http_error         1   <0.1%
timeout            1   <0.1%

Status      Records   Share
───────────────────────────
200           1,000   99.7%
503               1   <0.1%
no status         2    0.2%

Slowest hosts              Longest line         Mean   Lines   Failed
─────────────────────────────────────────────────────────────────────
http://dead.example:8080     1 min 00 s   1 min 00 s       1        1
https://slow.example               14 s         14 s       1        1
https://a.example                200 ms       200 ms   1,000        0

1,003 records in 1 min 02 s (16.3/s)
Received 9.5 MiB, 47.7 MiB unpacked; 1 retry, 1 redirect
Answers took: median 200 ms, 95 % 200 ms, 99 % 200 ms, longest 14 s
2 robots.txt files read
Output: output/pages.jsonl (3.0 MiB)
Log: output/log.jsonl
Complete: 1,003 lines in, 1,003 records out."""
    )


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (
            {"new": 3, "changed": 12, "unchanged": 1_000, "gone": 1},
            "3 new, 12 changed, 1,000 unchanged, 1 gone",
        ),
        ({"new": 0, "changed": 0}, "none"),
    ],
)
def test_what_has_become_of_the_pages_is_said(pages: dict[str, int], told: str) -> None:
    text = _printed(_after(started(), ChangesKnown(pages), RunEnded(complete=True, elapsed_s=1.0)))
    assert f"\nPages since the run before: {told}\n" in text
    assert "since the run before" not in _printed(_after(started(), RunEnded(complete=True, elapsed_s=1.0)))


def test_an_incomplete_run_says_how_to_go_on() -> None:
    snapshot = _after(
        started(resumed=True, already_done=40, known=100),
        Sealed(100),
        Draining(reason="SIGINT", deadline_s=30.0),
        Stalled(silent_s=60.0, waits=()),
        written(finished(40), output_bytes=2048),
        RunEnded(complete=False, elapsed_s=3.0),
    )
    assert (
        _printed(snapshot)
        == """
Outcome   Records    Share
──────────────────────────
ok             41   100.0%

Status   Records    Share
─────────────────────────
200           41   100.0%

Slowest hosts       Longest line     Mean   Lines   Failed
──────────────────────────────────────────────────────────
https://a.example         100 ms   100 ms       1        0

1 record in 3.0 s (0.33/s), 40 before it
Received 0 B, 0 B unpacked; 0 retries, 0 redirects
Answers took: median 100 ms, 95 % 100 ms, 99 % 100 ms, longest 100 ms
Stalled 1 time
Stopped: SIGINT
Records so far: output/pages.jsonl (2.0 KiB)
Log: output/log.jsonl
Incomplete: 100 lines in, 41 records out.
To go on: scraper crawl urls.txt -o output/pages.jsonl --resume --delay 1 \
--delay 1 --delay 1 --delay 1 --delay 1 --delay 1 --delay 1 --delay 1"""
    )


def _lines(snapshot: Snapshot, *statements: str) -> list[str]:
    console = Console(file=io.StringIO(), width=120)
    print_summary(console, snapshot, output="o", statements=statements)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_why_robots_files_could_not_be_had_is_said_most_frequent_first() -> None:
    causes = [Outcome.TIMEOUT, Outcome.DNS_ERROR, Outcome.DNS_ERROR, Outcome.CONNECT_ERROR]
    records = [
        finished(n, outcome=Outcome.ROBOTS_UNREACHABLE, cause=cause, status=None)
        for n, cause in enumerate(causes)
    ]
    files = [robots_known(standing=Standing.UNREACHABLE, cause=cause) for cause in causes]
    assert "1 robots.txt read, 4 not to be had (dns_error 2, connect_error 1, timeout 1)" in _lines(
        _after(robots_known(), *files, written(*records))
    )
    # What an interrupted run before this one has asked for is not counted, what came of it is.
    assert "robots_unreachable because of dns_error 2, connect_error 1, timeout 1" in _lines(
        _after(written(*records))
    )


def test_robots_files_that_could_not_be_had_were_not_read() -> None:
    blocked = robots_known(standing=Standing.BLOCKED, cause=Outcome.BLOCKED_ADDRESS)
    lines = _lines(_after(blocked, robots_known(), blocked, robots_known(), blocked, robots_known()))
    assert "3 robots.txt files read, 3 not to be had (blocked_address 3)" in lines
    assert "0 robots.txt files read, 1 not to be had (blocked_address 1)" in _lines(_after(blocked))


@pytest.mark.parametrize("many", [1, 99, 999])
def test_the_causes_fit_the_line_whatever_they_are(many: int) -> None:
    causes = [Outcome.CONNECT_ERROR, Outcome.PROTOCOL_ERROR, Outcome.HTTP_ERROR, Outcome.DISCONNECTED]
    failed = dict.fromkeys([*causes, Outcome.REDIRECT_ERROR, Outcome.DNS_ERROR], many)
    for snapshot in (
        replace(_after(), robots_read=many, robots_failed=failed),
        replace(_after(), by_cause=failed),
    ):
        (line,) = (line for line in _lines(snapshot) if "robots" in line)
        assert len(line) <= 80
        assert "connect_error" in line
        named = sum(cause.value in line for cause in failed)
        assert f"others {(6 - named) * many:,}" in line
    most = replace(_after(), robots_read=123_456, robots_failed=dict.fromkeys(failed, 12_345))
    assert "123,456 robots.txt files read, 74,070 not to be had (connect_error 12,345, ...)" in _lines(most)


def test_what_lies_behind_hosts_that_were_given_up_is_no_matter_of_robots() -> None:
    given_up = finished(outcome=Outcome.HOST_UNAVAILABLE, cause=Outcome.TIMEOUT, status=None)
    assert not any("robots" in line for line in _lines(_after(written(given_up))))


def test_what_is_stated_of_the_run_is_said_line_by_line_and_only_shown() -> None:
    long = "Headers of your own: " + ", ".join(f"X-Header-{number}" for number in range(20))
    lines = _lines(_after(), "robots.txt was [b]ignored[/b]", "a\x1b[2Jb", long)
    at = lines.index("robots.txt was [b]ignored[/b]")
    assert lines[at + 1] == "ab"
    assert lines[at + 2] == long
    assert not any("robots.txt file" in line for line in lines)


def test_nothing_written_is_no_error() -> None:
    snapshot = _after(started(), Sealed(0), RunEnded(complete=True, elapsed_s=0.0))
    assert (
        _printed(snapshot)
        == """
0 records in 0 ms (0.0/s)
Received 0 B, 0 B unpacked; 0 retries, 0 redirects
Output: output/pages.jsonl (0 B)
Log: output/log.jsonl
Complete: 0 lines in, 0 records out."""
    )


@pytest.mark.parametrize(
    ("events", "line"),
    [
        (
            (started(known=10), RunEnded(complete=False, elapsed_s=1.0)),
            "Incomplete: 10 lines read so far, 0 records out; the sources go on.",
        ),
        (
            (started(), Sealed(2), written(finished()), RunEnded(complete=False, elapsed_s=1.0)),
            "Incomplete: 2 lines in, 1 record out.",
        ),
        (
            (started(), Sealed(2), written(finished()), RunEnded(complete=True, elapsed_s=1.0)),
            "MISMATCH: 2 lines in, 1 record out. Please report this.",
        ),
        (
            (started(), Sealed(1), written(finished()), RunEnded(complete=True, elapsed_s=1.0)),
            "Complete: 1 line in, 1 record out.",
        ),
        (
            (
                started(),
                LinksTaken(2),
                Sealed(3),
                written(finished()),
                RunEnded(complete=False, elapsed_s=1.0),
            ),
            "Incomplete: 1 line in and 2 found on the way, 1 record out.",
        ),
    ],
)
def test_the_check_of_lines_and_records(events: tuple[Event, ...], line: str) -> None:
    assert check_line(_after(*events)).plain == line


def test_statuses_are_many_and_the_table_is_short() -> None:
    records = [finished(n, status=200 + n) for n in range(30)]
    lines = _printed(_after(written(*records, finished(status=999), finished(status=None)))).splitlines()
    assert "others           23   71.9%" in lines
    assert "no status         1    3.1%" in lines


def test_every_line_fits_but_the_ones_to_copy() -> None:
    long_host = "https://" + "x" * 200 + ".example"
    lines = _printed(_after(written(finished(host=long_host, elapsed_s=5000.0)))).splitlines()
    assert [line[:10] for line in lines if len(line) > 80] == ["To go on: "]


def test_hostile_host_names_are_only_shown() -> None:
    host = "https://[red]x[/red]\x1b[2J\u202e.example"
    out = _printed(_after(written(finished(host=host))))
    assert "https://[red]x[/red].example" in out
    assert not set("\x1b\u202e") & set(out)


def test_no_colour_where_none_is_wanted() -> None:
    colour = _printed(_complete(), terminal=True)
    none = _printed(_complete(), terminal=True, environ={"NO_COLOR": "1"})
    assert "\x1b[32m" in colour
    assert "\x1b[3" not in none
    assert "\x1b" not in _printed(_complete())


@pytest.mark.parametrize(("blocked", "is_said"), [(2, True), (1, False), (0, False)])
def test_when_most_lines_were_blocked_the_option_is_named(blocked: int, *, is_said: bool) -> None:
    lines = _lines(_with_blocked(blocked))
    assert any("--private allow" in line for line in lines) is is_said


def _with_blocked(blocked: int) -> Snapshot:
    outcomes = [Outcome.BLOCKED_ADDRESS] * blocked + [Outcome.OK] * (3 - blocked)
    records = [finished(n, outcome=outcome) for n, outcome in enumerate(outcomes)]
    return _after(started(), written(*records), Sealed(3), RunEnded(complete=True, elapsed_s=1.0))


@pytest.mark.parametrize(
    ("private", "remedy"),
    [
        (
            "listed",
            (
                ": put those hosts into the list (as 127.0.0.1, not 127.1);"
                " --private allow asks whatever pages name"
            ),
        ),
        ("deny", " (--private deny): --private listed asks those that your list names"),
        ("allow", None),
    ],
)
def test_the_remedy_for_blocked_lines_is_that_of_the_policy(private: str, remedy: str | None) -> None:
    said = [line for line in _checked(_with_blocked(3), private=private) if "private" in line]
    assert said == ([f"Most lines were refused for their private addresses{remedy}"] if remedy else [])


def _checked(snapshot: Snapshot, *statements: str, private: str = "listed") -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    print_check(console, snapshot, statements=statements, private=private)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_beside_records_on_standard_output_only_what_must_be_known_is_said() -> None:
    invalid = _after(
        started(),
        Sealed(1),
        written(finished(outcome=Outcome.INVALID_URL)),
        RunEnded(complete=True, elapsed_s=1.0),
    )
    assert _checked(invalid, "robots.txt was ignored (--robots ignore)") == [
        "robots.txt was ignored (--robots ignore)",
        "Complete: 1 line in, 1 record out.",
        "No line was a URL: are --format and --column right?",
    ]


def test_it_ends_with_what_makes_sense_next() -> None:
    console = Console(file=io.StringIO(), width=20)
    print_summary(
        console, _complete(), output=None, next_commands=["scraper show a.jsonl --where 'x'", "b\x1b[31m"]
    )
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.endswith("Next:\n  scraper show a.jsonl --where 'x'\n  b\n")
    assert "Output" not in text
