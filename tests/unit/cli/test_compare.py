"""What ``scraper compare`` prints, and what it changes of the settings."""

from __future__ import annotations

import asyncio
import gzip
import io
import unicodedata
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli import main as program
from scraper.cli.compare import CountingJournal, PageLines, page_line, pass_settings
from scraper.cli.exits import Exit
from scraper.errors import SinkError
from scraper.messages import Finished
from scraper.observe.events import Aborting, Admitted, Draining, Stalled, Written
from scraper.record import Outcome
from scraper.settings.load import load

if TYPE_CHECKING:
    from pathlib import Path


def page(
    url: str = "https://a.example/x",
    outcome: Outcome = Outcome.OK,
    *,
    seq: int = 0,
    line: str = "",
    status: int | None = None,
    size_bytes: int = 0,
    took_s: float = 0.0,
) -> Finished:
    return Finished(
        home=0,
        place=seq,
        seq=seq,
        url=url,
        host="",
        outcome=outcome,
        status=status,
        line=msgspec.json.encode({"seq": seq, "input": line}) + b"\n",
        wire_bytes=7,
        size_bytes=size_bytes,
        elapsed_s=77.0,
        took_s=took_s,
        attempts=1,
        retryable=False,
    )


def written(*pages: Finished) -> Written:
    return Written(records=pages, output_bytes=0)


@pytest.mark.parametrize(
    ("outcome", "status", "size_bytes", "told"),
    [
        (Outcome.OK, 200, 5120, "https://a.example/x: 200 (5120 bytes, 0.250 s)"),
        (Outcome.OK, 204, 0, "https://a.example/x: 204 (0 bytes, 0.250 s)"),
        (Outcome.HTTP_ERROR, 404, 9, "https://a.example/x: 404 (9 bytes, 0.250 s)"),
        (Outcome.TIMEOUT, None, 0, "https://a.example/x: timeout (0.250 s)"),
        (Outcome.TOO_LARGE, 200, 99, "https://a.example/x: too_large (0.250 s)"),
        (Outcome.REDIRECT_ERROR, 302, 0, "https://a.example/x: redirect_error (0.250 s)"),
    ],
)
def test_a_page_is_one_line(outcome: Outcome, status: int | None, size_bytes: int, told: str) -> None:
    assert page_line(page(outcome=outcome, status=status, size_bytes=size_bytes, took_s=0.25)) == told


@given(st.text())
def test_no_line_of_a_list_commands_the_terminal(text: str) -> None:
    line = page_line(page(text, Outcome.INVALID_URL))
    assert line.endswith(": invalid_url (0.000 s)")
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cs"}


def test_a_long_line_is_cut() -> None:
    assert len(page_line(page("x" * 10**6, Outcome.INVALID_URL))) < 600


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


async def print_all(pages: PageLines) -> None:
    async with asyncio.TaskGroup() as tasks:
        printer = tasks.create_task(pages.print_on())
        await pages.batches.join()
        printer.cancel()


async def test_what_is_written_is_printed_and_counted(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    pages = PageLines(keep=False)
    pages.notice(
        written(
            page("https://b.example/?token=abc", status=200, size_bytes=10, took_s=2.0, seq=1),
            page("https://a.example/", Outcome.DNS_ERROR, took_s=1.0),
        )
    )
    pages.notice(written(page("https://b.example/", Outcome.DUPLICATE, seq=2)))
    await print_all(pages)
    captured = capfdbinary.readouterr()
    assert captured.out.decode().splitlines() == [
        "https://b.example/?token=***: 200 (10 bytes, 2.000 s)",
        "https://a.example/: dns_error (1.000 s)",
        "https://b.example/: duplicate (0.000 s)",
    ]
    assert not captured.err
    assert pages.failed == 1
    assert not pages.kept


async def test_lines_are_kept_as_the_list_had_them() -> None:
    pages = PageLines(keep=True)
    pages.notice(written(page("https://b.example/", line="b.example", seq=1)))
    pages.notice(written(page("https://a.example/", line=" a.example", seq=0)))
    assert pages.kept == {0: " a.example", 1: "b.example"}


async def test_the_terminals_encoding_is_kept_to(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    pages = PageLines(keep=False)
    pages.notice(written(page("https://ä.example/", status=200)))
    await print_all(pages)
    assert capfdbinary.readouterr().out.startswith(b"https://\\xe4.example/: 200")


async def test_a_reader_that_has_gone_breaks_the_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(descriptor: int, batch: bytes) -> int:
        raise BrokenPipeError

    monkeypatch.setattr("scraper.sinks.stdout.os.write", write)
    pages = PageLines(keep=False)
    pages.notice(written(page()))
    with pytest.raises(ExceptionGroup) as caught:
        await print_all(pages)
    assert caught.group_contains(SinkError, match="closed by its reader")


def test_who_waits_is_told_what_the_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    pages = PageLines(keep=True)
    for event in (
        Admitted(3),
        Stalled(silent_s=60.0, waits=("worker-0: https://a.example/?token=abc waits for connect",)),
        Draining(reason="SIGINT", deadline_s=30.0),
        Aborting("SIGINT again"),
    ):
        pages.notice(event)
    captured = capsys.readouterr()
    assert not captured.out
    assert pages.batches.empty()
    assert len(captured.err.splitlines()) == 4
    for word in ("worker-0", "token=***", "SIGINT", "SIGINT again"):
        assert word in captured.err


async def test_the_journal_counts_once_the_lines_before_are_shown() -> None:
    waiting, shown = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        waiting.set()
        await shown.wait()

    journal = CountingJournal(shown=wait)
    async with asyncio.TaskGroup() as tasks:
        appending = tasks.create_task(journal.append([b"{}\n", b"[1]\n"]))
        await waiting.wait()
        assert journal.records == 0
        shown.set()
    assert appending.result() == 7
    assert journal.records == 2
    assert await journal.append([b"{}\n"]) == 10
    assert journal.records == 3


def test_an_empty_list_is_the_users_to_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "empty.txt"
    listed.write_text("# nothing\n")
    assert program.main(["compare", str(listed)]) == Exit.USAGE
    assert capsys.readouterr().err.splitlines()[-1] == (
        "scraper: the list is empty: there is nothing to compare"
    )


def test_a_list_that_breaks_off_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "list.txt.gz"
    listed.write_bytes(gzip.compress(b"# nothing\n")[:-9])
    assert program.main(["compare", str(listed)]) == Exit.USAGE
    told = capsys.readouterr().err.splitlines()
    assert told[:-1] == ["One page at a time:"]
    assert "broken gzip data" in told[-1]


def test_no_source_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["compare"]) == Exit.USAGE
    assert "SOURCE" in capsys.readouterr().err
