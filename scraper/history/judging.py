"""What a visit asks the history for: the record of a page that is as it was, and what has become of one."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from scraper.comparing.changes import Digests, compared_fields, differing_fields
from scraper.comparing.names import shown_path
from scraper.history.carried import carried_record
from scraper.history.recall import Reader
from scraper.history.rows import Standing, change_of, digest_of, standing
from scraper.record import SCHEMA_VERSION, Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from scraper.clock import Clock
    from scraper.messages import Known, Request, Response
    from scraper.settings.model import Settings
    from scraper.verdict.page import Done

_OUTCOME = frozenset({"outcome", "status", "final_url"})


class Compared:
    """What is compared, by ``history.compare``."""

    def __init__(self, setting: str) -> None:
        """Read the setting.

        Raises:
            UnknownField: A record has no such field.
        """
        self.fields = compared_fields([name.strip() for name in setting.split(",") if name.strip()])
        self._digests = Digests(self.fields)
        names = "\n".join(map(shown_path, self.fields)).encode("utf-8", "surrogatepass")
        self._what = hashlib.blake2b(names, digest_size=16).digest()

    def digest(self, record: Mapping[str, Any]) -> str:
        """Return what two records of a page share if nothing that is compared differs."""
        return digest_of(self._digests.of(record), fields=self._what)

    def differing(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """Return the names of the fields that differ."""
        return differing_fields(old, new, self.fields)


class Judge:
    """Judges the pages of one run; also in a child process."""

    def __init__(
        self, reader: Reader, *, compared: Compared, gone_after: int, run: str, token: str, clock: Clock
    ) -> None:
        self._reader = reader
        self._compared = compared
        self._gone_after = gone_after
        self._run = run
        self._token = token
        self._clock = clock

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings, *, run: str, token: str, clock: Clock) -> AsyncIterator[Judge]:
        """Give one that reads the file of the settings.

        Raises:
            UsageError: The file can't be read, or a field that is to be compared is none.
        """
        history = settings.history
        compared = Compared(history.compare)
        async with Reader.open(Path(history.file)) as reader:
            yield cls(
                reader, compared=compared, gone_after=history.gone_after, run=run, token=token, clock=clock
            )

    async def carried(
        self, request: Request, done: Done, response: Response | None, *, started_s: float
    ) -> Record | None:
        """Return the record of a page that is as it was; ``None`` when what it was is not there any more."""
        kept = await self._reader.record(request.key or "")
        try:
            stored = msgspec.convert(kept, Record)
        except msgspec.ValidationError:
            return None
        if stored.schema != SCHEMA_VERSION or request.known is None:
            return None
        record = carried_record(
            request,
            done,
            response,
            stored,
            run=self._run,
            token=self._token,
            now=self._clock.utc(),
            started_s=started_s,
        )
        if response is None:
            return self._told(request.known, record, [], at=request.known.last_changed)
        values = {**_values(record), "outcome": kept.get("outcome"), "status": kept.get("status")}
        return self._told(request.known, record, self._compared.differing(kept, values))

    async def judged(self, request: Request, record: Record) -> Record:
        """Return the record of a page that was fetched, or was to be, with what has become of the page."""
        known = request.known
        if standing({"outcome": record.outcome, "status": record.status}) is not Standing.THERE:
            return self._told(known, record, [])
        if known is None:
            return self._told(None, record, [])
        values = _values(record)
        if known.digest == self._compared.digest(values):
            return self._told(known, record, [])
        old = await self._reader.record(request.key or "")
        differing = self._compared.differing(old, values) if old else []
        if known.is_other and old.get("body_sha256") == record.body_sha256:
            # The same page, read in another way.
            differing = [name for name in differing if name in _OUTCOME]
        return self._told(known, record, differing)

    def _told(self, known: Known | None, record: Record, differing: list[str], *, at: str = "") -> Record:
        change = change_of(
            known,
            {"outcome": record.outcome, "status": record.status},
            differing,
            at=at or record.validated_at or record.fetched_at or "",
            gone_after=self._gone_after,
        )
        return replace(record, change=change) if change else record


def _values(record: Record) -> dict[str, Any]:
    """Return what a record says as its JSON has it."""
    values: dict[str, Any] = msgspec.to_builtins(record)
    return values
