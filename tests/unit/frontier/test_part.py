"""A part's state: what is for others leaves it when the line goes, and enters theirs once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.clock import SystemClock
from scraper.frontier.facts import Want
from scraper.frontier.part import Part
from scraper.frontier.rows import host_id
from scraper.frontier.store import Store
from scraper.frontier.territory import SLOTS, Territory, slot_of
from scraper.messages import Batch, Finished, Found, Request, Seed
from scraper.record import Outcome, Redirect
from scraper.settings.model import FollowSettings, RobotsSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS, THEIRS = "ours.example", "theirs.example"


def _store(path: Path, number: int) -> Store:
    owners = [0] * SLOTS
    owners[slot_of(THEIRS)] = 1
    store = Store(path)
    store.prepare(
        follow=FollowSettings(depth=3),
        robots=RobotsSettings(),
        token="x",  # noqa: S106 - a name
        clock=SystemClock(),
        part=Part(Territory(number, owners), first_found=100, parts=2),
    )
    return store


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Store]:
    store = _store(tmp_path / "ours.state", 0)
    yield store
    store.close(remove=False)


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Store]:
    store = _store(tmp_path / "theirs.state", 1)
    yield store
    store.close(remove=False)


def _admit(store: Store, *seeds: Seed, source: int = 0) -> int:
    batch = Batch(seeds=seeds, source=source, consumed=len(seeds), ended=True, waits=True)
    return store.admit(batch).lines


def _rows(store: Store, host: str) -> list[Request]:
    return store.load([Want(host_id(host), -1)], limit=100).rows[host_id(host)]


def _finished(request: Request, *found: str) -> Finished:
    return Finished(
        home=request.home,
        place=request.place,
        seq=request.seq,
        url=request.target,
        host=request.host,
        outcome=Outcome.OK,
        status=200,
        line=b"{}\n",
        wire_bytes=1,
        size_bytes=1,
        elapsed_s=0.1,
        took_s=0.1,
        attempts=1,
        retryable=False,
        found=tuple(Found(url, url, 1) for url in found),
    )


def _handed_over(store: Store) -> list[Seed]:
    return [
        Seed("", row=line.encode(), is_listed=bool(listed))
        for _, _, listed, line in store.handed_over(0, 100)
    ]


def test_lines_keep_the_numbers_of_the_whole_list(ours: Store) -> None:
    twice = Seed(f"https://{OURS}/a", seq=7)
    assert _admit(ours, Seed(f"https://{OURS}/a", seq=3), Seed("no url", seq=5), twice) == 3
    (first,) = _rows(ours, OURS)
    assert first.seq == 3
    others = ours.load([Want(0, -1)], limit=9).rows[0]
    assert [(one.seq, one.duplicate_of) for one in others] == [(5, None), (7, 3)]


def test_links_are_told_apart_and_numbered_in_steps(ours: Store, theirs: Store) -> None:
    _admit(ours, Seed(f"https://{OURS}/", seq=4))
    (page,) = _rows(ours, OURS)
    links = [f"https://{OURS}/1", f"https://{THEIRS}/1", f"https://{OURS}/2", f"https://{THEIRS}/1"]
    assert ours.finish([_finished(page, *links)], output_bytes=3).lines == 2

    assert [(one.seq, one.parent, one.depth) for one in _rows(ours, OURS)] == [(100, 4, 1), (102, 4, 1)]
    assert [part for _, part, _, _ in ours.handed_over(0, 100)] == [1]
    assert ours.progress()[:4] == (3, 1, 3, 2)

    # Once more it is new to nobody: neither here, where it was seen, nor there, whoever tells of it.
    again = _rows(ours, OURS)[0]
    ours.finish([_finished(again, *links)], output_bytes=6)
    assert len(ours.handed_over(0, 100)) == 1
    assert _admit(theirs, *_handed_over(ours)) == 1
    assert _admit(theirs, *_handed_over(ours), source=1) == 0
    (link,) = _rows(theirs, THEIRS)
    assert (link.seq, link.parent, link.depth, link.url) == (101, 4, 1, f"https://{THEIRS}/1")


def test_a_redirected_line_leaves_whole(ours: Store, theirs: Store) -> None:
    _admit(ours, Seed(f"https://{OURS}/", {"note": "x"}, seq=4))
    (line,) = _rows(ours, OURS)
    hop = Redirect(url=line.target, status=301, location=f"https://{THEIRS}/", elapsed_s=0.2)
    moved = msgspec.structs.replace(line, target=f"https://{THEIRS}/", host=THEIRS, redirects=(hop,))
    assert ours.move([moved]) == ((), 1)

    assert _rows(ours, OURS) == []
    assert ours.progress().lines == 0  # it is no line of this part any more
    assert _admit(theirs, *_handed_over(ours)) == 1
    (there,) = _rows(theirs, THEIRS)
    assert (there.seq, there.extra, there.target, there.redirects) == (
        4,
        {"note": "x"},
        f"https://{THEIRS}/",
        (hop,),
    )
    # Nobody's list named it there.
    assert not theirs.load([Want(host_id(THEIRS), -1)], limit=9).listed


def test_what_was_dealt_out_is_forgotten_and_its_numbers_are_not_used_again(ours: Store) -> None:
    _admit(ours, *(Seed(f"https://{OURS}/{number}", seq=number) for number in range(2)))
    first, second = _rows(ours, OURS)
    ours.finish([_finished(first, f"https://{THEIRS}/1")], output_bytes=3)
    last = ours.handed_over_last()
    ours.forget_handed_over(last)
    assert ours.handed_over(0, 9) == []
    ours.finish([_finished(second, f"https://{THEIRS}/2")], output_bytes=6)
    assert ours.handed_over_last() == last + 1


def test_a_host_that_has_gone_takes_its_name_on_the_list_along(tmp_path: Path, theirs: Store) -> None:
    ours = _store(tmp_path / "ours.state", 0)
    _admit(ours, Seed(f"https://{OURS}/", seq=4))
    (line,) = _rows(ours, OURS)
    assert ours._part is not None
    ours._part.territory.departed[OURS] = 1
    assert ours.move([line]) == ((), 1)
    handed_over = _handed_over(ours)
    ours.close(remove=False)

    assert _admit(theirs, *handed_over) == 1
    assert theirs.load([Want(host_id(OURS), -1)], limit=9).listed == {host_id(OURS)}
    assert theirs._part is not None
    assert theirs._part.territory.owns(OURS)

    # Also after a crash, and for what comes later.
    again = _store(tmp_path / "ours.state", 0)
    assert _admit(again, *handed_over, source=1) == 0
    assert len(again.handed_over(0, 9)) == 2
    again.close(remove=False)
