"""A message goes to services that apprise knows: mail, chat, push.

Apprise waits in the thread that calls it, loads what only it needs, and logs what is not ours to judge. So
it runs in a process of its own, ``scraper.notify.apprise_process``, which has a firm deadline and gets the
URLs, which are secrets, on its standard input.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scraper.notify.apprise_process import MISSING, NO_SERVICE, Errand, encode_errand
from scraper.notify.command import run
from scraper.notify.delivery import NotDelivered
from scraper.observe.printable import printable_sentence
from scraper.settings.child_environment import child_environment

if TYPE_CHECKING:
    from scraper.notify.message import Message

_SAID = 200
_STARTS_S = 10.0
"""To load apprise takes a second, on a busy machine several: not the user's deadline."""


class ServicesTarget:
    """What the URLs in one environment variable name."""

    def __init__(self, urls: str, *, named: str, timeout_s: float) -> None:
        """Take the URLs, and the name of their variable for messages."""
        self._urls = urls
        self._named = named
        self._timeout_s = timeout_s

    @property
    def shown(self) -> str:
        """The variable's name: what a URL holds is secret, with some services all of it."""
        return f"apprise {self._named}"

    async def deliver(self, message: Message) -> None:
        """Let apprise send the message to all of its services.

        Raises:
            NotDelivered: One of them did not take it, or is none.
        """
        errand = Errand(urls=self._urls, title=message.title, text=message.text, kind=message.kind)
        code, said = await run(
            # ``-P``: no module of the folder that we happen to be in is taken for one of ours or apprise's.
            [sys.executable, "-P", "-m", "scraper.notify.apprise_process"],
            told=encode_errand(errand),
            timeout_s=self._timeout_s + _STARTS_S,
            environment=child_environment(),
        )
        if code == 0:
            return
        if code == MISSING:
            raise NotDelivered("needs apprise: pip install apprise", is_final=True)
        last = printable_sentence(said.decode("utf-8", "replace").strip(), limit=_SAID)
        told = f": {last}" if last else ""
        if code == NO_SERVICE:
            raise NotDelivered(f"not all of its URLs name a service that apprise knows{told}", is_final=True)
        raise NotDelivered(f"apprise could not deliver it{told}")
