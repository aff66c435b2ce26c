"""The state of a run on disk: which lines are not yet done, and which keys were seen.

Used from one thread only (``StateThread``). Rows leave ``waiting`` when their records are written, so
that the file shrinks with the work, and *what is not done* is simply what is still there.

The promise over crashes: ``finish`` deletes a batch's rows and notes the output's length in one
transaction, after the batch itself was synced. Whatever moment the process dies at, cutting the output
to the noted length and going on with the rows that are left loses nothing and doubles nothing.

``synchronous=NORMAL`` keeps that also over a power cut: a lost last transaction only means an older
length, never one that the output does not have.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from scraper.clock import SystemClock
from scraper.errors import StateError
from scraper.frontier import facts, statements
from scraper.frontier.facts import Admission, Counted, Loaded, Moved, Progress, SourceProgress, Want
from scraper.frontier.robots_cache import Recalled, RobotsCache
from scraper.frontier.rows import NOBODY, Line, Row, account_of, host_id, name_id, request_of, row_of
from scraper.frontier.scope import Scope
from scraper.frontier.seen import SeenKeys
from scraper.frontier.state_file import StateFile
from scraper.settings.model import FollowSettings, RobotsSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.exchange import ArchiveEnd
    from scraper.frontier.part import Part
    from scraper.messages import Batch, Finished, Request
    from scraper.robots.access import RobotsFile

_ARRIVING = 1000
"""With fewer lines at once it is not worth the way round by ``arrived``."""
_LISTED_LATELY = 20_000
"""Hosts that are remembered to be listed: some 2 MB. It saves half a microsecond a line."""
_MOST_ARRIVED = 64_000
"""Sorting so many in takes about half a second, which is how long everybody else waits for the state."""


class Store(StateFile):
    """The lines, keys and hosts of a run. Every method may raise ``StateError``."""

    def __init__(self, path: Path) -> None:
        """Open the state as ``StateFile`` does; it reads robots.txt for nobody before it is ``prepare``d."""
        super().__init__(path)
        try:
            with self._translated():
                self._seen = SeenKeys(self._db)
                self._robots = RobotsCache(self._db, settings=RobotsSettings(), token="", clock=SystemClock())
        except BaseException:
            self._db.close()
            raise
        self._scope = Scope(FollowSettings())
        self._links_per_host = FollowSettings().max_urls_per_host
        self._part: Part | None = None
        self.on_keep: Callable[[Sequence[RobotsFile], Mapping[int, float]], None] | None = None
        """Told in the state's thread of what is kept by ``keep``."""
        self._listed_lately: set[str] = set()
        """Hosts that need not be noted again: most lines name one that a line before has named."""

    def _undone(self) -> None:
        self._seen.forget()
        self._listed_lately.clear()

    def close(self, *, remove: bool) -> None:
        """Close the file as ``StateFile`` does, and that of robots.txt files where it is another."""
        with self._translated():
            self._robots.close()
        super().close(remove=remove)

    def prepare(
        self,
        *,
        follow: FollowSettings,
        robots: RobotsSettings,
        token: str,
        clock: Clock,
        part: Part | None = None,
    ) -> None:
        """Say which lines are wanted, where robots.txt files are kept, and what those kept mean.

        ``token`` is whom their rules are read for; ``part`` is what the run is a part of.

        Raises:
            UsageError: The file of ``robots.cache`` can't be opened, or is something else.
        """
        self._scope = Scope(follow)
        self._links_per_host = follow.max_urls_per_host
        own = None if robots.cache else self._db
        self._robots = RobotsCache(own, settings=robots, token=token, clock=clock)
        if part is not None:
            with self._translated():
                part.open(self._db)
        self._part = part

    def progress(self) -> Progress:
        """Return how far the run has come."""
        with self._translated():
            rows = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
            counted = self._db.execute("SELECT outcome, status, records FROM tally").fetchall()
        return facts.progress_of(rows, counted)

    def sources(self) -> dict[int, SourceProgress]:
        """Return how far each source was read, by its number."""
        with self._translated():
            rows = self._db.execute("SELECT number, consumed, ended FROM sources").fetchall()
        return {number: SourceProgress(consumed, bool(ended)) for number, consumed, ended in rows}

    def admit(self, batch: Batch) -> Admission:
        """Take in a batch of lines, and with it how far its source was read.

        A line that is no URL, is not wanted or has been seen goes to ``NOBODY`` with its outcome, so
        that it too comes out as a record.
        """
        with self._transaction():
            first = self._number("lines")
            lines = [
                Line.of(seq if seed.seq is None else seed.seq, seed, self._scope)
                for seq, seed in enumerate(batch.seeds, first)
                if not seed.row
            ]
            firsts = self._seen.see([(line.seq, line.digest) for line in lines if line.is_first])
            admission = self._insert([(line.home(firsts), line.row(firsts)) for line in lines])
            hosts = {line.host for line in lines if line.lists_host}
            dealt = [_row(seed.row) for seed in batch.seeds if seed.row]
            hosts |= {_row(seed.row).host for seed in batch.seeds if seed.row and seed.is_listed}
            self._list(hosts)
            self._db.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?)",
                (batch.source, batch.consumed, int(batch.ended)),
            )
            self._add(lines=len(lines))
            if dealt and self._part is not None:
                further = self._take_dealt(dealt, self._part)
                admission = Admission(admission.lines + further.lines, (*admission.hosts, *further.hosts))
        return admission

    def _list(self, hosts: AbstractSet[str]) -> None:
        """Note that the user's list names these hosts, those at least that were not noted just now."""
        new = hosts - self._listed_lately
        if not new:
            return
        self._db.execute(statements.LIST, (_json([name_id(host) for host in new]),))
        if len(self._listed_lately) > _LISTED_LATELY:
            self._listed_lately.clear()
        self._listed_lately |= new

    def load(
        self,
        wants: Sequence[Want],
        *,
        limit: int,
        entering: Sequence[int] = (),
    ) -> Loaded:
        """Return the next rows of each host, at most ``limit``, and what is kept of those that enter.

        Of those that enter some may be put off to the next call: they are not in ``rows``.
        """
        self._sort_in_if_any()
        with self._translated():
            recalled = self._robots.recall(entering) if entering else Recalled({}, frozenset())
            wants = [want for want in wants if want.host_id not in recalled.put_off]
            found = self._value(
                statements.LOAD, limit, _json([(want.host_id, want.after_place) for want in wants])
            )
            holds: dict[int, float] = {}
            if entering:
                holds = dict(self._db.execute(statements.HOLDS, (_json(entering),)).fetchall())
        hosts = msgspec.json.decode(f"[{found or ''}]", type=list[tuple[int, list[tuple[int, Row]]]])
        rows = {
            home: [request_of(home, place, row) for place, row in sorted(rows, key=_by_place)]
            for home, rows in hosts
        }
        return Loaded(rows, recalled.access, holds, self._listed(wants, rows))

    def _listed(self, wants: Sequence[Want], rows: Mapping[int, Sequence[Request]]) -> frozenset[int]:
        """Return which of the hosts that are wanted the user's own list names."""
        hosts = {
            want.host_id: want.host or next((row.host for row in rows[want.host_id]), "") for want in wants
        }
        names = {number: name_id(host) for number, host in hosts.items() if host}
        with self._translated():
            found = self._value(statements.LISTED, _json(list(set(names.values()))))
        listed = frozenset(msgspec.json.decode(found, type=list[int]))
        return frozenset(number for number, name in names.items() if name in listed)

    def hosts_after(self, host_id: int, limit: int) -> list[int]:
        """Return up to ``limit`` hosts with waiting rows whose id is greater than ``host_id``, sorted.

        Each is one seek in the primary key, however many rows a host has.
        """
        self._sort_in_if_any()
        with self._translated():
            found: list[int] = msgspec.json.decode(self._value(statements.HOSTS, host_id, limit))
        return sorted(found)

    def keep(self, files: Sequence[RobotsFile], holds: Mapping[int, float]) -> None:
        """Keep robots.txt files, and until when hosts asked to be left alone: see ``Loaded``."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO holds VALUES (?, ?)", list(holds.items()))
        if files:
            with self._translated():
                self._robots.keep(files)
        if self.on_keep is not None:
            self.on_keep(files, holds)

    def learn(self, files: Sequence[RobotsFile], holds: Mapping[int, float]) -> None:
        """Keep what somebody else has learnt; hosts are left alone until the later of both times."""
        with self._translated():
            known = dict(self._db.execute(statements.HOLDS, (_json(list(holds)),)).fetchall())
        self.keep(files, {host: max(until_s, known.get(host, 0.0)) for host, until_s in holds.items()})

    def finish(
        self, finished: Sequence[Finished], *, output_bytes: int, archived: ArchiveEnd | None = None
    ) -> Admission:
        """Note that these records are on disk, and that output and archive have come so far with them.

        In the same transaction the lines that they led to are taken in, those at least that nobody has
        seen; they are what is returned.
        """
        with self._transaction():
            self._remove([(one.home, one.place) for one in finished], what="records written")
            self._add(done=len(finished))
            self._put(output_bytes=output_bytes, **facts.archive_facts(archived))
            tally = Counter((one.outcome, one.status or 0) for one in finished)
            self._db.execute(statements.TALLY, (_json([(*key, count) for key, count in tally.items()]),))
            return self._take_found(finished)

    def move(self, requests: Sequence[Request]) -> Moved:
        """Let requests wait at the hosts that redirects have led them to, as far as they have come.

        Those that have come to a host of another part leave with that.
        """
        with self._transaction():
            self._remove([(request.home, request.place) for request in requests], what="lines moved")
            leaving: Sequence[Request] = ()
            if self._part is not None:
                requests, leaving = self._part.parted(requests)
                self._part.hand_over(self._db, [row_of(request) for request in leaving])
                self._add(lines=-len(leaving))
            admission = self._insert([(host_id(request.host), row_of(request)) for request in requests])
            return Moved(admission.hosts, len(leaving))

    def largest_hosts(self, limit: int) -> list[Counted]:
        """Return the hosts with the most lines waiting, the largest first; counts every line."""
        self._sort_in_if_any()
        with self._translated():
            return [Counted(*row) for row in self._db.execute(statements.LARGEST, (NOBODY, limit)).fetchall()]

    def _remove(self, places: Sequence[tuple[int, int]], *, what: str) -> None:
        """Take lines out that have to be there, by host and place."""
        keys = (_json(places),)
        gone = self._db.execute(statements.REMOVE, keys).rowcount
        if gone != len(places):
            raise StateError(f"state {self._path}: {len(places)} {what}, {gone} lines waited")
        self._db.execute(statements.REMOVE_LINES, keys)

    def _insert(self, rows: Sequence[tuple[int, Row]]) -> Admission:
        """Put rows behind all others; each is a host id and what waits there."""
        first = self._number("places")
        self._db.execute(statements.PUT, (first, _json([row for _, row in rows])))
        homes = _json([home for home, _ in rows])
        if len(rows) < _ARRIVING:
            self._db.execute(statements.ADMIT, (first, homes))
        else:
            self._db.execute(statements.ARRIVE, (first, homes))
            if self._arrived() >= _MOST_ARRIVED:
                self._sort_in()
        self._add(places=len(rows))
        return Admission(len(rows), tuple(dict.fromkeys(home for home, _ in rows)))

    def _arrived(self) -> int:
        """Return how many lines are still to be sorted in, at the most."""
        return int(self._db.execute(statements.ARRIVED).fetchone()[0])

    def _sort_in(self) -> None:
        """Put the lines that have arrived where they are read, within a transaction."""
        self._db.execute(statements.SORT_IN)
        self._db.execute("DELETE FROM arrived")

    def _sort_in_if_any(self) -> None:
        """Let whoever reads find all lines: cursors go by places, so none may come in behind them later."""
        with self._translated():
            some = self._arrived() > 0
        if some:
            with self._transaction():
                self._sort_in()

    def _take_found(self, finished: Sequence[Finished]) -> Admission:
        """Take in what the pages and sitemaps led to, if it is new and its host has not had enough."""
        lines: dict[bytes, Line] = {}
        for one in finished:
            for found in one.found:
                line = Line.found(found, parent=one.seq)
                lines.setdefault(line.digest, line)
        if not lines:
            return Admission(0, ())
        return self._take_lines(lines)

    def _take_dealt(self, rows: Sequence[Row], part: Part) -> Admission:
        """Take in what other parts have handed over: lines under way, and what their pages led to."""
        moved = [row for row in rows if row.seq >= 0]
        part.welcome(self._db, [row.host for row in moved])
        staying, leaving = part.parted(moved)
        part.hand_over(self._db, leaving)
        self._add(lines=len(staying))
        admission = self._insert([(host_id(row.host), row) for row in staying])
        links = {line.digest: line for line in (Line.handed_over(row) for row in rows if row.seq < 0)}
        further = self._take_lines(links) if links else Admission(0, ())
        return Admission(admission.lines + further.lines, (*admission.hosts, *further.hosts))

    def _take_lines(self, lines: Mapping[bytes, Line]) -> Admission:
        """Take in those of some lines that nobody has seen and whose hosts have not had enough."""
        known = self._seen.known(list(lines))
        new = self._within_limits([line for digest, line in lines.items() if digest not in known])
        if self._part is None:
            seqs: Sequence[int] = range(first := self._number("lines"), first + len(new))
        else:
            new, leaving = self._part.parted(new)
            self._seen.see([(-1, line.digest) for line in leaving])
            self._part.hand_over(self._db, [line.row({}) for line in leaving])
            seqs = self._part.seqs(self._number("found"), len(new))
        numbered = [line._replace(seq=seq) for seq, line in zip(seqs, new, strict=True)]
        self._seen.see([(line.seq, line.digest) for line in numbered])
        self._add(lines=len(numbered), found=len(numbered))
        return self._insert([(line.home({}), line.row({})) for line in numbered])

    def handed_over(self, after: int, limit: int) -> list[tuple[int, int, bool, str]]:
        """Return what other parts are to be given, behind a number.

        Of each: its number, the part, whether the user's list names its host, and the row.
        """
        with self._translated():
            return self._db.execute(
                "SELECT number, part, listed, line FROM outbox WHERE number > ? ORDER BY number LIMIT ?",
                (after, limit),
            ).fetchall()

    def handed_over_last(self) -> int:
        """Return the number of the last row that other parts are to be given, 0 without any."""
        with self._translated():
            last = self._db.execute("SELECT ifnull(max(number), 0) FROM outbox").fetchone()[0]
        return int(last)

    def forget_handed_over(self, up_to: int) -> None:
        """Forget what the other parts have been given by now."""
        with self._transaction():
            self._db.execute("DELETE FROM outbox WHERE number <= ?", (up_to,))

    def _within_limits(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines of whose kind their hosts have not yet had as many as are taken; count them."""
        accounts = [account_of(line, self._links_per_host) for line in lines]
        numbers = sorted({number for number, _ in accounts})
        taken: dict[int, int] = dict(self._db.execute(statements.LINKS_TAKEN, (_json(numbers),)).fetchall())
        within = []
        for line, (number, most) in zip(lines, accounts, strict=True):
            if taken.get(number, 0) < most:
                taken[number] = taken.get(number, 0) + 1
                within.append(line)
        self._db.executemany("INSERT OR REPLACE INTO links VALUES (?, ?)", list(taken.items()))
        return within


_row = msgspec.json.Decoder(Row).decode


def _by_place(placed: tuple[int, Row]) -> int:
    return placed[0]


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
