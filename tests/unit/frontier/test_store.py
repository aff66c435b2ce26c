from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from scraper.errors import OutputLocked, StateError, UsageError
from scraper.frontier.facts import Loaded, SourceProgress, Want
from scraper.frontier.rows import NOBODY, host_id
from scraper.frontier.state_thread import StateThread
from scraper.frontier.store import Store
from scraper.messages import Found, Seed, Settled
from scraper.record import Outcome, Redirect, Try
from scraper.robots.access import Standing
from scraper.settings.model import FollowSettings, RobotsSettings
from tests.support.fakes import FakeClock, access, batch, finished, request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scraper.messages import Request


DEEPEST = 500


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pages.jsonl.state"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path)
    yield store
    store.close(remove=False)


def prepare(store: Store, *, follow: FollowSettings | None = None, cache: str = "") -> None:
    robots = RobotsSettings(cache=cache)
    store.prepare(follow=follow or FollowSettings(), robots=robots, token="scraper", clock=FakeClock())  # noqa: S106


def rows(store: Store, host: str | None) -> list[Request]:
    number = NOBODY if host is None else host_id(host)
    return store.load([Want(number, -1)], limit=1000).rows[number]


def waiting(store: Store) -> list[Request]:
    numbers = store.hosts_after(-1, 1000)
    return [
        row
        for found in store.load([Want(number, -1) for number in numbers], limit=1000).rows.values()
        for row in found
    ]


# --- admission ---------------------------------------------------------------------------------


def test_lines_are_numbered_over_all_batches_and_wait_at_their_hosts(store: Store) -> None:
    admission = store.admit(batch("http://a.example/1", "http://b.example/1"))
    assert admission.lines == 2
    assert admission.hosts == (host_id("a.example"), host_id("b.example"))
    assert store.admit(batch("http://a.example/2", consumed=3)).hosts == (host_id("a.example"),)
    assert [(row.seq, row.input) for row in rows(store, "a.example")] == [
        (0, "http://a.example/1"),
        (2, "http://a.example/2"),
    ]
    assert store.progress()[:3] == (3, 0, 0)


def test_a_row_comes_back_as_the_request_for_its_line(store: Store) -> None:
    store.admit(batch(Seed("HTTP://A.example:80/x#part", {"id": "7", "tags": ["a", None, 1.5]})))
    (row,) = rows(store, "a.example")
    assert row.input == "HTTP://A.example:80/x#part"
    assert row.extra == {"id": "7", "tags": ["a", None, 1.5]}
    assert row.url == row.target == "http://a.example/x"
    assert row.key == "http://a.example/x"
    assert (row.host, row.home) == ("a.example", host_id("a.example"))
    assert (row.settled, row.duplicate_of, row.guessed_scheme) == (None, None, False)


def test_a_line_without_a_scheme_is_marked_as_guessed(store: Store) -> None:
    store.admit(batch("a.example/x"))
    (row,) = rows(store, "a.example")
    assert (row.url, row.guessed_scheme) == ("https://a.example/x", True)


@pytest.mark.parametrize("split", [False, True])
def test_the_first_line_of_a_key_is_asked_for_and_the_others_name_it(store: Store, *, split: bool) -> None:
    lines = ["http://a.example/x", "http://b.example/", "http://A.EXAMPLE/x#f", "http://a.example:80/x"]
    parts = [batch(line) for line in lines] if split else [batch(*lines)]
    for part in parts:
        store.admit(part)
    assert [row.seq for row in rows(store, "a.example")] == [0]
    duplicates = rows(store, None)
    assert [(row.seq, row.duplicate_of) for row in duplicates] == [(2, 0), (3, 0)]
    assert [row.settled for row in duplicates] == [Settled(Outcome.DUPLICATE)] * 2
    assert [row.input for row in duplicates] == lines[2:]
    assert {row.key for row in duplicates} == {"http://a.example/x"}


def test_a_line_is_still_a_duplicate_when_the_first_is_finished(store: Store) -> None:
    store.admit(batch("http://a.example/"))
    store.finish([finished(rows(store, "a.example")[0])], output_bytes=3)
    store.admit(batch("http://a.example/"))
    assert [row.duplicate_of for row in rows(store, None)] == [0]


@pytest.mark.parametrize("line", ["", "no URL", "mailto:a@b.example", "http://", "http://user:pw@a.example/"])
def test_a_line_that_is_no_url_waits_with_its_outcome(store: Store, line: str) -> None:
    store.admit(batch(Seed(line, {"id": "1"})))
    (row,) = rows(store, None)
    assert (row.input, row.extra) == (line, {"id": "1"})
    assert (row.url, row.key, row.target, row.host) == (None, None, "", "")
    assert row.settled is not None
    assert row.settled.outcome is Outcome.INVALID_URL
    assert row.settled.failure is not None
    assert (row.settled.failure.type, row.settled.failure.phase) == ("InvalidUrl", "url")
    assert row.settled.failure.message


def test_lines_that_are_no_urls_are_no_duplicates_of_each_other(store: Store) -> None:
    store.admit(batch("no URL", "no URL"))
    assert [row.settled and row.settled.outcome for row in rows(store, None)] == [Outcome.INVALID_URL] * 2


@pytest.mark.parametrize(
    "extra",
    [
        {"text": "nul \0, quotes \" ' and \u2028", "": "no name"},
        {"number": 123456789012345678901234567890, "small": 1e-300, "true": True},
        {"deep": [[[{"a": [{}]}]]]},
    ],
)
def test_other_columns_come_back_as_they_were(store: Store, extra: dict[str, object]) -> None:
    store.admit(batch(Seed("http://a.example/", extra)))
    assert rows(store, "a.example")[0].extra == extra


def test_a_column_may_be_nested_deep(store: Store) -> None:
    text = b'{"url": "http://a.example/", "deep": ' + b"[" * DEEPEST + b"]" * DEEPEST + b"}"
    row = msgspec.json.decode(text)
    store.admit(batch(Seed(row.pop("url"), row)))
    assert rows(store, "a.example")[0].extra == row


def test_how_far_a_source_was_read_is_noted_with_its_lines(store: Store) -> None:
    store.admit(batch("http://a.example/1", consumed=1))
    store.admit(batch("http://a.example/2", "http://a.example/3", consumed=3))
    store.admit(batch(source=1, consumed=0, ended=True))
    assert store.sources() == {0: SourceProgress(3, ended=False), 1: SourceProgress(0, ended=True)}
    assert store.progress().lines == 3


def test_a_batch_of_five_thousand_lines_is_taken_in(store: Store) -> None:
    store.admit(batch(*(f"http://a.example/{n}" for n in range(5000))))
    assert len(waiting(store)) == 1000  # as many as are asked for
    assert store.progress().lines == 5000


# --- reading -----------------------------------------------------------------------------------


def test_load_gives_the_next_rows_of_each_host_in_order(store: Store) -> None:
    store.admit(batch(*(f"http://{'ab'[n % 2]}.example/{n}" for n in range(10))))
    a, b = host_id("a.example"), host_id("b.example")
    found = store.load([Want(a, 2), Want(b, -1), Want(NOBODY, -1)], limit=2)
    assert {number: [row.seq for row in rows] for number, rows in found.rows.items()} == {
        a: [4, 6],
        b: [1, 3],
        NOBODY: [],
    }
    assert store.load([], limit=2) == Loaded({}, {}, {})


def test_hosts_after_goes_through_all_hosts_with_waiting_rows_in_steps(store: Store) -> None:
    store.admit(batch(*(f"http://h{n % 20}.example/{n}" for n in range(100)), "no URL"))
    numbers: list[int] = []
    while found := store.hosts_after(numbers[-1] if numbers else -1, 3):
        assert len(found) <= 3
        numbers += found
    assert numbers == sorted({NOBODY, *(host_id(f"h{n}.example") for n in range(20))})


def test_hosts_after_passes_over_hosts_that_have_nothing_left(store: Store) -> None:
    store.admit(batch("http://a.example/", "http://b.example/"))
    store.finish([finished(rows(store, "a.example")[0])], output_bytes=3)
    assert store.hosts_after(-1, 10) == [host_id("b.example")]


def test_host_ids_are_none_of_those_with_a_meaning_and_fit_the_table() -> None:
    numbers = [host_id(f"h{n}.example") for n in range(1000)]
    assert len(set(numbers)) == 1000
    assert all(NOBODY < number < 1 << 63 for number in numbers)


# --- finishing ---------------------------------------------------------------------------------


def test_finishing_takes_the_rows_away_and_notes_the_length(store: Store) -> None:
    store.admit(batch("http://a.example/", "http://b.example/", "no URL"))
    store.finish([finished(rows(store, "a.example")[0])], output_bytes=33)
    assert store.progress()[:3] == (3, 1, 33)
    assert [row.input for row in waiting(store)] == ["no URL", "http://b.example/"]


def test_finishing_what_does_not_wait_changes_nothing(store: Store) -> None:
    store.admit(batch("http://a.example/", "http://b.example/"))
    a, b = rows(store, "a.example")[0], rows(store, "b.example")[0]
    store.finish([finished(a)], output_bytes=3)
    with pytest.raises(StateError, match="2 records written, 1 lines waited"):
        store.finish([finished(b), finished(a)], output_bytes=9)
    assert store.progress()[:3] == (2, 1, 3)
    assert waiting(store) == [b]


# --- what was found -----------------------------------------------------------------------------


def found_at(*found: str | Found, store: Store, cap: int = 100_000) -> tuple[int, set[int]]:
    """Finish the one line of a list with what it led to; return how many lines that gave, and where."""
    prepare(store, follow=FollowSettings(depth=1, max_urls_per_host=cap))
    store.admit(batch("http://a.example/"))
    lines = [Found(one, one, 1) if isinstance(one, str) else one for one in found]
    admission = store.finish([finished(rows(store, "a.example")[0], found=lines)], output_bytes=3)
    return admission.lines, set(admission.hosts)


def test_what_was_found_waits_with_its_parent_and_its_number(store: Store) -> None:
    further = Found("http://b.example/1", "http://b.example/1", 1, is_trusted=True, extra={"id": "7"})
    assert found_at(further, "http://a.example/2", store=store) == (
        2,
        {host_id("a.example"), host_id("b.example")},
    )
    (row,) = rows(store, "b.example")
    assert (row.seq, row.parent, row.depth, row.extra, row.is_trusted) == (1, 0, 1, {"id": "7"}, True)
    assert (row.url, row.target, row.host) == ("http://b.example/1", "http://b.example/1", "b.example")
    (other,) = rows(store, "a.example")
    assert (other.seq, other.is_trusted) == (2, False)
    assert store.progress()[:3] == (3, 1, 3)


def test_what_has_been_seen_is_found_no_more_and_leaves_no_gap(store: Store) -> None:
    found = ["http://a.example/#x", "http://b.example/", "http://B.example:80/", "http://c.example/"]
    assert found_at(*found, store=store)[0] == 2
    assert [row.seq for row in waiting(store)] in ([1, 2], [2, 1])
    store.finish(
        [finished(rows(store, "b.example")[0], found=[Found(found[3], found[3], 2)])], output_bytes=6
    )
    store.admit(batch("http://d.example/", "http://c.example/", consumed=3))
    assert [(row.seq, row.duplicate_of) for row in rows(store, None)] == [(4, 2)]
    assert rows(store, "d.example")[0].seq == 3


def test_found_lines_and_the_record_enter_together_or_not_at_all(store: Store) -> None:
    store.admit(batch("http://a.example/"))
    line = rows(store, "a.example")[0]
    found = [Found("http://b.example/", "http://b.example/", 1)]
    store._db.execute(
        "CREATE TEMP TRIGGER no BEFORE INSERT ON waiting BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(StateError, match="full"):
        store.finish([finished(line, found=found)], output_bytes=3)
    assert store.progress()[:3] == (1, 0, 0)
    assert waiting(store) == [line]
    store._db.execute("DROP TRIGGER no")
    assert store.finish([finished(line, found=found)], output_bytes=3).lines == 1, "it was not seen"


def test_no_more_links_to_a_host_are_taken_than_the_cap_over_all_pages(store: Store) -> None:
    assert found_at(*(f"http://b.example/{n}" for n in range(5)), store=store, cap=3)[0] == 3
    line = rows(store, "b.example")[0]
    more = [Found(f"http://{host}.example/x", f"http://{host}.example/x", 2) for host in "bc"]
    assert store.finish([finished(line, found=more)], output_bytes=6).lines == 1
    assert [row.host for row in waiting(store)].count("c.example") == 1


def kinds(store: Store, host: str) -> tuple[int, int, int]:
    """Return how many sitemaps, listed pages and links wait at a host."""
    found = rows(store, host)
    sitemaps = sum(row.is_sitemap for row in found)
    listed = sum(not row.depth for row in found)
    return sitemaps, listed, len(found) - sitemaps - listed


def sitemaps_at(host: str, *, numbers: range) -> list[Found]:
    return [Found(f"sitemap:{n}", f"http://{host}/{n}.xml", 1, is_sitemap=True) for n in numbers]


def test_sitemaps_have_a_cap_of_their_own_and_what_they_list_has_ten_times_that(store: Store) -> None:
    listed = [Found(f"http://b.example/{n}", f"http://b.example/{n}", 0) for n in range(35)]
    links = [f"http://b.example/linked/{n}" for n in range(5)]
    found_at(*listed, *sitemaps_at("b.example", numbers=range(5)), *links, store=store, cap=3)
    assert kinds(store, "b.example") == (3, 30, 3)
    more = [
        *sitemaps_at("b.example", numbers=range(10, 15)),
        *sitemaps_at("c.example", numbers=range(2)),
        Found("http://b.example/more", "http://b.example/more", 0),
        Found("http://c.example/more", "http://c.example/more", 0),
    ]
    store.finish([finished(rows(store, "b.example")[0], found=more)], output_bytes=6)
    assert sum(kinds(store, "b.example")) == 35, "the caps are over all sitemaps"
    assert kinds(store, "c.example") == (2, 1, 0)


def test_sitemaps_that_name_each_other_without_end_come_to_one(store: Store) -> None:
    prepare(store, follow=FollowSettings(max_urls_per_host=5))
    store.admit(batch("sitemap:http://a.example/s.xml"))
    read = length = 0
    while waits := rows(store, "a.example"):
        names = range(8 * (read + 1), 8 * (read + 2))
        length += 3
        found = sitemaps_at("a.example", numbers=names)
        store.finish([finished(waits[0], found=found)], output_bytes=length)
        read += 1
        assert read < 100, "without end"
    assert read == 1 + 5


def test_what_is_no_url_is_capped_over_all_hosts(store: Store) -> None:
    bad = [Found(f"https://[{n}/", None, 0, why="no host") for n in range(35)]
    assert found_at(*bad, store=store, cap=3)[0] == 30


def test_what_is_no_url_is_told_once_with_the_reason(store: Store) -> None:
    bad = [Found("https://[/", None, 0, why="no host")] * 2
    assert found_at(*bad, store=store) == (1, {NOBODY})
    (row,) = rows(store, None)
    assert row.settled is not None
    assert row.settled.outcome is Outcome.INVALID_URL
    assert (row.settled.failure and row.settled.failure.message, row.parent) == ("no host", 0)
    assert store.finish([finished(row, found=bad)], output_bytes=6).lines == 0


def test_a_sitemap_and_the_page_of_the_same_url_are_two_lines(store: Store) -> None:
    text = "http://a.example/sitemap.xml"
    store.admit(batch(text, f"sitemap:{text}", f"  SITEMAP:{text}", f"{text}#x"))
    page, sitemap = rows(store, "a.example")
    assert (page.seq, page.is_sitemap, sitemap.seq, sitemap.is_sitemap) == (0, False, 1, True)
    assert page.url == sitemap.url == text
    assert page.key != sitemap.key
    assert [(row.seq, row.duplicate_of) for row in rows(store, None)] == [(2, 1), (3, 0)]


def test_a_sitemap_line_without_a_path_begins_at_robots_txt(store: Store) -> None:
    store.admit(batch("sitemap:a.example", "sitemap:", "sitemap:no URL"))
    (row,) = rows(store, "a.example")
    assert (row.url, row.input, row.is_sitemap) == ("https://a.example/robots.txt", "sitemap:a.example", True)
    assert [row.settled and row.settled.outcome for row in rows(store, None)] == [Outcome.INVALID_URL] * 2


def test_a_line_that_is_not_wanted_is_filtered_and_no_first_of_others(store: Store) -> None:
    prepare(store, follow=FollowSettings(exclude="private"))
    store.admit(
        batch("http://a.example/private", "http://a.example/private", "sitemap:http://a.example/private")
    )
    assert [row.settled for row in rows(store, None)] == [Settled(Outcome.FILTERED)] * 2
    assert [row.is_sitemap for row in rows(store, "a.example")] == [True]


# --- moving -------------------------------------------------------------------------------------


def test_a_redirected_line_waits_at_the_host_it_leads_to_as_far_as_it_has_come(store: Store) -> None:
    store.admit(batch(Seed("a.example/x", {"id": "7"}), "http://b.example/"))
    (line,) = rows(store, "a.example")
    hop = Redirect(url="https://a.example/x", status=302, location="/y", elapsed_s=0.25)
    tried = Try(at="2026-01-31T09:30:00.000Z", error=Outcome.TIMEOUT, waited_s=1.5)
    moved = msgspec.structs.replace(
        line,
        target="https://b.example/y",
        host="b.example",
        redirects=(hop,),
        tries=(tried,),
        free_tries=1,
        took_s=2.5,
        depth=1,
        parent=9,
        is_trusted=False,
    )
    assert store.move([moved]) == ((host_id("b.example"),), 0)
    assert rows(store, "a.example") == []
    first, second = rows(store, "b.example")
    assert first.seq == 1
    assert second.place > first.place
    expected = msgspec.structs.replace(moved, home=host_id("b.example"), place=second.place)
    assert second == expected
    assert store.progress().lines == 2
    with pytest.raises(StateError, match="1 lines moved, 0 lines waited"):
        store.move([moved])


# --- what is kept of hosts ----------------------------------------------------------------------


def test_what_hosts_asked_for_is_given_to_those_that_enter(store: Store) -> None:
    a, b = host_id("a.example"), host_id("b.example")
    rules = access("https://a.example", body="User-agent: *\nDisallow: /x\n")
    store.keep([rules.file], {a: 7.5, b: 8.0})
    store.keep([], {a: 9.5})
    loaded = store.load([Want(a, -1)], limit=1, entering=[a])
    assert loaded.holds == {a: 9.5}
    assert [one.file for one in loaded.access[a]] == [rules.file]
    assert loaded.access[a][0].judge("https://a.example/x").allowed is False
    assert store.load([Want(a, -1)], limit=1) == Loaded({a: []}, {}, {})


def test_two_runs_share_a_cache_file_that_is_asked_by_origin(tmp_path: Path) -> None:
    cache = str(tmp_path / "new folder" / "robots.cache")
    stores = [Store(tmp_path / name) for name in ("one", "two")]
    for one in stores:
        prepare(one, cache=cache)
    rules = access("https://a.example", body="User-agent: *\nDisallow: /x\n")
    none = access("http://a.example", standing=Standing.UNAVAILABLE)
    a = host_id("a.example")
    stores[0].keep([rules.file, none.file], {})
    stores[1].keep([msgspec.structs.replace(none.file, status=410)], {})
    for one in stores:
        found = one.load([], limit=1, entering=[a]).access[a]
        assert {known.file.origin: known.file.status for known in found} == {
            "https://a.example": 200,
            "http://a.example": 410,
        }
        one.close(remove=True)
    assert (tmp_path / "new folder" / "robots.cache").exists(), "it is for further runs"


def foreign(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE pages (url TEXT)",
        "CREATE TABLE robots (url TEXT)",
        "CREATE VIEW robots AS SELECT 1 AS host",
    ],
)
def test_a_cache_that_is_the_database_of_something_else_is_refused_and_left_alone(
    store: Store, tmp_path: Path, statement: str
) -> None:
    cache = tmp_path / "other.sqlite"
    foreign(cache, statement)
    with pytest.raises(UsageError, match=r"^robots\.cache .*other\.sqlite: ") as caught:
        prepare(store, cache=str(cache))
    assert "\n" not in str(caught.value)
    with contextlib.closing(sqlite3.connect(cache)) as db:
        assert db.execute("SELECT sql FROM sqlite_master").fetchall() == [(statement,)]


@pytest.mark.parametrize("kind", ["text", "folder", "below a file"])
def test_a_cache_that_cannot_be_one_is_refused(store: Store, tmp_path: Path, kind: str) -> None:
    cache = tmp_path / "cache"
    if kind == "folder":
        cache.mkdir()
    else:
        cache.write_text("https://a.example/\n" * 100)
    if kind == "below a file":
        cache /= "cache"
    with pytest.raises(UsageError, match=r"^robots\.cache "):
        prepare(store, cache=str(cache))


def test_an_entry_of_another_version_is_read_anew(store: Store) -> None:
    a = host_id("a.example")
    store.keep([access("https://a.example").file], {})
    store._db.execute("UPDATE robots SET file = '[1, 2'")
    assert store.load([], limit=1, entering=[a]).access == {}


def test_a_cache_that_breaks_in_a_run_is_told(store: Store, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepare(store, cache=str(cache))
    foreign(cache, "DROP TABLE robots")
    with pytest.raises(StateError, match=r"robots\.cache .*cache: no such table"):
        store.keep([access("https://a.example").file], {})


def test_the_largest_hosts_are_those_with_the_most_lines_waiting(store: Store) -> None:
    lines = [f"http://h{n % 4}.example/{n}" for n in range(10)]
    store.admit(batch(*lines, *["no URL"] * 20))
    counts = {"h0.example": 3, "h1.example": 3, "h2.example": 2, "h3.example": 2}
    expected = sorted((-each, host_id(host), host) for host, each in counts.items())
    found = [(-host.lines, host.host_id, host.host) for host in store.largest_hosts(3)]
    assert found == expected[:3]


# --- the file ----------------------------------------------------------------------------------


def test_a_state_is_opened_again_as_it_was_left(path: Path) -> None:
    first = Store(path)
    first.admit(batch("http://a.example/", "http://b.example/", consumed=2))
    first.note(run="r1", sources="[]")
    first.finish([finished(rows(first, "a.example")[0])], output_bytes=17)
    first.close(remove=False)
    again = Store(path)
    assert again.progress()[:3] == (2, 1, 17)
    assert again.fact("run") == "r1"
    assert again.fact("unheard of") is None
    assert [row.input for row in waiting(again)] == ["http://b.example/"]
    assert again.sources() == {0: SourceProgress(2, ended=False)}
    again.close(remove=False)


def test_a_removed_state_leaves_no_file(path: Path) -> None:
    store = Store(path)
    store.admit(batch("http://a.example/"))
    store.close(remove=True)
    assert list(path.parent.iterdir()) == []


_HOLD = """
import pathlib, sys
from scraper.frontier.store import Store
store = Store(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
store.close(remove=False)
"""

_DIE = """
import os, pathlib, signal, sys
from scraper.frontier.rows import host_id
from scraper.frontier.facts import Want
from scraper.frontier.store import Store
from tests.support.fakes import batch, finished
store = Store(pathlib.Path(sys.argv[1]))
store.admit(batch(*(f"http://a.example/{n}" for n in range(10))))
[rows] = store.load([Want(host_id("a.example"), -1)], limit=4).rows.values()
store.finish([finished(row) for row in rows], output_bytes=12)
with store._transaction():
    store._db.execute("DELETE FROM waiting")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_state_that_another_process_holds_is_refused_until_it_lets_go(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutputLocked, match="another run is writing there"):
            Store(path)
        other.communicate("\n", timeout=60)
    Store(path).close(remove=False)


def test_a_killed_run_has_lost_nothing_that_was_noted(path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", _DIE, str(path)], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    store = Store(path)
    assert store.progress()[:3] == (10, 4, 12)
    assert [row.seq for row in waiting(store)] == list(range(4, 10))
    store.close(remove=False)


def test_a_second_store_in_the_same_process_is_refused_too(store: Store, path: Path) -> None:
    with pytest.raises(OutputLocked):
        Store(path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"https://a.example/\n" * 100)
    with pytest.raises(StateError, match="not a database"):
        Store(path)
    assert path.read_bytes() == b"https://a.example/\n" * 100


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE pages (url TEXT)")
        other.commit()
    with pytest.raises(StateError):
        Store(path)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("pages",)]


def test_a_state_of_another_version_is_refused_with_the_remedy(path: Path) -> None:
    store = Store(path)
    store._put(layout=99)
    store.close(remove=False)
    with pytest.raises(StateError, match=r"another version.*--fresh"):
        Store(path)
    with pytest.raises(StateError, match="another version"):  # and not: in use
        Store(path)


def test_a_damaged_state_is_told_as_such(path: Path) -> None:
    store = Store(path)
    store.admit(batch(*(f"http://a.example/{n}" for n in range(2000))))
    store.close(remove=False)
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xa5" * (len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises(StateError):  # noqa: PT012 which of them meets the damage first is SQLite's affair
        damaged = Store(path)
        try:
            waiting(damaged)
            damaged.admit(batch("http://b.example/"))
        finally:
            damaged.close(remove=False)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"can't write .*no folder"):
        Store(tmp_path / "no folder" / "state")


# --- its thread --------------------------------------------------------------------------------


async def test_the_thread_carries_out_calls_and_passes_on_what_they_raise(path: Path) -> None:
    state = await StateThread.open(path)
    assert (await state.call(state.store.admit, batch("http://a.example/"))).lines == 1
    with pytest.raises(StateError):
        await state.call(
            state.store.finish, [finished(request("http://never.example/", seq=9))], output_bytes=1
        )
    await state.close(remove=True)
    assert not path.exists()  # noqa: ASYNC240 nothing else runs on this loop


async def test_a_state_that_cannot_be_opened_leaves_no_thread(store: Store, path: Path) -> None:
    with pytest.raises(OutputLocked):
        await StateThread.open(path)


# --- the file itself ---------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_state_is_the_users_own(path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(path)
        store.admit(batch("https://a.example/?token=s3cret"))
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
        store.close(remove=False)
    finally:
        os.umask(before)
    assert modes == {path.name: 0o600, f"{path.name}-wal": 0o600}


@pytest.mark.parametrize("lines", [0, 3])
def test_a_state_that_is_removed_leaves_nothing(path: Path, lines: int) -> None:
    store = Store(path)
    store.admit(batch(*(f"http://a.example/{number}" for number in range(lines))))
    store.close(remove=True)
    assert not list(path.parent.iterdir())


def test_what_records_came_to_is_counted_over_all_batches(store: Store) -> None:
    store.admit(batch("http://a.example/1", "http://a.example/2", "http://a.example/3", "no URL"))
    one, two, three = rows(store, "a.example")
    broken = replace(finished(two, outcome=Outcome.HTTP_ERROR), status=404)
    store.finish([replace(finished(one), status=200)], output_bytes=3)
    store.finish([broken, replace(finished(three), status=200)], output_bytes=9)
    assert sorted(store.progress().tally) == [(Outcome.HTTP_ERROR, 404, 1), (Outcome.OK, 200, 2)]


# --- hosts of the list ---------------------------------------------------------------------------


def listed(store: Store, *hosts: str) -> set[str]:
    wants = [Want(host_id(host), -1, host) for host in hosts]
    found = store.load(wants, limit=10).listed
    return {host for host in hosts if host_id(host) in found}


def test_hosts_of_the_list_are_known_whatever_their_port(store: Store) -> None:
    store.admit(batch("http://a.example:8000/", "sitemap:http://[::1]:81/x.xml", "http://127.0.0.1/"))
    hosts = ("a.example", "a.example:1", "[::1]", "[::1]:81", "127.0.0.1:9", "b.example", "x.a.example")
    assert listed(store, *hosts) == set(hosts[:5])


def test_hosts_whose_rows_tell_their_names_need_not_be_named(store: Store) -> None:
    store.admit(batch("http://a.example:8000/"))
    assert store.load([Want(host_id("a.example:8000"), -1)], limit=1).listed == {host_id("a.example:8000")}


@pytest.mark.parametrize(
    "line",
    [
        "http://127.1/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1:99999/",
        "127.0.0.1",
    ],
)
def test_only_a_plain_line_that_is_asked_for_lists_its_host(store: Store, line: str) -> None:
    prepare(store, follow=FollowSettings(exclude="^https:"))
    store.admit(batch(line))
    assert listed(store, "127.0.0.1") == set()


def test_what_was_found_lists_nobody(store: Store) -> None:
    store.admit(batch("http://a.example/"))
    (line,) = rows(store, "a.example")
    found = (Found("http://b.example/", "http://b.example/", 1),)
    store.finish([replace(finished(line), found=found)], output_bytes=1)
    assert listed(store, "a.example", "b.example") == {"a.example"}


def test_a_duplicate_in_the_list_lists_its_host(store: Store) -> None:
    store.admit(batch("http://127.1/"))
    store.admit(batch("http://127.0.0.1/", consumed=2))
    assert listed(store, "127.0.0.1") == {"127.0.0.1"}


def test_hosts_stay_listed_when_their_lines_are_done_and_the_state_is_opened_again(path: Path) -> None:
    store = Store(path)
    store.admit(batch("http://a.example/"))
    store.finish([finished(line) for line in rows(store, "a.example")], output_bytes=1)
    store.close(remove=False)
    again = Store(path)
    assert listed(again, "a.example:8080") == {"a.example:8080"}
    again.close(remove=False)


def test_long_batches_are_found_by_whoever_reads_in_the_order_of_the_list(path: Path) -> None:
    """Lines that have arrived are sorted in before a read, after a crash too, with duplicates told."""
    hosts, lines = 40, [f"http://h{number % 40}.example/{number % 8000}" for number in range(9000)]
    store = Store(path)
    for first in range(0, 9000, 3000):
        assert store.admit(batch(*lines[first : first + 3000], consumed=first + 3000)).lines == 3000
    assert store._arrived() == 9000
    store._db.close()  # as a crash does: what was committed is there
    store._robots.close()
    store = Store(path)
    assert sorted(store.hosts_after(-1, 1000)) == sorted(
        [NOBODY, *(host_id(f"h{number}.example") for number in range(hosts))]
    )
    found = [one for number in range(hosts) for one in rows(store, f"h{number}.example")]
    doubled = rows(store, None)
    assert sorted(one.seq for one in (*found, *doubled)) == list(range(9000))
    assert all(one.input == lines[one.seq] for one in found)
    assert {(one.seq, one.duplicate_of) for one in doubled} == {(8000 + n, n) for n in range(1000)}
    places = [one.place for one in rows(store, "h7.example")]
    assert places == sorted(places)
    store.finish([finished(one) for one in (*found, *doubled)], output_bytes=1)
    assert store.hosts_after(-1, 1000) == []
    store.close(remove=True)


def test_not_more_than_so_many_lines_wait_to_be_sorted_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.frontier.store._MOST_ARRIVED", 5000)
    for first in (0, 2500):
        store.admit(batch(*(f"http://h.example/{number}" for number in range(first, first + 2500))))
    assert store._arrived() == 0
    assert [counted.lines for counted in store.largest_hosts(2)] == [5000]
    store.admit(batch(*(f"http://i.example/{number}" for number in range(2500))))
    assert store._arrived() == 2500
    assert [counted.lines for counted in store.largest_hosts(2)] == [5000, 2500]
