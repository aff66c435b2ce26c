"""What a kept robots.txt means to a later run, and which file may keep it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import UsageError
from scraper.frontier.robots_cache import RobotsCache
from scraper.frontier.rows import host_id
from scraper.robots.access import RobotsFile, Standing
from scraper.settings.model import RobotsSettings
from scraper.verdict.robots import RobotsDecider
from tests.support.fakes import EPOCH, FakeClock, access, response
from tests.unit.verdict.errands import granted, robots_errand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A = host_id("a.example")
NOW_S = EPOCH.timestamp()
HOUR_S = 3600.0
DAY_S = 86_400.0


@pytest.fixture
def shared() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        yield db


def cache_in(
    db: sqlite3.Connection | None, *, clock: FakeClock | None = None, **settings: Any
) -> RobotsCache:
    return RobotsCache(db, settings=RobotsSettings(**settings), token="scraper", clock=clock or FakeClock())  # noqa: S106


def kept(file: RobotsFile, db: sqlite3.Connection) -> None:
    """Keep a file as an earlier run would."""
    cache_in(db).keep([file])


def recalled(cache: RobotsCache) -> RobotsFile:
    (found,) = cache.recall([A]).access[A]
    return found.file


# --- what it means ------------------------------------------------------------------------------


def decided(status: int, settings: RobotsSettings) -> RobotsFile:
    decider = RobotsDecider(settings, retries=granted(retries=0))
    errand = robots_errand()
    file = decider.decide(errand, response(errand.target, status=status), at=EPOCH)
    assert isinstance(file, RobotsFile)
    return file


@pytest.mark.parametrize("status", [200, 204, *range(400, 432), 451, 499, 500, 503])
@pytest.mark.parametrize("before", ["allow", "deny"])
@pytest.mark.parametrize("now", ["allow", "deny"])
def test_a_kept_answer_means_what_it_would_mean_if_it_were_asked_for_now(
    shared: sqlite3.Connection, status: int, before: Any, now: Any
) -> None:
    kept(decided(status, RobotsSettings(forbidden=before)), shared)
    assert recalled(cache_in(shared, forbidden=now)) == decided(status, RobotsSettings(forbidden=now))


def test_what_is_unavailable_for_another_reason_is_not_forbidden(shared: sqlite3.Connection) -> None:
    lost = access("http://a.example", standing=Standing.UNAVAILABLE, status=302).file
    kept(lost, shared)
    assert recalled(cache_in(shared, forbidden="deny")).standing is Standing.UNAVAILABLE


@pytest.mark.parametrize(
    ("standing", "settings", "expected_s"),
    [
        (Standing.RULES, {}, 6 * HOUR_S),
        (Standing.RULES, {"max_age_s": HOUR_S}, HOUR_S),
        (Standing.RULES, {"error_age_s": HOUR_S}, 6 * HOUR_S),
        (Standing.UNAVAILABLE, {"max_age_s": HOUR_S}, HOUR_S),
        (Standing.UNREACHABLE, {"error_age_s": HOUR_S}, HOUR_S),
        (Standing.UNREACHABLE, {"error_age_s": HOUR_S, "max_age_s": 60.0}, 60.0),
        (Standing.UNREACHABLE, {"error_age_s": DAY_S}, 6 * HOUR_S),
    ],
)
def test_it_is_believed_no_longer_than_this_run_would(
    shared: sqlite3.Connection, standing: Standing, settings: dict[str, float], expected_s: float
) -> None:
    kept(access("http://a.example", standing=standing, age_s=6 * HOUR_S).file, shared)
    clock = FakeClock()
    clock.move(60.0)
    file = recalled(cache_in(shared, clock=clock, **settings))
    assert file.expires_at_s == NOW_S + expected_s
    assert file.read_at_s == NOW_S, "how old a copy is stays known"


@given(
    read_at_s=st.floats(NOW_S - 40 * DAY_S, NOW_S + 4000 * DAY_S),
    believed_s=st.floats(0, 1e12),
    max_age_s=st.floats(1, DAY_S),
    error_age_s=st.floats(0, 1e9),
    standing=st.sampled_from(Standing),
    is_own=st.booleans(),
)
def test_no_clock_and_no_file_make_it_last_longer(
    *,
    read_at_s: float,
    believed_s: float,
    max_age_s: float,
    error_age_s: float,
    standing: Standing,
    is_own: bool,
) -> None:
    file = access("http://a.example", standing=standing, read_at_s=read_at_s, age_s=believed_s).file
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        cache = cache_in(db, max_age_s=max_age_s, error_age_s=error_age_s)
        (cache if is_own else cache_in(db)).keep([file])
        left_s = recalled(cache).expires_at_s - NOW_S
    most_s = min(max_age_s, error_age_s) if standing is Standing.UNREACHABLE else max_age_s
    assert left_s <= most_s + 0.001, "but for the rounding of a date"


def test_an_old_copy_that_stands_in_holds_as_long_as_this_run_has_said(shared: sqlite3.Connection) -> None:
    old = access("http://a.example", read_at_s=NOW_S - 20 * DAY_S).file
    stands_in = msgspec.structs.replace(old, expires_at_s=NOW_S + 600.0)
    cache = cache_in(shared)
    cache.keep([stands_in])
    assert recalled(cache) == stands_in, "its host is not asked whenever it enters the window again"
    assert recalled(cache_in(shared)).expires_at_s <= NOW_S, "a further run asks anew"


def test_a_damaged_entry_is_read_anew(shared: sqlite3.Connection) -> None:
    file = access("http://a.example").file
    kept(msgspec.structs.replace(file, body="User-agent: *\nDisallow: /\N{SNOWMAN}"), shared)
    assert cache_in(shared).recall([A]) == ({}, frozenset())


# --- which file it may be -----------------------------------------------------------------------


def test_a_new_file_is_made_and_an_old_one_is_used(tmp_path: Path) -> None:
    place = str(tmp_path / "new" / "robots")
    for _ in range(2):
        cache = cache_in(None, cache=place)
        cache.keep([access("http://a.example").file])
        cache.close()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["robots"]


def test_a_name_that_sqlite_has_another_meaning_for_is_a_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache_in(None, cache=":memory:").close()
    assert (tmp_path / ":memory:").stat().st_size


def empty_database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is there and is empty"),
        (b'{"seq":0}\n', "not a database"),
        (b"\0" * 8192, "not a database"),
        (None, "something else"),
    ],
)
def test_a_file_that_was_not_made_as_a_cache_is_refused_and_left_alone(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    place = tmp_path / "o7.jsonl"
    if content is None:
        empty_database(place)
        content = place.read_bytes()
    else:
        place.write_bytes(content)
    with pytest.raises(UsageError, match=rf"^robots\.cache .*o7\.jsonl: .*{told}[^\n]*$"):
        cache_in(None, cache=str(place))
    assert place.read_bytes() == content
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_lies_where_sqlite_would_write_is_left_alone(tmp_path: Path, end: str) -> None:
    beside = tmp_path / f"robots{end}"
    beside.write_bytes(b"mine")
    with pytest.raises(UsageError, match=f"^robots.cache .*robots: robots{end} is there without it"):
        cache_in(None, cache=str(tmp_path / "robots"))
    assert beside.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [beside]


def test_a_second_table_of_any_kind_makes_it_another_programs(tmp_path: Path) -> None:
    place = tmp_path / "robots"
    cache_in(None, cache=str(place)).close()
    with contextlib.closing(sqlite3.connect(place)) as db, db:
        db.execute("CREATE TRIGGER robots AFTER INSERT ON robots BEGIN DELETE FROM robots; END")
    with pytest.raises(UsageError, match="database of something else"):
        cache_in(None, cache=str(place))
