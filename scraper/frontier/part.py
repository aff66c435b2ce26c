"""A run that is a part of a larger one, as its state sees it: what is for others is put by for them.

What is put by stays in the state until somebody has dealt it out, so that it is there after any crash: it
enters with the same transaction that lets the line go, or that notes the page which led to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from scraper.frontier import statements
from scraper.frontier.rows import name_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from scraper.frontier.rows import Row
    from scraper.frontier.territory import Territory


_IS_LISTED = "SELECT 1 FROM listed WHERE name = ?"


class _AtHost(Protocol):
    @property
    def host(self) -> str: ...


Line = TypeVar("Line", bound=_AtHost)


class Part:
    """The part's territory, and how it numbers the lines that it finds. For the state's thread."""

    def __init__(self, territory: Territory, *, first_found: int, parts: int) -> None:
        """Number found lines from ``first_found`` on, in steps, so that no two of ``parts`` share one."""
        self.territory = territory
        self._first_found = first_found
        self._parts = parts

    def open(self, db: sqlite3.Connection) -> None:
        """Make the tables, if need be, and recall which hosts have changed hands."""
        for statement in statements.PART_TABLES.split(";"):
            db.execute(statement)
        self.territory.guests.update(host for (host,) in db.execute("SELECT host FROM guests"))
        self.territory.departed.update(db.execute("SELECT host, part FROM departed").fetchall())

    def seqs(self, found: int, count: int) -> Sequence[int]:
        """Return the numbers of the next lines found, after so many."""
        first = self._first_found + found * self._parts + self.territory.number
        return range(first, first + count * self._parts, self._parts)

    def parted(self, lines: Iterable[Line]) -> tuple[list[Line], list[Line]]:
        """Return those that are ours, and the others. What is no URL is ours."""
        ours: list[Line] = []
        others: list[Line] = []
        for line in lines:
            (ours if not line.host or self.territory.owns(line.host) else others).append(line)
        return ours, others

    def hand_over(self, db: sqlite3.Connection, rows: Iterable[Row]) -> None:
        """Put rows by for the parts that they belong to. Within the caller's transaction."""
        territory = self.territory
        leaving = list(rows)
        gone = {row.host: territory.departed[row.host] for row in leaving if row.host in territory.departed}
        db.executemany("INSERT OR REPLACE INTO departed VALUES (?, ?)", list(gone.items()))
        # Elsewhere no line of the list says so: whose the host is by the map has all of these.
        listed = {host for host in gone if db.execute(_IS_LISTED, (name_id(host),)).fetchone()}
        db.executemany(
            "INSERT INTO outbox (part, listed, line) VALUES (?, ?, ?)",
            [
                (territory.owner(row.host), row.host in listed, msgspec.json.encode(row).decode())
                for row in leaving
            ],
        )

    def welcome(self, db: sqlite3.Connection, hosts: Iterable[str]) -> None:
        """Take in as guests the hosts of lines that were dealt to us although the map says otherwise."""
        territory = self.territory
        new = {host for host in hosts if not territory.owns(host) and host not in territory.departed}
        db.executemany("INSERT OR IGNORE INTO guests VALUES (?)", [(host,) for host in new])
        territory.guests |= new
