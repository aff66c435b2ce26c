"""Foreign text made fit for the page: bounded, without controls and secrets. This module does no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scraper.redaction import redact

if TYPE_CHECKING:
    from scraper.record import Record

URL_LIMIT = 2048
TEXT_LIMIT = 300
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def shown_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return one line of at most so many characters.

    Marks of direction stay, since scripts need them: the page isolates each text.
    """
    clean = _CONTROLS.sub(" ", text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def shown_url(url: str) -> str:
    """Return a URL with the secrets in it masked: reports are passed on."""
    return shown_text(redact(url[: 4 * URL_LIMIT]), URL_LIMIT)


def shown_place(record: Record) -> str:
    """Return where a record's page is, or what was meant as a URL."""
    return shown_url(record.final_url or record.url or record.input)
