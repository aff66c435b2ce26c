"""Which answers of an archive are one line: redirects joined, bodies that came before put in, tries counted.

Blocking: it reads again what stands elsewhere in the archives.

An archive of ours says of each answer which line it belongs to, and what has led there. In those of others a
redirect waits for the next answer of where it leads; if none comes, the last one before it is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from scraper import urls
from scraper.archives.archived import Archived, Broken
from scraper.archives.ledger import Ledger, Waiting
from scraper.archives.sources import Damaged, LeftOut
from scraper.errors import FetchError, InvalidUrl
from scraper.messages import Hop, Request, Settled
from scraper.observe.printable import printable_url
from scraper.record import Failure, Outcome
from scraper.verdict.page import Done
from scraper.verdict.redirects import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scraper.archives.archived import Line, Place
    from scraper.messages import Response
    from scraper.verdict.page import Decider

_NOT_MODIFIED = 304
_LATER = "later"
"""The key of what waits for a body that may still come."""
_MOST_HOPS = 50
"""More than ``fetch.max_redirects`` is likely to be; the rules end a circle sooner."""


class Ready(NamedTuple):
    """A line whose record can be made."""

    request: Request
    answer: Archived
    ended: Done | None = None
    """What has come of it, when that is not the answer's to say."""
    is_last: bool = False
    """Nothing comes after it: a page that sends its readers on is the end."""


class Reader(Protocol):
    """Where the answers come from."""

    def read(self, *, note_share: Callable[[float], None]) -> Iterator[Archived | Damaged | LeftOut]:
        """Give all of them in their order, and what is no answer."""
        ...

    def lines(self) -> Iterator[Line]:
        """Give what is said of lines, for each answer that says it."""
        ...

    def again(self, place: Place) -> Archived | None:
        """Return one of them once more, ``None`` when that can't be."""
        ...


class Lines:
    """Makes lines of answers; one thread at a time."""

    def __init__(self, reader: Reader, ledger: Ledger, *, decider: Decider) -> None:
        """Take the rules of redirects with the decider, which is to try nothing again."""
        self._reader = reader
        self._ledger = ledger
        self._decider = decider
        self._next_seq = 0
        self._share: float | None = None
        self.begun = 0
        """Lines so far; of each there is to be a record."""
        self.joined = 0
        """Answers that belong to a line which had begun: where a redirect led, a further try, what was asked
        once more after a crash."""
        self.robots = 0
        self.others = 0
        """Records that are no pages: other protocols, what programs note."""
        self.damaged = 0

    @property
    def read_share(self) -> float | None:
        """How much of the archives was read, from 0 to 1; ``None`` when that can't be told."""
        return self._share

    def ready(self) -> Iterator[Ready | Damaged]:
        """Give the lines in the order in which they are complete, and what is damaged."""
        for line in self._reader.lines():
            if line.kind != "robots":
                self._ledger.expect(_line_key(line))
        for found in self._reader.read(note_share=self._note_share):
            if isinstance(found, Damaged):
                self.damaged += 1
                yield found
            elif isinstance(found, LeftOut):
                self._count_left_out(found)
            elif (one := self._taken(found)) is not None:
                yield one
        for waiting in self._ledger.left():
            yield self._last(waiting)

    def refreshed(self, onward: Request, ready: Ready) -> None:
        """Let a line of others wait for where its page sends its readers on to."""
        self._ledger.put_aside(_url_key(onward.target), Waiting(onward, ready.answer, leads_on=True))

    def _note_share(self, share: float) -> None:
        self._share = share

    def _count_left_out(self, found: LeftOut) -> None:
        if found.kind == "robots":
            self.robots += 1
        else:
            self.others += 1

    def _taken(self, answer: Archived) -> Ready | None:
        """Return the line that an answer completes, if it does."""
        if answer.line is not None and not _is_sound(answer.line, answer):
            answer = replace(answer, line=None)  # it is not from us: ours have URLs there
        own = answer.line is not None
        request = _request_of(answer.line, answer) if answer.line else self._request_for(answer)
        if request.url is not None:
            answer = replace(answer, response=replace(answer.response, url=request.target))
        if answer.place is not None:
            self._ledger.note_place(answer.place, (*answer.keys, _url_key(answer.response.url)))
        if answer.line is not None:
            key = _line_key(answer.line)
            request, answer = self._latest(key, request, answer)
            if not self._ledger.is_last(key):
                self._ledger.put_aside(key, Waiting(request, answer))
                return None
        if (onward := self._onward(request, answer)) is not None:
            if own:
                return _led_out(request, answer, onward)
            self._ledger.put_aside(_url_key(onward.target), Waiting(onward, answer, leads_on=True))
            return None
        if answer.broken is None and answer.response.status == _NOT_MODIFIED:
            return Ready(request, answer, Done(outcome=Outcome.NOT_MODIFIED), is_last=own)
        whole = self._with_body(answer)
        if whole is None:
            self._ledger.put_aside(_LATER, Waiting(request, answer))
            return None
        return Ready(request, whole, is_last=own)

    def _last(self, waiting: Waiting) -> Ready:
        """Return a line for which nothing comes any more."""
        request, answer, leads_on = waiting
        if leads_on:
            for _ in range(_MOST_HOPS):
                found = self._held(request.target)
                if found is None:
                    break
                answer = found
                onward = self._onward(request, answer)
                if onward is None:
                    return Ready(request, self._with_body(answer) or _bodiless(answer), is_last=True)
                request = onward
            hop = request.redirects[-1].url
            request = replace(request, redirects=request.redirects[:-1], target=hop, host=urls.host_key(hop))
        answer = self._with_body(answer) or _bodiless(answer)
        onward = self._onward(request, answer)
        return Ready(request, answer, is_last=True) if onward is None else _led_out(request, answer, onward)

    def _latest(self, key: str, request: Request, answer: Archived) -> tuple[Request, Archived]:
        """Return what a line has come to with a further answer: that one, unless it was there before.

        The parts of a run follow each other in its archive, and a redirect may lead to an earlier one. Dates
        alone don't decide, since a clock may have been set back.
        """
        before = self._ledger.claim(key)
        if before is None:
            self.begun += 1
            return request, answer
        self.joined += 1
        is_earlier = answer.response.fetched_at < before.answer.response.fetched_at
        if is_earlier and _come(request) < _come(before.request):
            return before.request, before.answer
        return request, answer

    def _request_for(self, answer: Archived) -> Request:
        """Return the line that an answer of others belongs to: one that waits, or a new one."""
        url = answer.response.url
        try:
            parsed = urls.parse_input(url)
        except InvalidUrl as error:
            if answer.is_file:
                return self._begin(answer, url=url, host="", key=None)
            failure = Failure(type="InvalidUrl", message=str(error), phase="url")
            return self._begin(
                answer, url=None, host="", key=None, settled=Settled(Outcome.INVALID_URL, failure)
            )
        waiting = self._ledger.claim(_url_key(parsed.url))
        if waiting is not None:
            self.joined += 1
            return waiting.request
        return self._begin(answer, url=parsed.url, host=parsed.host, key=parsed.key)

    def _begin(
        self, answer: Archived, *, url: str | None, host: str, key: str | None, settled: Settled | None = None
    ) -> Request:
        self.begun += 1
        self._next_seq += 1
        return Request(
            seq=self._next_seq - 1,
            input=answer.url,
            url=url,
            key=key,
            target=url or "",
            host=host,
            home=0,
            place=0,
            settled=settled,
        )

    def _onward(self, request: Request, answer: Archived) -> Request | None:
        """Return the line on its way to where an answer redirects it, if it does."""
        if answer.broken is not None or answer.response.status not in STATUSES or request.settled:
            return None
        response = answer.response
        decision = self._decider.decide(request, response, at=response.fetched_at)
        if not isinstance(decision, Hop) or not isinstance(decision.errand, Request):
            return None
        return decision.errand

    def _held(self, url: str) -> Archived | None:
        """Return an answer of a URL that was read before."""
        place = self._ledger.place_of([_url_key(url)])
        found = self._reader.again(place) if place else None
        return found and replace(found, response=replace(found.response, url=url))

    def _with_body(self, answer: Archived) -> Archived | None:
        """Return an answer with the body that it has from an earlier one; ``None`` if that is not there."""
        if answer.revisited is None:
            return answer
        place = self._ledger.place_of(answer.revisited.keys)
        earlier = self._reader.again(place) if place else None
        if earlier is None:
            return None
        had = earlier.response
        response = replace(
            answer.response,
            body=had.body,
            wire_bytes=had.wire_bytes,
            truncated=had.truncated,
            cut_by=had.cut_by,
        )
        return replace(answer, response=response, broken=earlier.broken, revisited=None)


def _led_out(request: Request, answer: Archived, onward: Request) -> Ready:
    message = f"the archive does not hold where it leads: {printable_url(onward.target, limit=300)}"
    failure = Failure(type="NotArchived", message=message, phase="redirect")
    return Ready(request, answer, Done(outcome=Outcome.REDIRECT_ERROR, failure=failure), is_last=True)


def result_of(answer: Archived) -> Response | FetchError:
    """Return an answer as a fetcher would have given it."""
    broken = answer.broken
    if broken is None:
        return answer.response
    return FetchError(
        broken.message,
        outcome=broken.outcome,
        kind=broken.kind,
        phase=broken.phase,
        partial=answer.response if answer.response.status else None,
    )


def _bodiless(answer: Archived) -> Archived:
    broken = Broken(
        outcome=Outcome.PARSE_ERROR,
        kind="PayloadMissing",
        message="the archive says that the body is that of an answer which it does not hold",
        phase="archive",
    )
    return replace(answer, broken=broken, revisited=None)


def _request_of(line: Line, answer: Archived) -> Request:
    """Return the line as it went to its answer."""
    target = answer.response.url
    return Request(
        seq=line.seq or 0,
        input=line.input or "",
        extra=line.extra or None,
        url=line.url,
        key=line.key,
        target=target,
        host=urls.host_key(target),
        home=0,
        place=0,
        depth=line.depth,
        parent=line.parent,
        is_sitemap=line.kind == "sitemap",
        redirects=line.redirects,
        tries=line.tries,
        robots=line.robots,
    )


def _come(request: Request) -> tuple[int, int]:
    """Return how far a line has come; within one life of it that only grows."""
    return len(request.tries), len(request.redirects)


def _is_sound(line: Line, answer: Archived) -> bool:
    try:
        for url in (
            answer.response.url,
            *(hop.url for hop in line.redirects),
            *([line.url] if line.url else []),
        ):
            urls.host_key(url)
    except InvalidUrl:
        return False
    return True


def _line_key(line: Line) -> str:
    """Return what the answers of one line have in common."""
    return f"line:{line.run} {line.seq}"


def _url_key(url: str) -> str:
    return f"url:{url}"
