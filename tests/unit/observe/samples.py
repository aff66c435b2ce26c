"""Events made short."""

from __future__ import annotations

from scraper.messages import Finished, Request
from scraper.observe.events import RunStarted, Written
from scraper.record import Outcome, Redirect, Try


def finished(
    seq: int = 0,
    *,
    url: str = "https://a.example/",
    host: str = "https://a.example",
    outcome: Outcome = Outcome.OK,
    status: int | None = 200,
    elapsed_s: float = 0.1,
    attempts: int = 1,
    wire_bytes: int = 0,
    size_bytes: int = 0,
) -> Finished:
    return Finished(
        home=0,
        seq=seq,
        url=url,
        host=host,
        outcome=outcome,
        status=status,
        line=b"{}\n",
        wire_bytes=wire_bytes,
        size_bytes=size_bytes,
        elapsed_s=elapsed_s,
        took_s=elapsed_s,
        attempts=attempts,
        retryable=False,
    )


def written(*records: Finished, output_bytes: int = 0) -> Written:
    return Written(records=records, output_bytes=output_bytes)


def batch(count: int) -> Written:
    return written(*(finished(seq) for seq in range(count)))


def started(*, already_done: int = 0, known: int = 0, resumed: bool = False) -> RunStarted:
    return RunStarted(run="r1", resumed=resumed, already_done=already_done, known=known)


def request(
    *,
    target: str = "https://b.example/next",
    redirects: tuple[Redirect, ...] = (),
    tries: tuple[Try, ...] = (),
) -> Request:
    return Request(
        seq=7,
        input="https://a.example/",
        url="https://a.example/",
        target=target,
        host="https://b.example",
        home=1,
        redirects=redirects,
        tries=tries,
    )
