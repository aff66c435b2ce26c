# ruff: noqa: RUF001 - dates and names in other letters
"""Dates in, ISO 8601 out: nothing lost, nothing invented."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.dates import _MONTHS, FIRST_YEAR, LAST_YEAR, _plain, iso_date

DATES = st.dates(dt.date(1500, 1, 1), dt.date(LAST_YEAR, 12, 31))
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
MOMENTS = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 1, 1), timezones=ZONES)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        # Precision is kept.
        ("2024", "2024"),
        ("2024-01", "2024-01"),
        ("2024-01-05", "2024-01-05"),
        ("2024-01-05T10:15", "2024-01-05T10:15"),
        ("2024-01-05T10:15:30", "2024-01-05T10:15:30"),
        ("2024-01-05T10:15:30.120", "2024-01-05T10:15:30.120"),
        ("2024-01-05T10:15:30,5Z", "2024-01-05T10:15:30.5Z"),
        ("2024-01-05T10:15:30.1234567+00:00", "2024-01-05T10:15:30.1234567+00:00"),
        # Zones are kept, in one spelling.
        ("2024-01-05T10:15:30Z", "2024-01-05T10:15:30Z"),
        ("2024-01-05t10:15:30z", "2024-01-05T10:15:30Z"),
        ("2024-01-05 10:15:30 UTC", "2024-01-05T10:15:30Z"),
        ("2024-01-05T10:15:30+0200", "2024-01-05T10:15:30+02:00"),
        ("2024-01-05T10:15:30+02", "2024-01-05T10:15:30+02:00"),
        ("2024-01-05T10:15:30 -05:30", "2024-01-05T10:15:30-05:30"),
        ("2024-01-05T10:15:30\u221205:00", "2024-01-05T10:15:30-05:00"),
        ("2024-01-05T10:15:30-00:00", "2024-01-05T10:15:30Z"),
        ("2024-01-05T10:15:30+99:00", "2024-01-05T10:15:30"),
        ("2024-01-05T10:15:30 IST", "2024-01-05T10:15:30"),
        ("2024-01-05T10:15:30+01:00[Europe/Berlin]", "2024-01-05T10:15:30+01:00"),
        # The other spellings of ISO 8601.
        ("20240105", "2024-01-05"),
        ("20240105T101530Z", "2024-01-05T10:15:30Z"),
        ("20240105T1015+0100", "2024-01-05T10:15+01:00"),
        ("20240105101530", "2024-01-05T10:15:30"),
        ("2024-W01-1", "2024-01-01"),
        ("2024W011", "2024-01-01"),
        ("2024-W01", "2024-W01"),
        ("2024-W54-1", None),
        ("2024-366", "2024-12-31"),
        ("2023-366", None),
        ("2024-01-05T24:00", "2024-01-06T00:00"),
        ("2024/1/5", "2024-01-05"),
        ("2024.01.05.", "2024-01-05"),
        ("2024-01-05T10:15:60", "2024-01-05"),
        ("2024-01-05T25:00", "2024-01-05"),
        # RFC 5322, RFC 9110, programs.
        ("Fri, 05 Jan 2024 10:15:30 +0100", "2024-01-05T10:15:30+01:00"),
        ("Fri, 5 Jan 2024 10:15:30 EST", "2024-01-05T10:15:30-05:00"),
        ("Friday, 05-Jan-24 10:15:30 GMT", "2024-01-05T10:15:30Z"),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        ("Fri Jan  5 10:15:30 2024", "2024-01-05T10:15:30"),
        ("Fri Jan 05 2024 10:15:30 GMT+0200 (Central European Time)", "2024-01-05T10:15:30+02:00"),
        ("Fri Jan 05 10:15:30 CET 2024", "2024-01-05T10:15:30+01:00"),
        # Written for readers.
        ("January 5, 2024", "2024-01-05"),
        ("Jan. 5th, 2024 at 3:05 p.m. EST", "2024-01-05T15:05-05:00"),
        ("January 5, 2024 12:30 AM", "2024-01-05T00:30"),
        ("5 January 2024", "2024-01-05"),
        ("the 5th of January, 2024", "2024-01-05"),
        ("05-Jan-2024", "2024-01-05"),
        ("2024-Jan-05", "2024-01-05"),
        ("January 2024", "2024-01"),
        ("January 2024, 10:15", "2024-01"),  # a time of no day
        ("Published: 2024-01-05", "2024-01-05"),
        ("Posted on May 5, 2024 by Ann Lee", "2024-05-05"),
        ("5. Januar 2024", "2024-01-05"),
        ("5. März 2024, 10:15 Uhr", "2024-03-05T10:15"),
        ("1er janvier 2024", "2024-01-01"),
        ("mar. 5 mars 2024 à 10h15", "2024-03-05T10:15"),
        ("5 fevrier 2024", "2024-02-05"),
        ("5 de enero de 2024", "2024-01-05"),
        ("5 de março de 2024", "2024-03-05"),
        ("5 gennaio 2024", "2024-01-05"),
        ("5 maart 2024", "2024-03-05"),
        ("5 stycznia 2024", "2024-01-05"),
        ("5 января 2024 г., 10:15", "2024-01-05T10:15"),
        ("5 AĞUSTOS 2024", "2024-08-05"),
        ("2024. január 5.", "2024-01-05"),
        ("2024年1月5日 10時15分", "2024-01-05T10:15"),
        ("2024年1月", "2024-01"),
        ("2024년 1월 5일", "2024-01-05"),
        ("２０２４年１月５日", "2024-01-05"),
        ("令和6年1月5日", "2024-01-05"),
        ("ngày 5 tháng 1 năm 2024", "2024-01-05"),
        ("5 มกราคม 2567", "2024-01-05"),
        ("٥ يناير ٢٠٢٤", "2024-01-05"),
        # Numbers with the year last.
        ("13/02/2024", "2024-02-13"),
        ("02/13/2024", "2024-02-13"),
        ("05/05/2024", "2024-05-05"),
        ("01/02/2024", None),
        ("5.1.2024", "2024-01-05"),
        ("5. 1. 2024", "2024-01-05"),
        ("01/2024", "2024-01"),
        # What does not exist, or says nothing.
        ("2024-02-30", None),
        ("2023-02-29", None),
        ("2024-13-01", None),
        ("February 30, 2024", None),
        ("2024-00", None),
        ("0000-00-00 00:00:00", None),
        ("-0001-11-30T00:00:00+00:00", None),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31", None),
        ("1970-01-01T00:00:00+00:00", None),
        ("1969-12-31T19:00:00-05:00", None),
        ("1900-01-01T00:00:00", None),
        ("1970-01-01", "1970-01-01"),
        ("1402/10/15", "1402-10-15"),
        ("۱۴۰۲/۱۰/۱۵", None),
        ("2 hours ago", None),
        ("yesterday", None),
        ("May", None),
        ("10:15", None),
        ("5", None),
        ("1704449730", None),
        ("5-7 January 2024", "2024-01"),
        ("", None),
        ("x" * 10_000 + "2024-01-05", None),
    ],
)
def test_dates(text: str, iso: str | None) -> None:
    assert iso_date(text) == iso


@pytest.mark.parametrize(
    ("text", "lang", "iso"),
    [
        ("01/02/2024", "fr", "2024-02-01"),
        ("01/02/2024", "de-DE", "2024-02-01"),
        ("01/02/2024", "en", None),
        ("01/02/2024", "en-US", "2024-01-02"),
        ("01/02/2024", "EN_us", "2024-01-02"),
        ("01/02/2024", "en-Latn-US", "2024-01-02"),
        ("25/02/2024", "en-US", "2024-02-25"),
        ("01/02/2024", "en-GB", "2024-02-01"),
        ("02/25/2024", "en-GB", "2024-02-25"),
        ("01/02/2024", "en-001", "2024-02-01"),
        ("01/02/2024", "en-CA", None),
        ("01/02/2024", "ja-US", None),
        ("01/02/2024", "es-US", None),
        ("1402/10/15", "fa-IR", None),
        ("1445-10-15", "ar", None),
    ],
)
def test_the_language_settles_some(text: str, lang: str, iso: str | None) -> None:
    assert iso_date(text, lang=lang) == iso


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("1704449730", "2024-01-05T10:15:30Z"),
        ("1704449730123", "2024-01-05T10:15:30.123Z"),
        ("1704449730000", "2024-01-05T10:15:30Z"),
        ("1704449730.0", "2024-01-05T10:15:30Z"),
        ("20240105", "2024-01-05"),
        ("0", None),
        ("99999999999", None),
    ],
)
def test_seconds_since_1970_only_where_a_field_has_them(text: str, iso: str | None) -> None:
    assert iso_date(text, epoch=True) == iso


@given(MOMENTS)
def test_iso_8601_comes_back_as_it_is(moment: dt.datetime) -> None:
    assert dt.datetime.fromisoformat(iso_date(moment.isoformat()) or "") == moment


@given(MOMENTS)
def test_rfc_5322_means_the_same_moment(moment: dt.datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert dt.datetime.fromisoformat(iso_date(format_datetime(whole)) or "") == whole


@given(DATES, st.sampled_from(["{0:%Y%m%d}", "{0.year}年{0.month}月{0.day}日", "{0:%Y/%m/%d}", "{0:%Y-%j}"]))
def test_a_date_stays_a_date(date: dt.date, form: str) -> None:
    assert iso_date(form.format(date)) == date.isoformat()


@pytest.mark.parametrize("number", range(1, 13))
def test_every_month_name_is_read_both_ways_round(number: int) -> None:
    for word in _MONTHS[number - 1].split():
        assert iso_date(f"5 {word} 2024") == f"2024-{number:02}-05", word
        assert iso_date(f"{word.capitalize()} 5, 2024") == f"2024-{number:02}-05", word


def test_no_month_name_means_two() -> None:
    words = [{_plain(word) for word in words.split()} for words in _MONTHS]
    assert sum(map(len, words)) == len(set().union(*words))


@given(st.text(st.sampled_from("0123456789-/.:T Z+年月日janmarW元令和PAM,"), max_size=40) | st.text())
def test_whatever_a_page_says_is_a_date_or_none(text: str) -> None:
    found = iso_date(text, epoch=True)
    if found is not None:
        assert FIRST_YEAR <= int(found[:4]) <= LAST_YEAR + 1
        assert iso_date(found) == found  # it is in the form already
