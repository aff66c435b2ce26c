"""Events made short."""

from __future__ import annotations

from scraper.messages import Finished, OwnFields, Request, RobotsRequest
from scraper.observe.events import RobotsKnown, RunStarted, Written
from scraper.record import Failure, Outcome, Redirect, Try
from scraper.robots.access import RobotsFile, Standing


def finished(
    seq: int = 0,
    *,
    url: str = "https://a.example/",
    host: str = "https://a.example",
    outcome: Outcome = Outcome.OK,
    cause: Outcome | None = None,
    status: int | None = 200,
    elapsed_s: float = 0.1,
    attempts: int = 1,
    wire_bytes: int = 0,
    size_bytes: int = 0,
    own: OwnFields | None = None,
) -> Finished:
    return Finished(
        home=0,
        place=seq,
        seq=seq,
        url=url,
        host=host,
        outcome=outcome,
        cause=cause,
        status=status,
        line=b"{}\n",
        wire_bytes=wire_bytes,
        size_bytes=size_bytes,
        elapsed_s=elapsed_s,
        took_s=elapsed_s,
        attempts=attempts,
        retryable=False,
        own=own,
    )


def written(*records: Finished, output_bytes: int = 0) -> Written:
    return Written(records=records, output_bytes=output_bytes)


def batch(count: int) -> Written:
    return written(*(finished(seq) for seq in range(count)))


def started(*, already_done: int = 0, known: int = 0, resumed: bool = False) -> RunStarted:
    """A run's start; what was done before came out well."""
    tally = ((Outcome.OK, 200, already_done),) if already_done else ()
    return RunStarted(run="r1", resumed=resumed, already_done=already_done, known=known, tally=tally)


def request(
    *,
    target: str = "https://b.example/next",
    redirects: tuple[Redirect, ...] = (),
    tries: tuple[Try, ...] = (),
    is_anew: bool = False,
) -> Request:
    return Request(
        seq=7,
        input="https://a.example/",
        url="https://a.example/",
        target=target,
        host="https://b.example",
        home=1,
        place=2,
        redirects=redirects,
        tries=tries,
        is_anew=is_anew,
    )


def robots_request(*, redirects: tuple[Redirect, ...] = (), tries: tuple[Try, ...] = ()) -> RobotsRequest:
    return RobotsRequest(
        target="https://b.example/robots.txt",
        host="https://b.example",
        origin="https://b.example",
        redirects=redirects,
        tries=tries,
    )


def robots_known(
    origin: str = "https://b.example",
    *,
    standing: Standing = Standing.RULES,
    status: int | None = 200,
    cause: Outcome | None = None,
    message: str = "",
) -> RobotsKnown:
    """Return what came of asking for a robots.txt; with a ``message`` it could not be had."""
    failure = Failure(type="EWHY", message=message, phase="robots") if message else None
    return RobotsKnown(
        RobotsFile(
            origin=origin,
            standing=standing,
            status=status,
            read_at_s=0.0,
            expires_at_s=600.0,
            failure=failure,
            cause=cause,
        )
    )
