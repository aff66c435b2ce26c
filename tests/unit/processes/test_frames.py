"""Messages between the processes, however the socket cuts them up."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.messages import Again, Finished, Hop, Impression, Request, RobotsRequest, Sign
from scraper.processes.black_box import BlackBox, new_box_file
from scraper.processes.frames import (
    Came,
    Cancel,
    Departed,
    Line,
    News,
    Order,
    Ping,
    Pong,
    Start,
    Visit,
    decode_news,
    decode_order,
    encode_news,
    encode_order,
)
from scraper.processes.process import Death
from scraper.record import Failure, Outcome, Redirect, Robots, Try
from scraper.robots.access import RobotsFile, Standing
from scraper.settings.model import HostLimits, PolitenessSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Request(
    target="https://a.example/new",
    host="a.example",
    redirects=(Redirect(url="https://a.example/", status=301, location="/new", elapsed_s=0.25),),
    tries=(Try(at="2026-01-31T12:00:00Z", status=503, retry_after_s=1.5),),
    is_last=True,
    is_listed=True,
    seq=7,
    input="https://a.example/",
    extra={"big": 2**80, "ä": [None, {"x": 0.5}]},
    url="https://a.example/",
    key="https://a.example/",
    home=2**60,
    place=3,
    robots=Robots(allowed=True, rule="Allow: /", status=200, crawl_delay=None),
)
FILE = RobotsRequest(target="https://a.example/robots.txt", host="a.example", origin="https://a.example")
ROBOTS = RobotsFile(
    origin="https://a.example",
    standing=Standing.UNREACHABLE,
    status=None,
    read_at_s=1.5,
    expires_at_s=2.5,
    body="\xff",
    failure=Failure(type="T", message="m", phase="dns"),
    cause=Outcome.DNS_ERROR,
)
RECORD = Finished(
    home=1,
    place=2,
    seq=3,
    url="https://a.example/",
    host="a.example",
    outcome=Outcome.OK,
    status=200,
    line=b'{"title":"\xc3\xa4"}\n',
    wire_bytes=1,
    size_bytes=2,
    elapsed_s=0.5,
    took_s=0.75,
    attempts=1,
    retryable=False,
)
SEEN = Impression(Sign.OVERLOADED, 0.25, 9.0)
LIMITS = PolitenessSettings(hosts={"*.example": HostLimits(delay_s=5.0)})
ORDERS: list[Order] = [
    Start(Settings(politeness=LIMITS), "scraper", "run-1"),
    Visit(1, PAGE, may_retry=True),
    Visit(2**40, FILE, may_retry=False),
    Cancel(1),
    Ping(),
]
NEWS: list[News] = [
    Departed(1),
    Pong(),
    Came(1, RECORD, None, SEEN, 0),
    Came(2, Again(FILE, 1.5), None, SEEN, 2),
    Came(3, Hop(FILE), None, SEEN, 0),
    Came(4, None, ROBOTS, SEEN, 0),
]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_comes_as_it_was_sent(order: Order) -> None:
    assert decode_order(encode_order(order)) == order


@pytest.mark.parametrize("news", NEWS)
def test_news_come_as_they_were_sent(news: News) -> None:
    assert decode_news(encode_news(news)) == news


class Taken(asyncio.WriteTransport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


def line_of(received: list[Order]) -> Line[Order, Order]:
    return Line(encode=encode_order, decode=decode_order, receive=received.append, lost=lambda: None)


async def sent(orders: Sequence[Order]) -> list[bytes]:
    """Return what is written when these are sent in one turn of the loop."""
    line, transport = line_of([]), Taken()
    line.connection_made(transport)
    for order in orders:
        line.send(order)
    assert not transport.written
    await asyncio.sleep(0)
    return transport.written


@given(
    chosen=st.lists(st.sampled_from(ORDERS), max_size=6),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
)
def test_any_cuts_give_the_same_messages(chosen: list[Order], cuts: list[int]) -> None:
    async def play() -> list[Order]:
        data = b"".join(await sent(chosen))
        received: list[Order] = []
        line = line_of(received)
        ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
        for begin, end in zip([0, *ends], ends, strict=False):
            line.data_received(data[begin:end])
        return received

    assert asyncio.run(play()) == chosen


async def test_what_is_sent_in_one_turn_goes_out_in_one_write() -> None:
    assert len(await sent(ORDERS)) == 1
    assert await sent([]) == []


async def test_to_an_end_that_is_gone_nothing_goes() -> None:
    gone: list[None] = []
    line = Line[Order, Order](
        encode=encode_order, decode=decode_order, receive=print, lost=lambda: gone.append(None)
    )
    transport = Taken()
    line.connection_made(transport)
    line.send(Cancel(1))
    line.connection_lost(None)
    await asyncio.sleep(0)
    line.send(Cancel(2))
    line.close()
    assert gone == [None]
    assert transport.written == []


async def test_closing_sends_what_is_left_first() -> None:
    ours, theirs = socket.socketpair()
    received: list[Order] = []
    gone = asyncio.Event()
    other = Line[Order, Order](
        encode=encode_order, decode=decode_order, receive=received.append, lost=gone.set
    )
    loop = asyncio.get_running_loop()
    line = line_of([])
    await loop.create_unix_connection(lambda: line, sock=ours)
    await loop.create_unix_connection(lambda: other, sock=theirs)
    line.send(ORDERS[0])
    line.close()
    await gone.wait()
    assert received == [ORDERS[0]]


def test_the_box_is_the_same_for_all_who_map_it() -> None:
    descriptor = new_box_file()
    one, other = BlackBox(descriptor), BlackBox(descriptor)
    os.close(descriptor)
    assert other.number == 0
    one.number = 2**50
    assert other.number == 2**50
    one.close()
    other.number = 0
    other.close()


@pytest.mark.parametrize(
    ("code", "told", "is_its_own", "is_stall", "is_bug"),
    [
        (0, "ended", False, False, False),
        (1, "ended", False, False, True),
        (-signal.SIGSEGV, "was killed by SIGSEGV", True, False, False),
        (-signal.SIGABRT, "was killed by SIGABRT", True, False, False),
        (-signal.SIGPROF, "was killed by SIGPROF", True, True, False),
        (-signal.SIGKILL, "was killed by SIGKILL", False, False, False),
        (-signal.SIGTERM, "was killed by SIGTERM", False, False, False),
        (-250, "was killed by signal 250", False, False, False),
    ],
)
def test_how_a_child_ended(code: int, *, told: str, is_its_own: bool, is_stall: bool, is_bug: bool) -> None:
    death = Death(code)
    assert str(death) == told
    assert (death.is_its_own, death.is_stall, death.is_bug) == (is_its_own, is_stall, is_bug)


def test_one_that_was_given_up_has_stalled() -> None:
    death = Death(-signal.SIGKILL, is_given_up=True)
    assert str(death) == "did not answer any more"
    assert (death.is_its_own, death.is_stall, death.is_bug) == (True, True, False)
