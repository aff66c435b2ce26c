"""A page of the documentation as a session: its blocks in their order, and what each is for.

A block of shell is run line by line in the page's folder. ``title="first terminal"`` runs it beside all that
follows, until the page ends or another block of that title takes its place. Any other block with a title is a
file of that name; Python without one is a program. What only shows something is ``text``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(
    r"^(?:pip install|pipx|uv|make|docker|systemctl|sudo|eval|git clone|pre-commit)\b|^_SCRAPER_COMPLETE|\bs3://|"
    r"proxy\.example|^[A-Z_]+=\S+ scraper-"
)
"""What installs, or needs something that a test has not: it is looked at, but not run."""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str
    body: str


class Command(NamedTuple):
    """A line of shell, and how it is to end."""

    line: str
    code: int
    until: str
    """What it says in the end, when it is to be repeated until then; empty for once."""

    @property
    def runs_here(self) -> bool:
        """Whether a test can run it."""
        return not _ELSEWHERE.search(self.line)


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands(body: str) -> list[Command]:
    """Return the commands of a block of shell, a line each; one goes on behind a backslash, or in quotes."""
    found: list[Command] = []
    pending = ""
    for part in body.splitlines():
        pending += part
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        if pending.count("'") % 2:
            pending += "\n"
            continue
        line, _, comment = pending.partition("    # ")
        pending = ""
        if line.strip():
            ends = re.search(r"ends with (\d+)", comment)
            until = re.search(r"until it says (\w+)", comment)
            found.append(Command(line.strip(), int(ends[1]) if ends else 0, until[1] if until else ""))
    return found
