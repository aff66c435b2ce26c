"""Tables to targets, and the test of a job's targets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from scraper.errors import UsageError
from scraper.notify.command import CommandTarget
from scraper.notify.delivery import NotDelivered, Target
from scraper.notify.message import compose
from scraper.notify.notice import TestNotice
from scraper.notify.services import ServicesTarget
from scraper.notify.table import NotifyTable, from_environment, problems, webhook_keys, webhook_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scraper.clock import Clock
    from scraper.notify.message import Message


def target_of(table: NotifyTable, environment: Mapping[str, str], *, clock: Clock) -> Target:
    """Return the target of a table.

    Raises:
        UsageError: It can't work; the first of ``problems``.
    """
    if found := problems(table, environment):
        raise UsageError(found[0])
    if table.command:
        return CommandTarget(table.command, gets=table.command_input, timeout_s=table.timeout_s)
    if table.apprise:
        urls = from_environment("apprise", table.apprise, environment)
        named = table.apprise.partition(":")[2]
        return ServicesTarget(urls, named=named, timeout_s=table.timeout_s)
    # Here, since it loads aiohttp, which a mere check of a file does not need.
    from scraper.notify.webhook import WebhookTarget  # noqa: PLC0415

    keys = webhook_keys(table.webhook_secret, environment) if table.webhook_secret else ()
    url = webhook_url(table.webhook, environment)
    return WebhookTarget(url, keys=keys, timeout_s=table.timeout_s, clock=clock)


class Delivery(NamedTuple):
    """What came of a test message."""

    target: str
    """Without secrets."""
    error: str | None
    """Why it was not delivered, in one line; ``None`` if it was."""


async def send_test(
    job: str, tables: Sequence[NotifyTable], *, environment: Mapping[str, str], clock: Clock
) -> list[Delivery]:
    """Send a test message to all targets of a job at the same time, each once; return what came of it.

    Raises:
        UsageError: A table can't work; then nothing is sent.
    """
    targets = [target_of(table, environment, clock=clock) for table in tables]
    message = compose(TestNotice(job=job, at=clock.utc()))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_tested(target, message), name=f"notify test: {target.shown}")
            for target in targets
        ]
    return [task.result() for task in tasks]


async def _tested(target: Target, message: Message) -> Delivery:
    try:
        await target.deliver(message)
    except NotDelivered as failure:
        return Delivery(target.shown, str(failure))
    return Delivery(target.shown, None)
