from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notify.message import MAX_EARLIER
from scraper.notify.notice import SilenceNotice
from scraper.notify.pending import Pending

AT = datetime(2026, 11, 29, tzinfo=UTC)


def notice(number: int) -> SilenceNotice:
    return SilenceNotice(job=f"job{number}", at=AT + timedelta(seconds=number), since=AT)


def test_the_first_goes_at_once_and_the_next_after_the_interval() -> None:
    pending = Pending(interval_s=60)
    assert pending.wait_s(0) is None
    pending.add(notice(1))
    assert pending.wait_s(0) == 0
    assert pending.take().notice == notice(1)
    pending.told(10)
    assert pending.wait_s(10) is None
    pending.add(notice(2))
    assert pending.wait_s(20) == 50
    assert pending.wait_s(70) == 0
    assert pending.wait_s(700) == 0


def test_what_comes_too_soon_is_named_in_the_next() -> None:
    pending = Pending(interval_s=60)
    for number in range(4):
        pending.add(notice(number))
    assert len(pending) == 4
    batch = pending.take()
    assert len(pending) == 0
    assert len(batch) == 4
    assert batch.notice == notice(3)
    assert [one.title.partition(":")[0] for one in batch.earlier] == ["job0", "job1", "job2"]
    assert "3 earlier, without messages of their own" in batch.message.text


def test_what_could_not_be_delivered_is_named_in_the_next_but_sends_none() -> None:
    pending = Pending(interval_s=0)
    pending.add(notice(0))
    pending.add(notice(1))
    batch = pending.take()
    pending.add(notice(2))
    pending.add(notice(3))
    pending.give_back(batch)
    assert len(pending) == 4
    again = pending.take()
    assert again.notice == notice(3)
    assert [one.title.partition(":")[0] for one in again.earlier] == ["job0", "job1", "job2"]
    pending.give_back(again)
    assert pending.wait_s(0) is None
    assert len(pending) == 4
    with pytest.raises(ValueError, match="nothing to tell"):
        pending.take()


@given(st.lists(st.sampled_from(["add", "deliver", "fail"]), max_size=100))
def test_every_notice_is_told_counted_or_still_there(steps: list[str]) -> None:
    pending = Pending(interval_s=0)
    added = told = 0
    for step in steps:
        if step == "add":
            pending.add(notice(added))
            added += 1
        elif pending.wait_s(0) is not None:
            batch = pending.take()
            assert len(batch.earlier) <= MAX_EARLIER
            if step == "deliver":
                told += len(batch)
                assert len(batch.message.body) < 10_000
            else:
                pending.give_back(batch)
        assert told + len(pending) == added
