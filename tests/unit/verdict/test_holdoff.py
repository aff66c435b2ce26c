from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.verdict import holdoff
from scraper.verdict.holdoff import LONGEST_S, asked_wait_s, retry_after_s
from tests.support.fakes import EPOCH, response

NOW_S = int(EPOCH.timestamp())
"""2026-01-31 09:30 GMT, a Saturday: when the answers here come."""


def http_date(seconds: float) -> str:
    return format_datetime(EPOCH + timedelta(seconds=seconds), usegmt=True)


def retry_after(*values: str, date: str | None = None, fetched_at: datetime = EPOCH) -> float | None:
    headers = [("retry-after", value) for value in values]
    headers += [("date", date)] if date is not None else []
    return retry_after_s(response(status=503, headers=headers, fetched_at=fetched_at))


def asked(*headers: tuple[str, str], status: int = 429) -> float | None:
    return asked_wait_s(response(status=status, headers=headers))


# --- Retry-After: seconds ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected_s"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("\t 120 ", 120.0),
        ("007", 7.0),
        ("0" * 1000 + "120", 120.0),
        ("2147483647", 2147483647.0),
        ("2147483649", LONGEST_S),
        ("9" * 5000, LONGEST_S),
        ("", None),
        ("-5", None),
        ("+5", None),
        ("-0", None),
        ("1.5", None),
        ("1e3", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("1m0s", None),
        ("5 seconds", None),
        ("soon", None),
        ("\u0661\u0662", None),
        ("\u00b2", None),
        ("\u00a05", None),
    ],
)
def test_seconds_are_digits_and_nothing_else(value: str, expected_s: float | None) -> None:
    assert retry_after(value) == expected_s


def test_without_the_header_there_is_no_wish() -> None:
    assert retry_after(date=http_date(90)) is None


# --- Retry-After: dates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected_s"),
    [
        ("Sat, 31 Jan 2026 09:31:30 GMT", 90.0),
        ("Saturday, 31-Jan-26 09:31:30 GMT", 90.0),
        ("Sat Jan 31 09:31:30 2026", 90.0),
        ("Sun Feb  1 09:30:00 2026", 86400.0),
        ("Sat, 31 Jan 2026 09:29:59 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        # not of the RFC, but plain enough
        ("sat, 31 jan 2026 09:31:30 gmt", 90.0),
        ("Sat, 31-Jan-2026 09:31:30 GMT", 90.0),
        ("Sat, 31 Jan 26 09:31:30 UTC", 90.0),
        ("31 Jan 2026 09:31:30", 90.0),
        ("Sat, 31 Jan 2026 10:31:30 +0100", 90.0),
        ("Sat, 31 Jan 2026 08:01:30 -0130", 90.0),
        ("Fri, 31 Jan 2026 09:31:30 GMT", 90.0),
        # the grammar has leap seconds
        ("Sat, 31 Jan 2026 09:30:60 GMT", 59.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_S),
        ("Sat, 31 Jan 2026 09:31:61 GMT", None),
        ("Sat, 31 Jan 2026 24:00:00 GMT", None),
        ("Sat, 30 Feb 2026 09:31:30 GMT", None),
        ("Sat, 31 Foo 2026 09:31:30 GMT", None),
        ("Sat, 31 Jan 0000 09:31:30 GMT", None),
        ("Sat, 31 Jan 2026 09:31:30 FOO", None),
        ("Sat, 31 Jan 2026 09:31:30 +9900", None),
        ("Sat, 31 Jan 2026", None),
        ("Sat, 31 Jan 20266 09:31:30 GMT", None),
        ("2026-01-31T09:31:30Z", None),
        ("Sat, \u0663\u0661 Jan 2026 09:31:30 GMT", None),
    ],
)
def test_dates_in_the_three_forms_of_the_rfc(value: str, expected_s: float | None) -> None:
    """RFC 9110 section 5.6.7."""
    assert retry_after(value) == expected_s


@pytest.mark.parametrize(
    ("fetched_at", "two_digits", "full_year"),
    [
        (EPOCH, "31-Jan-26 09:30:00", 2026),
        (EPOCH, "06-Nov-94 09:30:00", 1994),
        (EPOCH, "31-Dec-75 09:30:00", 2075),
        (EPOCH, "31-Jan-76 09:30:00", 2076),
        (EPOCH, "31-Jan-76 09:30:01", 1976),
        (EPOCH, "01-Feb-76 00:00:00", 1976),
        (EPOCH, "01-Jan-77 00:00:00", 1977),
        (datetime(2099, 12, 31, 23, 0, tzinfo=UTC), "01-Jan-00 00:00:00", 2100),
        (datetime(2101, 1, 1, tzinfo=UTC), "31-Dec-99 00:00:00", 2099),
        # in UTC it is still December of 2025
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))), "01-Jan-76 00:00:00", 1976),
    ],
)
def test_a_year_of_two_digits_lies_at_most_50_years_ahead(
    fetched_at: datetime, two_digits: str, full_year: int
) -> None:
    """It stands in ``Date``, so that one which lies in the past shows, too."""
    day, month, rest = two_digits.split("-")
    asked_for = f"Friday, {day}-{month}-{full_year}{rest[2:-1]}9 GMT"
    wait_s = retry_after(asked_for, date=f"Friday, {two_digits} GMT", fetched_at=fetched_at)
    assert wait_s == 9 - int(two_digits[-1])


@pytest.mark.parametrize(
    ("value", "date", "expected_s"),
    [
        (http_date(3690), http_date(3600), 90.0),
        (http_date(-3510), http_date(-3600), 90.0),
        (http_date(-3510), "Saturday, 31-Jan-26 08:30:00 GMT", 90.0),
        (http_date(90), "nonsense", 90.0),
        ("90", http_date(3600), 90.0),
    ],
)
def test_the_servers_own_date_cancels_a_wrong_clock(value: str, date: str, expected_s: float) -> None:
    assert retry_after(value, date=date) == expected_s


def test_our_time_of_arrival_stands_in_with_its_fraction() -> None:
    assert retry_after(http_date(90), fetched_at=EPOCH + timedelta(seconds=0.25)) == 89.75


@pytest.mark.parametrize(
    ("values", "expected_s"),
    [
        (["5", "120", "60"], 120.0),
        (["5, 120 ,60"], 120.0),
        (["5", "soon"], 5.0),
        (["-9, 5,, 1.5"], 5.0),
        ([http_date(90), "60"], 90.0),
        ([f"{http_date(90)}, 60"], 90.0),
        ([f"60, {http_date(90)}"], 90.0),
        ([f"{http_date(30)},{http_date(90)},Sat Jan 31 09:31:00 2026"], 90.0),
        ([",", " , "], None),
    ],
)
def test_of_several_the_largest_counts(values: list[str], expected_s: float | None) -> None:
    assert retry_after(*values) == expected_s


# --- rate limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected_s"),
    [
        (['"default";r=0;t=30'], 30.0),
        (['"default";r=1;t=30'], None),
        (['"default"; r=0; t=30; pk=:cHsdsRa894==:'], 30.0),
        (["default;t=30;r=0"], 30.0),
        (['"default";r=0'], None),
        (['"default";t=30'], None),
        (['"a";r=0;t=30, "b";r=0;t=3600, "c";r=9;t=86400'], 3600.0),
        (['"a";r=0;t=30', '"b";r=0;t=60'], 60.0),
        (['"a,b;r=0;t=99";r=0;t=30'], 30.0),
        (['"a\\"b;r=0;t=99";r=0;t=30'], 30.0),
        (['"not closed;r=0;t=99', '"b";r=0;t=60'], 60.0),
        (['"a";r=0;t=soon, "b";r=0;t=30'], 30.0),
        (['"a";r="0";t=30'], None),
        (['"a";r=0;t=-30'], None),
        (['"a";r=5;t=1;r=0;t=30'], 30.0),
        (["limit=100, remaining=0, reset=30"], 30.0),
        (["limit=100, remaining=1, reset=30"], None),
        (["limit=100", "remaining=0", "reset=30"], 30.0),
        ([f"limit=100, remaining=0, reset={NOW_S + 90}"], 90.0),
        (["Limit=100,Remaining = 0 ,Reset = 30"], 30.0),
        (["limit=100, remaining=0"], None),
        (["remaining=0, reset=30, remaining=5, reset=60"], 30.0),
        ([""], None),
        (["=;=,;"], None),
    ],
)
def test_the_field_of_the_draft_in_both_forms(lines: list[str], expected_s: float | None) -> None:
    """draft-ietf-httpapi-ratelimit-headers: the list of -08 to -11, the dictionary of -07."""
    assert asked(*(("ratelimit", line) for line in lines)) == expected_s


@pytest.mark.parametrize("prefix", ["ratelimit", "x-ratelimit", "x-rate-limit"])
@pytest.mark.parametrize(
    ("remaining", "reset", "expected_s"),
    [
        (["0"], ["30"], 30.0),
        (["-1"], ["30"], 30.0),
        (["0.0"], ["30.5"], 30.5),
        (["1"], ["30"], None),
        (["0.5"], ["30"], None),
        (["0"], ["0"], 0.0),
        (["0;w=60"], ["30;w=60"], 30.0),
        (["0"], [], None),
        ([], ["30"], None),
        (["0"], [""], None),
        (["0"], ["soon"], None),
        (["0"], ["-30"], None),
        (["0"], ["1e3"], None),
        (["zero"], ["30"], None),
        (["nan"], ["30"], None),
        (["0"], ["nan"], None),
        # several, by position
        (["0, 5"], ["30, 3600"], 30.0),
        (["5, 0"], ["30, 3600"], 3600.0),
        (["5", "0"], ["30", "3600"], 3600.0),
        (["0, 0"], ["30, 10"], 30.0),
        (["0, 0"], [f"{NOW_S + 90}, {NOW_S + 60}"], 90.0),
        (["0, 0"], ["soon, 10"], 10.0),
        # one reset for all, or none knows which
        (["5, 0"], ["30"], 30.0),
        (["0"], ["30, , 10"], 30.0),
        (["5, 6"], ["30"], None),
        # a time rather than a wait
        (["0"], [f"{NOW_S + 90}"], 90.0),
        (["0"], [f"{NOW_S + 90}.250"], 90.25),
        (["0"], [f"{(NOW_S + 90) * 1000 + 500}"], 90.5),
        (["0"], [f"{NOW_S - 90}"], 0.0),
        (["0"], [f"{(NOW_S - 90) * 1000}"], 0.0),
        # the borders between them
        (["0"], ["999999999"], 999_999_999.0),
        (["0"], ["1000000000"], 0.0),
        (["0"], ["99999999999"], LONGEST_S),
        (["0"], ["100000000000"], 0.0),
        (["0"], ["99999999999999"], LONGEST_S),
        (["0"], ["100000000000000"], None),
        (["0"], ["9" * 5000], None),
        (["9" * 5000], ["30"], None),
        (["\u0660"], ["30"], None),
        (["0"], ["\u00a030"], None),
    ],
)
def test_pairs_of_remaining_and_reset(
    prefix: str, remaining: list[str], reset: list[str], expected_s: float | None
) -> None:
    headers = [(f"{prefix}-remaining", value) for value in remaining]
    headers += [(f"{prefix}-reset", value) for value in reset]
    assert asked(*headers) == expected_s


def test_a_reset_at_a_time_is_relative_to_the_servers_date() -> None:
    date = ("date", http_date(3600))
    pair = ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", f"{NOW_S + 3690}")
    assert asked(*pair) == 3690.0
    assert asked(date, *pair) == 90.0


def test_a_pair_is_of_one_family() -> None:
    assert asked(("ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")) is None


# --- all together ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retry_after_value", "reset", "expected_s"),
    [("60", "30", 60.0), ("30", "60", 60.0), ("soon", "30", 30.0), ("60", "soon", 60.0)],
)
def test_the_largest_wish_of_all_counts(retry_after_value: str, reset: str, expected_s: float) -> None:
    headers = (
        ("retry-after", retry_after_value),
        ("ratelimit", f'"default";r=0;t={reset}'),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1"),
    )
    assert asked(*headers) == expected_s


def test_retry_after_is_told_apart_from_the_limits() -> None:
    headers = [("retry-after", "5"), ("ratelimit", '"default";r=0;t=30')]
    assert retry_after_s(response(headers=headers)) == 5.0
    assert retry_after_s(response(headers=headers[1:])) is None


@pytest.mark.parametrize("status", [200, 202, 206, 301, 304, 403, 404, 413, 429, 500, 503])
def test_a_wish_counts_on_any_status(status: int) -> None:
    assert asked(("retry-after", "7"), status=status) == 7.0
    assert asked(("ratelimit", '"default";r=0;t=7'), status=status) == 7.0


@pytest.mark.parametrize(("age", "expected_s"), [("0", 30.0), ("old", 30.0), ("-1", 30.0), ("12", None)])
def test_the_limits_of_a_cached_answer_are_not_ours(age: str, expected_s: float | None) -> None:
    limits = ("ratelimit", "limit=1, remaining=0, reset=30"), ("x-ratelimit-remaining", "0")
    assert asked(("age", age), *limits, ("x-ratelimit-reset", "20")) == expected_s
    assert asked(("age", age), ("retry-after", "5")) == 5.0


def test_an_answer_without_any_of_them_asks_for_nothing() -> None:
    assert asked() is None
    assert asked(("date", http_date(0)), ("server", "0"), ("x-ratelimit-limit", "60")) is None


# --- whatever a server sends -------------------------------------------------------------------------

NAMES = [
    "retry-after",
    "date",
    "age",
    "ratelimit",
    *(
        f"{prefix}-{part}"
        for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit")
        for part in ("remaining", "reset")
    ),
]
PIECES = st.sampled_from(
    [
        *('"', "\\", ";", ",", "=", " ", "-", ".", "0", "1", "9" * 11, "9" * 15, "r=0", "t=", "remaining=0"),
        *("reset=", "Sat, ", "31", " Jan ", "-Feb-", "26", "2026", "9999", "0001", " 09:30:60", " GMT"),
        *(" +2359", " -2359", "nan", "inf", "1e9", "\x00", "\n", "\u0661", "\udcff"),
    ]
)
VALUES = st.text() | st.lists(PIECES, max_size=12).map("".join)


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=12))
@example([(name, "9" * 70_000) for name in NAMES])
@example([(name, '"' + '\\"' * 32_000) for name in NAMES])
@example([(name, "," * 65_000) for name in NAMES])
@example([("retry-after", "Fri, 31 Dec 9999 23:59:59 -2359"), ("date", "Mon, 01 Jan 0001 00:00:00 +2359")])
@example(
    [
        ("date", "Mon, 01 Jan 0001 00:00:00 +2359"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1000000000"),
    ]
)
def test_no_header_raises_or_breaks_the_bounds(headers: list[tuple[str, str]]) -> None:
    answer = response(status=429, headers=headers)
    alone_s, wait_s = retry_after_s(answer), asked_wait_s(answer)
    for seconds in (alone_s, wait_s):
        assert seconds is None or (math.copysign(1.0, seconds) == 1.0 and seconds <= LONGEST_S)
    assert alone_s is None or (wait_s is not None and wait_s >= alone_s)


def test_of_one_header_so_many_values_are_read() -> None:
    assert retry_after(*["1"] * 7, "99") == 99.0
    assert retry_after(*["1"] * 8, "99") == 1.0


def test_of_all_values_so_many_members_are_read() -> None:
    assert retry_after(",".join(["1"] * 31 + ["99"])) == 99.0
    assert retry_after(",".join(["1"] * 32 + ["99"])) == 1.0
    assert retry_after(*[",".join(["1"] * 20)] * 2, "99") == 1.0


def test_of_a_long_value_the_members_that_are_whole_are_read() -> None:
    blanks = " " * 1010
    assert retry_after(f"7,{blanks}99") == 99.0
    assert retry_after(f"7,{blanks}9999999999999") == 7.0, "not 999999999999"
    assert asked(("ratelimit", f'"a";r=0;t=7,{blanks}"b";r=0;t=99')) == 7.0
    assert asked(("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", f"7,{blanks}99999999999999")) == 7.0


HOSTILE = [
    "Sat, 31 Jan 2026 09:30:00 GMT,",
    "a,",
    "9,",
    ",",
    " ",
    '"a";',
    "r=0;t=9;",
    "r=0;t=9,",
    "reset=9,remaining=0,",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_whatever_is_sent_little_of_it_is_read(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    """500 headers of 63 KB took 18 s."""
    dates, numbers = Mock(wraps=holdoff._http_date), Mock(wraps=holdoff._number)
    monkeypatch.setattr(holdoff, "_http_date", dates)
    monkeypatch.setattr(holdoff, "_number", numbers)
    headers = [(name, unit * (63_000 // len(unit))) for name in NAMES for _ in range(50)]
    answer = response(status=429, headers=headers)
    assert sum(len(value) for values in holdoff._fields(answer).values() for value in values) <= 80 * 1024
    asked_wait_s(answer)
    retry_after_s(answer)
    assert dates.call_count <= 2 * 32 + 3 * 8
    assert numbers.call_count <= 8 + 32 * 2 * 4


def test_a_date_is_short() -> None:
    assert retry_after("Sat,   31 Jan 2026   09:30:30   GMT") == 30.0
    assert retry_after(f"Sat, {' ' * 60}31 Jan 2026 09:30:30 GMT") is None


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 made UTC below
    st.integers(0, 10**9),
)
def test_what_a_server_writes_is_what_is_read(naive: datetime, wait_s: int) -> None:
    server = naive.replace(microsecond=0, tzinfo=UTC)
    then = server + timedelta(seconds=wait_s)
    date = format_datetime(server, usegmt=True)
    assert retry_after(str(wait_s), date=date) == wait_s
    assert retry_after(format_datetime(then, usegmt=True), date=date) == wait_s
    assert retry_after(then.ctime(), date=date) == wait_s
