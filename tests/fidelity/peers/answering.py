"""How a peer is asked: JSON lines in, JSON lines out, in a process and an environment of its own.

Line 1 out is ``{"version": ..., "fields": [...], "lent": [...]}``: which of the record's fields it can say
anything of, and for which of those a field of it stands in that means more.
Each line in is a page, ``{"url": ..., "html": ...}``; each further line out, in the same order, what the
peer says of it by the record's names, ``{"said": {...}}``, or why it failed, ``{"error": ...}``.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def answer(
    distribution: str,
    fields: Iterable[str],
    read: Callable[[str, str], dict[str, Any]],
    *,
    lent: Iterable[str] = (),
) -> None:
    """Answer all pages of standard input.

    Args:
        distribution: the peer's name, as it was installed by.
        fields: what it can say.
        lent: those of the fields for which one stands in that means more; what it says beyond is not made up.
        read: from a page's text and URL to what the peer says; whatever it raises is a page's ``error``.
    """
    logging.disable()  # what a peer thinks of a page is in what it returns
    out = sys.stdout
    sys.stdout = sys.stderr
    _write(out, {"version": version(distribution), "fields": sorted(fields), "lent": sorted(lent)})
    for line in sys.stdin:
        page = json.loads(line)
        try:
            said = read(page["html"], page["url"])
        except Exception as error:  # noqa: BLE001 - whatever a peer raises costs it a page, not the table
            _write(out, {"error": f"{type(error).__name__}: {error}"[:200]})
        else:
            _write(out, {"said": said})


def _write(out: Any, told: dict[str, Any]) -> None:
    out.write(json.dumps(told, default=str, ensure_ascii=False) + "\n")
    out.flush()
