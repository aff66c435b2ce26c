"""The user's own function that is called with each page: called within a deadline, its end taken in.

Whatever it does costs the page's fields and no more: its exceptions, its silence and what is no
dictionary are entries in ``field_errors``.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.messages import OwnFields
from scraper.parse.bounds import bounded_record
from scraper.parse.fields import MAX_MESSAGE, Fields
from scraper.parse.named_function import called_by, load_target, told
from scraper.parse.text import fold
from scraper.parse.visited_page import VisitedPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.messages import Response
    from scraper.record import Record

MAX_CALLS = 32
"""Calls of a function that is not async, each in a thread, at the same time."""
MAX_LOST = 32
"""Calls that have not come back at their deadline and whose threads are left alone, since nothing can end
them. While there are so many, or more of those that were under way then, the function is not called."""
MAX_TOLD = 200
"""Names that a function gave a page's fields, of which the run is told."""
MAX_TOLD_NAME = 100
"""Characters of such a name."""
NAME = "extractor"
"""What ``field_errors`` tells of the function by."""


class _Lost(Exception):
    """The function can't be called: too many calls of it have not come back."""


class Extractor:
    """Calls the user's function for one page after the other, or for many at the same time."""

    def __init__(self, named: str, *, deadline_s: float) -> None:
        """Load the function; each call of it may take ``deadline_s``.

        Raises:
            SettingsError: It can't be loaded; see ``load_target``.
        """
        self._function, self._home = load_target(named)
        self._deadline_s = deadline_s
        self._is_async = inspect.iscoroutinefunction(called_by(self._function))
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._lost = 0

    async def fields_of(self, page: VisitedPage) -> Fields:
        """Return what the function says of a page; nothing is raised that it raises."""
        try:
            result = await (
                self._within_deadline(self._awaited(page)) if self._is_async else self._in_thread(page)
            )
        except TimeoutError:
            return _failed(f"not done within {self._deadline_s:g} s")
        except _Lost:
            return _failed(f"not called: {MAX_LOST} calls have not come back at all")
        except _Raised as raised:
            return _failed(told(raised.error, home=self._home))
        return _read(result)

    async def _awaited(self, page: VisitedPage) -> Any:
        return await self._function(page)

    async def _within_deadline(self, awaitable: Any) -> Any:
        limit = asyncio.timeout(self._deadline_s)
        try:
            async with limit:
                return await awaitable
        except TimeoutError as error:
            if limit.expired():
                raise
            raise _Raised(error) from None
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise _Raised(error) from None  # its own, not ours
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the same
            raise _Raised(error) from None

    async def _in_thread(self, page: VisitedPage) -> Any:
        # Each call gives its slot back at its deadline.
        async with self._slots:
            if self._lost >= MAX_LOST:
                raise _Lost
            call = _Call(self._function, page, ended=self._note_end)
            try:
                # One that ends with the process: ``concurrent.futures`` would wait for it at the end. To
                # start it takes 50 µs.
                threading.Thread(target=call, name="extractor", daemon=True).start()
            except RuntimeError as error:  # the system gives no thread
                raise _Raised(error) from None
            try:
                async with asyncio.timeout(self._deadline_s):
                    await call.end
            except BaseException:  # its deadline, or the visit is left: nobody waits for it any more
                if not call.has_ended:
                    call.is_lost = True
                    self._lost += 1
                raise
        if call.error is not None:
            raise _Raised(call.error)
        if inspect.isawaitable(call.result):
            return await self._within_deadline(call.result)
        return call.result

    def _note_end(self, call: _Call) -> None:
        self._lost -= call.is_lost


class _Raised(Exception):
    """The function raised something."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class _Call:
    """One call of the function in a thread."""

    def __init__(
        self, function: Callable[[VisitedPage], Any], page: VisitedPage, *, ended: Callable[[_Call], None]
    ) -> None:
        self._function = function
        self._page = page
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self.end: asyncio.Future[None] = self._loop.create_future()
        self.has_ended = False
        self.is_lost = False
        self.result: Any = None
        self.error: BaseException | None = None

    def __call__(self) -> None:
        """Call it; in a thread."""
        result, error = None, None
        try:
            result = self._function(self._page)
        except BaseException as raised:  # noqa: BLE001 - also SystemExit, which would end the thread unseen
            error = raised
        with suppress(RuntimeError):  # the loop has closed: the run is over
            self._loop.call_soon_threadsafe(partial(self._take, result, error))

    def _take(self, result: Any, error: BaseException | None) -> None:
        self.result, self.error, self.has_ended = result, error, True
        self._ended(self)
        if not self.end.done():
            self.end.set_result(None)


def _failed(message: str) -> Fields:
    return Fields({}, {NAME: message[:MAX_MESSAGE]})


def _read(result: object) -> Fields:
    """Take in what the function returned, as JSON gives it back; ``None`` is nothing found."""
    if result is None:
        return Fields()
    if not isinstance(result, dict):
        return _failed(f"it returned {type(result).__name__}, not a dict")
    values: dict[str, Any] = {}
    wrong: str | None = None
    for name, value in result.items():
        if not isinstance(name, str):
            wrong = wrong or f"a field's name is {type(name).__name__}, not text"
            continue
        if value is None:
            continue
        try:
            values |= _as_json(name, value)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            wrong = wrong or f"JSON can't hold the value of {fold(name)[:60]!r}: {error}"
    return Fields(values, {NAME: wrong[:MAX_MESSAGE]} if wrong else {})


def _as_json(name: str, value: object) -> dict[str, Any]:
    """Return a field as JSON gives it back.

    Raises:
        TypeError, ValueError, RecursionError, msgspec.MsgspecError: JSON can't hold it. So it is with bytes
            and numbers that are not finite, which msgspec would make texts and ``null`` of.
    """
    built = msgspec.to_builtins({name: value}, builtin_types=(bytes, bytearray, memoryview))
    waiting: list[Any] = [built]
    while waiting:
        match waiting.pop():
            case dict() as table:
                waiting += table.values()
            case list() | tuple() as items:
                waiting += items
            case bytes() | bytearray() | memoryview():
                raise TypeError("it has bytes in it, decode them")
            case float() as number if not math.isfinite(number):
                raise ValueError(f"it has {number} in it")
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(built))
    return found


class Extended(NamedTuple):
    """A record with the user's fields."""

    record: Record
    own: OwnFields | None
    """What came of them; ``None`` when none were asked for."""


async def extended(
    record: Record, fields: Fields, *, extractor: Extractor | None, response: Response
) -> Extended:
    """Return the record with the user's fields, those of the function in it before the selected ones."""
    said = Fields()
    if fields.values or fields.errors or fields.is_cut:
        cut = sorted({*record.cut, "fields"}) if fields.is_cut else record.cut
        record = msgspec.structs.replace(record, fields=fields.values, field_errors=fields.errors, cut=cut)
    if extractor is not None:
        page = VisitedPage(record=record, url=response.url, body=response.body, charset=response.charset)
        said = await extractor.fields_of(page)
        record = msgspec.structs.replace(
            record,
            fields={**fields.values, **said.values},
            # What the function says of a field, it has found.
            field_errors={
                **{name: text for name, text in fields.errors.items() if name not in said.values},
                **said.errors,
            },
        )
    if extractor is None and not any(fields):
        return Extended(record, None)
    is_told = record.fields or record.field_errors
    return Extended(bounded_record(record) if is_told else record, _own(fields, said))


def _own(selected: Fields, said: Fields) -> OwnFields:
    """Return what came of the fields that selectors and the function gave."""
    absent = frozenset(selected.absent).difference(said.values)
    wrong = [name for name in selected.errors if name not in absent and name not in said.values]
    found = [name for name in selected.values if name not in absent and name not in wrong]
    further = [name[:MAX_TOLD_NAME] for name in said.values if name not in selected.values]
    return OwnFields(
        found=(*found, *further[:MAX_TOLD]),
        wrong=tuple(wrong),
        lacking=tuple(name for name in selected.errors if name in absent),
        given=len(said.values),
        failure=said.errors.get(NAME),
    )
