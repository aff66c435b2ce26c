"""Before a request goes: its host must not be given up, and robots.txt must have been read and allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from scraper.frontier.gate import is_blocked
from scraper.messages import Request, RobotsRequest, Settled
from scraper.record import Failure, Outcome
from scraper.robots.access import Access, RobotsFile, Standing, origin_of, robots_url

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.frontier.host_queue import HostQueue
    from scraper.settings.model import RobotsSettings

_OUT_OF_REACH = Failure(
    type="RobotsOutOfReach",
    message="robots.txt leads on to a host that another part of the run answers for",
    phase="robots",
)


class Opened(NamedTuple):
    """What came of opening a gate."""

    file: RobotsFile | None
    """What holds now, to be kept; ``None`` when it is not worth that."""
    refused: list[Request]
    """What waited, and is not to be asked for."""


class Gatekeeper:
    """Says of each request whether it goes.

    robots.txt is asked for before anything else of an origin, once, and by then who waits for it is parked.
    """

    def __init__(self, settings: RobotsSettings, *, clock: Clock) -> None:
        self._obeys = settings.policy == "obey"
        self._delay_cap_s = settings.crawl_delay_cap_s
        self._error_age_s = min(settings.error_age_s, settings.max_age_s)
        self._clock = clock

    def clear(self, host: HostQueue, request: Request) -> Request | RobotsRequest | None:
        """Return what is to go in a request's turn.

        That is the request itself, with what robots.txt says of it, perhaps settled by that; or the
        request for robots.txt, when it is the first to its origin; or nothing while that is on its way.
        """
        if host.turn.is_given_up:
            return replace(request, settled=_unavailable(host))
        now_s = self._clock.monotonic()
        if request.robots is not None:  # judged when what it waited for came
            return _judged_anew(host, request)
        origin = origin_of(request.target)
        if not self._obeys or request.target == robots_url(origin):  # always allowed: RFC 9309 section 2.2.2
            return request
        gate = host.gate(origin)
        access = gate.access(now_s)
        if access is None:
            gate.parked.append(request)
            if gate.asked:
                return None
            gate.asked = True
            return RobotsRequest(
                target=robots_url(origin), host=request.host, origin=origin, known_at_s=now_s
            )
        return _judged(request, access)

    def open(self, host: HostQueue, access: Access) -> Opened:
        """Let what waited go on by what came of asking, before the rest of its host and in order.

        It goes by this answer even if that expires before its turn: else an answer that is believed for
        less time than the host's delay would be asked for again and again, and nothing else ever.
        """
        gate = host.gate(access.file.origin)
        is_outdated, gate.is_outdated = gate.is_outdated, False
        if is_outdated and is_blocked(access.file):
            gate.asked = False
            host.queue.extendleft(reversed(gate.parked))
            gate.parked.clear()
            return Opened(None, [])
        holds = gate.open(access, now_s=self._clock.monotonic(), unix_s=self._clock.utc().timestamp())
        self._slow_down(host)
        if host.turn.is_given_up:
            settled = _unavailable(host)
            judged = [replace(request, settled=settled) for request in gate.parked]
        else:
            judged = [_judged(request, holds) for request in gate.parked]
        gate.parked.clear()
        host.queue.extendleft(request for request in reversed(judged) if request.settled is None)
        # Another run, or this one resumed, may be let ask by other settings or another list.
        file = None if is_blocked(holds.file) else holds.file
        return Opened(file, [request for request in judged if request.settled is not None])

    def give_up(self, host: HostQueue, errand: RobotsRequest) -> Access:
        """Return what to go by when robots.txt would have to be asked of a host that is given up."""
        return self._unreachable(errand, _given_up(host), Outcome.HOST_UNAVAILABLE)

    def _unreachable(self, errand: RobotsRequest, failure: Failure | None, cause: Outcome) -> Access:
        unix_s = self._clock.utc().timestamp()
        file = RobotsFile(
            origin=errand.origin,
            standing=Standing.UNREACHABLE,
            status=None,
            read_at_s=unix_s,
            expires_at_s=unix_s + self._error_age_s,
            failure=failure,
            cause=cause,
        )
        return Access(file, None)

    def out_of_reach(self, errand: RobotsRequest) -> Access:
        """Return what to go by when robots.txt lies with a host that is not ours to ask."""
        return self._unreachable(errand, _OUT_OF_REACH, Outcome.REDIRECT_ERROR)

    def recall(self, host: HostQueue, access: Access) -> None:
        """Take over what is known from earlier."""
        gate = host.gate(access.file.origin)
        gate.recall(access, now_s=self._clock.monotonic(), unix_s=self._clock.utc().timestamp())
        self._slow_down(host)

    def _slow_down(self, host: HostQueue) -> None:
        """Keep the longest delay that the host's origins ask for: it is one machine."""
        asked_s = max(gate.crawl_delay_s for gate in host.gates.values())
        host.turn.keep_crawl_delay(min(asked_s, self._delay_cap_s))


def _given_up(host: HostQueue) -> Failure:
    """Say that a host is given up, and what its last request came to."""
    last = f"; last it came to {host.turn.trouble}" if host.turn.trouble else ""
    return Failure(type="HostUnavailable", message=f"the host was given up{last}", phase="connect")


def _unavailable(host: HostQueue) -> Settled:
    return Settled(Outcome.HOST_UNAVAILABLE, _given_up(host), retryable=True)


def _judged(request: Request, access: Access) -> Request:
    """Return a request with what robots.txt says of it; settled by that, when it is not allowed."""
    if access.file.standing is Standing.BLOCKED:  # robots.txt has nothing to do with it
        return replace(request, settled=Settled(Outcome.BLOCKED_ADDRESS, access.file.failure))
    robots = access.judge(request.target)
    return replace(request, robots=robots, settled=None if robots.allowed else _refusal(access.file))


def _judged_anew(host: HostQueue, request: Request) -> Request:
    """Return a request as what robots.txt said last has it: another line may have asked for it since.

    It is not asked for again, even if all that it said has expired; see ``Gatekeeper.open``.
    """
    gate = host.gates.get(origin_of(request.target))
    latest = gate.latest if gate else None
    if latest is None or is_blocked(latest.file):  # that ends with the host being listed
        return request
    return _judged(request, latest)


def _refusal(file: RobotsFile) -> Settled:
    """Return what comes of a request that robots.txt does not allow."""
    if file.standing is Standing.UNREACHABLE:
        return Settled(Outcome.ROBOTS_UNREACHABLE, file.failure, file.cause, retryable=True)
    return Settled(Outcome.ROBOTS_DENIED)
