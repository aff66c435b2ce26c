from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from scraper.observe.counts import Counts
from scraper.observe.display import TalkConsole, progress_display, stderr_console
from scraper.observe.events import Admitted, Draining, Observers, RunEnded, Sealed, Stalled
from scraper.observe.no_display import NoDisplay
from scraper.observe.plain import PlainProgress
from scraper.observe.progress import TerminalProgress
from scraper.observe.status import HostsWaiting
from scraper.record import Outcome
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import batch, finished, started, written


def _waiting() -> HostsWaiting:
    return HostsWaiting(ready=12, held=52, in_memory=64)


def _console(*, terminal: bool = True, markup: bool = False) -> TalkConsole:
    return TalkConsole(
        file=io.StringIO(),
        force_terminal=terminal,
        width=80,
        height=24,
        color_system=None,
        markup=markup,
        emoji=markup,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )


def _written_to(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Bench:
    """A run with a display on a terminal that is a string."""

    def __init__(self, *, markup: bool = False) -> None:
        self.clock = FakeClock()
        self.console = _console(markup=markup)
        counts = Counts(clock=self.clock)
        self.progress = TerminalProgress(self.console, counts=counts, waiting=_waiting, clock=self.clock)
        self.observers = Observers(counts, self.progress)

    def drawn(self) -> list[str]:
        plain = _console(terminal=False)
        plain.print(self.progress._render())
        return [line.rstrip() for line in _written_to(plain).splitlines()]


def test_what_is_drawn_fits_80_columns() -> None:
    bench = Bench()
    bench.observers.notice(started())
    bench.observers.notice(Admitted(1_000_000))
    bench.clock.move(10)
    bench.observers.notice(batch(2560))
    bench.observers.notice(written(finished(outcome=Outcome.TIMEOUT, status=None)))
    top, bottom = bench.drawn()
    assert top.lstrip("━╸╺ ") == "2,561 of 1,000,000+  0.3%  at least 1 h 04 min left"
    assert bottom == "256/s, 1 failed, hosts: 12 ready, 52 held, 64 in memory"


def test_while_a_file_is_read_it_is_drawn_how_much_of_it_was() -> None:
    bench = Bench()
    bench.observers.notice(started())
    bench.clock.move(1)
    bench.observers.notice(Admitted(340_000, share=0.34))
    _, bottom = bench.drawn()
    assert bottom == "0.0/s, 0 failed, list 34% read, hosts: 12 ready, 52 held, 64 in memory"


def test_before_anything_happened_nothing_is_divided_by_it() -> None:
    top, bottom = Bench().drawn()
    assert top.endswith("0 of 0+  0.0%  time left unknown")
    assert bottom.startswith("0.0/s, 0 failed")


def test_silence_is_shown_in_place_of_a_rate_that_is_over() -> None:
    bench = Bench()
    bench.observers.notice(started())
    bench.observers.notice(Sealed(500))
    bench.clock.move(1)
    bench.observers.notice(batch(256))
    bench.clock.move(5)
    assert bench.drawn()[1].startswith("nothing for 5.0 s, 0 failed")


def test_the_display_goes_up_and_away_and_leaves_stderr_and_stdout_as_they_were() -> None:
    bench = Bench()
    before = sys.stdout, sys.stderr
    with bench.progress:
        assert sys.stdout is before[0]  # it may carry data
        bench.observers.notice(started())
        bench.observers.notice(RunEnded(complete=True, elapsed_s=1.0))
        assert sys.stderr is before[1]
    assert (sys.stdout, sys.stderr) == before
    assert _written_to(bench.console).count("\x1b[?25l") == 1  # the cursor hidden, and shown again
    assert _written_to(bench.console).count("\x1b[?25h") == 1


def test_the_display_goes_away_on_an_error() -> None:
    bench = Bench()
    before = sys.stderr

    def fail() -> None:
        with bench.progress:
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert sys.stderr is before
    assert _written_to(bench.console).count("\x1b[?25h") == 1


@pytest.mark.parametrize("markup", [False, True])
def test_hostile_text_reaches_the_terminal_as_text(*, markup: bool) -> None:
    bench = Bench(markup=markup)
    hostile = "https://a.example/\x1b[2J\x1b]0;owned\x07\u202e[bold red]x[/bold red][/nope]:boom:"
    bench.observers.notice(Stalled(silent_s=60.0, waits=(hostile,)))
    bench.observers.notice(Draining(reason=hostile, deadline_s=1.0))
    out = _written_to(bench.console)
    assert "https://a.example/[bold red]x[/bold red][/nope]:boom:" in out
    assert not set("\x1b\x07\u202e") & set(out)


def test_many_retries_do_not_cost_a_snapshot_each() -> None:
    bench = Bench()
    bench.observers.notice(started())
    before = bench.progress._shown
    bench.clock.move(0.05)
    bench.observers.notice(Admitted(1))
    assert bench.progress._shown is before
    bench.clock.move(0.06)
    bench.observers.notice(Admitted(1))
    assert bench.progress._shown[0].known == 2


class GoneTerminal(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text: str, /) -> int:
        raise OSError(5, "Input/output error", text)


def test_a_terminal_that_went_away_costs_the_display_only() -> None:
    bench = Bench()
    bench.console.file = GoneTerminal()
    bench.observers.notice(Stalled(silent_s=60.0, waits=()))
    assert bench.console.quiet


class ClosedPipe(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe", text)


def test_a_closed_pipe_silences_the_console_and_ends_nothing() -> None:
    console = TalkConsole(file=ClosedPipe(), _environ={})
    console.print("anything")
    assert console.quiet


@pytest.mark.parametrize(("terminal", "kind"), [(True, TerminalProgress), (False, PlainProgress)])
def test_which_display_a_run_gets(*, terminal: bool, kind: type) -> None:
    clock = FakeClock()
    display = progress_display(
        _console(terminal=terminal), counts=Counts(clock=clock), waiting=_waiting, clock=clock
    )
    assert type(display) is kind


def test_a_dumb_terminal_gets_lines() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    clock = FakeClock()
    display = progress_display(console, counts=Counts(clock=clock), waiting=_waiting, clock=clock)
    assert type(display) is PlainProgress


def test_quiet_shows_no_event_but_says_what_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    with NoDisplay() as display:
        display.notice(Stalled(silent_s=60.0, waits=("x",)))
        display.notice(RunEnded(complete=True, elapsed_s=1.0))
        display.say(("the log ends here [x]",))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "the log ends here [x]\n"


def test_a_closed_pipe_ends_nothing_that_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", ClosedPipe())
    NoDisplay().say(("the log ends here", "and that was all"))


def test_talk_goes_to_stderr_without_markup(capsys: pytest.CaptureFixture[str]) -> None:
    stderr_console().print("[bold]:boom:")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "[bold]:boom:\n"
