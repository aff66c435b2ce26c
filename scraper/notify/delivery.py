"""What a way to deliver a message is, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from scraper.errors import ScraperError

if TYPE_CHECKING:
    from scraper.notify.message import Message


class NotDelivered(ScraperError):
    """An attempt failed. The message is one line without secrets.

    ``is_final``: another attempt would fail alike. ``retry_after_s``: the receiver asked to be left alone
    for so long.
    """

    def __init__(self, message: str, *, is_final: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_after_s = retry_after_s


class Target(Protocol):
    """Where messages go."""

    @property
    def shown(self) -> str:
        """What it is, for people, without secrets: ``webhook hooks.example.com``."""
        ...

    async def deliver(self, message: Message) -> None:
        """Make one attempt, which ends within the target's time.

        Raises:
            NotDelivered: The receiver did not take it.
        """
        ...
