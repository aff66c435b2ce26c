"""What a ``[[job.NAME.notify]]`` table of a job file may say, and what of it can't work."""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta
from yarl import URL

from scraper.comparing.names import field_paths
from scraper.errors import UsageError
from scraper.notify.notice import Kind
from scraper.notify.signature import signing_keys
from scraper.record import ChangeStatus
from scraper.settings.url_patterns import url_searcher
from scraper.settings.values import check_regular_expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FROM_ENVIRONMENT = "env:"
_variable = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_REAL_CHANGES = (ChangeStatus.NEW, ChangeStatus.CHANGED, ChangeStatus.GONE, ChangeStatus.RECOVERED)


class NotifyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One target, and what it is told. Exactly one of ``command``, ``webhook`` and ``apprise`` is given."""

    on: Annotated[tuple[Kind, ...], Meta(min_length=1)] = tuple(Kind)
    """What it is told of."""
    command: tuple[str, ...] = ()
    """A program and its arguments, run without a shell; it gets the message on standard input."""
    command_input: Literal["json", "text"] = "json"
    """What the command gets: all of it as JSON, or what a person reads."""
    webhook: str = ""
    """An ``http://`` or ``https://`` URL that the message is sent to, as JSON; or ``env:NAME``."""
    webhook_secret: str = ""
    """``env:NAME``: what webhooks are signed with. Two secrets with a blank between them sign both."""
    apprise: str = ""
    """``env:NAME``: URLs of services that apprise knows."""
    changes: Annotated[tuple[ChangeStatus, ...], Meta(min_length=1)] = _REAL_CHANGES
    """Of changes: what must have become of a page."""
    fields: tuple[str, ...] = ()
    """Of changes: the fields that count in a page that has changed; a name counts for all below it too."""
    url: str = ""
    """Of changes: a regular expression that is searched for in the page's URL."""
    least_size: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Of changes: how large the change of a page must be, from 0 to 1; see ``scraper.notify.size``."""
    least_pages: Annotated[int, Meta(ge=1)] = 1
    """Of changes: a run with fewer such pages is not told of."""
    most_pages: Annotated[int, Meta(ge=0, le=100)] = 20
    """Of changes: so many pages are named, the others are counted."""
    interval_s: Annotated[float, Meta(ge=0, le=30 * 86_400)] = 60.0
    """The least time between two messages; what comes meanwhile is counted in the next."""
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 15.0
    """What one attempt may take."""


def problems(table: NotifyTable, environment: Mapping[str, str]) -> list[str]:
    """Return what keeps a target from being told anything, one line each without secrets.

    Args:
        table: As read from the file.
        environment: The variables that ``env:NAME`` are looked for in.
    """
    return [*_problems(table, environment)]


def _problems(table: NotifyTable, environment: Mapping[str, str]) -> Iterator[str]:
    ways = [name for name in ("command", "webhook", "apprise") if getattr(table, name)]
    if len(ways) != 1:
        found = " and ".join(ways) if ways else "none"
        yield f"expected one of command, webhook and apprise, found {found}; write a table for each"
    if table.command:
        yield from _command_problems(table.command)
    for look in (_webhook_problems, _secret_problems, _apprise_problems, _filter_problems):
        try:
            look(table, environment)
        except UsageError as error:
            yield str(error)


def _command_problems(command: tuple[str, ...]) -> Iterator[str]:
    if any("\0" in part for part in command):
        yield "command: an argument can't have a NUL"
    elif shutil.which(command[0]) is None:
        hint = "; write each argument as a text of its own" if " " in command[0] else ""
        yield f"command: there is no program {command[0]!r} that can be run{hint}"


def _webhook_problems(table: NotifyTable, environment: Mapping[str, str]) -> None:
    if table.webhook:
        webhook_url(table.webhook, environment)


def _secret_problems(table: NotifyTable, environment: Mapping[str, str]) -> None:
    if not table.webhook_secret:
        return
    if not table.webhook:
        raise UsageError("webhook_secret: only a webhook is signed; remove it, or name the webhook")
    webhook_keys(table.webhook_secret, environment)


def _apprise_problems(table: NotifyTable, environment: Mapping[str, str]) -> None:
    if table.apprise:
        from_environment("apprise", table.apprise, environment)
        if find_spec("apprise") is None:
            raise UsageError("apprise: needs apprise: pip install apprise")


def _filter_problems(table: NotifyTable, environment: Mapping[str, str]) -> None:  # noqa: ARG001 - as the others
    field_paths(table.fields)
    try:
        check_regular_expression(table.url)
        url_searcher(table.url)
    except ValueError as error:
        raise UsageError(f"url: {error}") from None


def from_environment(name: str, value: str, environment: Mapping[str, str]) -> str:
    """Return the text of the variable that ``env:NAME`` names.

    Args:
        name: The key of the table, for the message.
        value: What the table has there.
        environment: Where it is looked for.

    Raises:
        UsageError: It is no ``env:NAME``, or there is no such variable or nothing in it. The message
            does not repeat what may be the secret itself.
    """
    variable = value.removeprefix(_FROM_ENVIRONMENT)
    if not value.startswith(_FROM_ENVIRONMENT) or not _variable(variable):
        raise UsageError(
            f"{name}: expected env:NAME; put the secret into an environment variable and name it here"
        )
    text = environment.get(variable, "").strip()
    if not text:
        raise UsageError(f"{name}: the environment variable {variable} is not set; set it for the daemon")
    return text


def webhook_url(value: str, environment: Mapping[str, str]) -> URL:
    """Return the URL that a table's ``webhook`` means.

    Raises:
        UsageError: It is no http or https URL with a host; its text is not repeated.
    """
    text = value
    if value.startswith(_FROM_ENVIRONMENT):
        text = from_environment("webhook", value, environment)
    try:
        url = URL(text)
        good = url.scheme in {"http", "https"} and bool(url.host) and url.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError("webhook: expected an http:// or https:// URL, or env:NAME of a variable with one")
    return url


def webhook_keys(value: str, environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the keys that a table's ``webhook_secret`` means.

    Raises:
        UsageError: There is none, or it is too short or not what it says it is.
    """
    try:
        return signing_keys(from_environment("webhook_secret", value, environment))
    except ValueError as error:
        raise UsageError(f"webhook_secret: {error}") from None
