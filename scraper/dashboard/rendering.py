"""The dashboard's pages in HTML. Whatever they show is escaped, bounded, and without control characters."""

from __future__ import annotations

import functools
import hashlib
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import msgspec

from scraper import __version__
from scraper.dashboard.difference import Sides, difference
from scraper.dashboard.sparkline import STATE_WORDS, kind_of, sparkline
from scraper.report.render import tokens
from scraper.report.shown import shown_text
from scraper.report.tables import may_be_link, number, seconds, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scraper.dashboard.known_pages import FieldChange

_VALUE_LIMIT = 4000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_CAUSES = {"schedule": "on schedule", "catch_up": "catching up", "manual": "by hand"}


class StaticFile(NamedTuple):
    """A file that pages load."""

    content: bytes
    media_type: str
    digest: str


def render(name: str, values: Mapping[str, object], *, now: datetime) -> str:
    """Return a page.

    Args:
        name: The name of its template.
        values: What the template shows.
        now: A zone-aware time that "3 min ago" counts from.
    """
    return _environment().get_template(name).render(values, now=now)


def region(template: str, macro: str, *arguments: object) -> str:
    """Return a part of a page, as the page itself has it.

    Args:
        template: The name of a template of macros.
        macro: Which.
        arguments: What the macro takes.
    """
    module = _environment().get_template(template).module
    return str(getattr(module, macro)(*arguments))


@functools.cache
def static_files() -> dict[str, StaticFile]:
    """Return the files that pages load, by name: nothing else can be asked for."""
    found = {}
    for entry in resources.files(__package__).joinpath("static").iterdir():
        content = entry.read_bytes()
        if entry.name == "style.css":
            content = tokens().encode() + content
        ending = entry.name.rpartition(".")[2]
        found[entry.name] = StaticFile(content, _TYPES[ending], hashlib.sha256(content).hexdigest()[:16])
    return found


def ago(at: datetime | None, now: datetime) -> str:
    """``3 min ago``, ``in 2 h``, ``now``."""
    if at is None:
        return ""
    distance_s = (at - now).total_seconds()
    size_s = abs(distance_s)
    for most_s, unit_s, unit in (
        (_MINUTE_S, 1, "s"),
        (_HOUR_S, _MINUTE_S, "min"),
        (2 * _DAY_S, _HOUR_S, "h"),
        (float("inf"), _DAY_S, "days"),
    ):
        if size_s < most_s:
            text = f"{int(size_s // unit_s)} {unit}"
            break
    if size_s < 1:
        return "now"
    return f"in {text}" if distance_s > 0 else f"{text} ago"


def moment(at: datetime | None) -> str:
    """``29 Nov 2026, 16:20:05``, in UTC."""
    if at is None:
        return ""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S}"


def took(span_s: float | None) -> str:
    """``850 ms``, ``12 s``, ``3 min 20 s``, ``5 h 12 min``."""
    if span_s is None:
        return ""
    if span_s < _MINUTE_S:
        return seconds(span_s) if span_s < 10 else f"{span_s:.0f} s"  # noqa: PLR2004 one figure less
    whole = round(span_s)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < 2 * _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} days {whole % _DAY_S // _HOUR_S} h"


def value(given: Any) -> str:
    """Return a field's value as text: what is not a text is JSON."""
    if isinstance(given, str):
        return shown_text(given, _VALUE_LIMIT)
    return shown_text(msgspec.json.encode(given).decode("utf-8", "replace"), _VALUE_LIMIT)


def words(given: object) -> str:
    """Return text fit for a page: one line, bounded."""
    return shown_text(str(given))


def told_changes(changes: Mapping[str, int]) -> str:
    """``3 new, 1 gone``: what is worth a word, unchanged pages are not."""
    return ", ".join(
        f"{number(count)} {status}" for status, count in changes.items() if count and status != "unchanged"
    )


def sides(change: FieldChange) -> Sides:
    """Return both values of a field as text, and where they differ."""
    return difference(*(None if one is None else value(one) for one in (change.old, change.new)))


def static(name: str) -> str:
    """Return where a page loads a file from; the address changes with the content."""
    return f"/static/{name}?v={static_files()[name].digest}"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scraper.dashboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        ago=ago,
        bytes=size,
        difference=sides,
        iso_exact=lambda at: at.astimezone(UTC).isoformat(),
        told_changes=told_changes,
        cause=lambda cause: _CAUSES[str(cause)],
        iso=lambda at: at.astimezone(UTC).isoformat(timespec="seconds"),
        kind=kind_of,
        moment=moment,
        number=number,
        shown=value,
        state=lambda state: STATE_WORDS[state],
        took=took,
        words=words,
    )
    environment.tests["link"] = may_be_link
    environment.globals.update(sparkline=sparkline, static=static, version=__version__)
    return environment
