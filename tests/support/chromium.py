"""A real browser for tests of pages: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")


class Opened(NamedTuple):
    """A page, and what went wrong on it."""

    page: Page
    troubles: list[str]
    """What the console, dialogs and requests told."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, and close it in the end."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as driver:
        # Its sandbox does not start for root, as in containers; what it opens here is our own.
        launched = driver.chromium.launch(executable_path=found, chromium_sandbox=False)
        yield launched
        launched.close()


def watched(page: Page) -> Opened:
    """Note from now on what the console and dialogs of a page tell, and dismiss the dialogs."""
    troubles: list[str] = []

    def refuse(dialog: Dialog) -> None:
        troubles.append(dialog.message)
        dialog.dismiss()

    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", refuse)
    return Opened(page, troubles)
