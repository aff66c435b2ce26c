r"""The search of users' regular expressions in texts that others write, ended when it takes too long.

Python's ``re`` goes back and tries again: ``(\d+\.?)+x`` takes longer than anybody waits on sixty digits,
and nothing can stop it. The package ``regex`` reads the same syntax and ends a search after a time.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

import regex

from scraper.errors import PageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_PATTERN_S = 1.0
"""Processor time that all patterns together may take on a page. A megabyte of a script takes a hundredth."""

# What ``re`` takes for a brace may be a word of another language to ``regex``: ``{e}`` allows for errors.
_LITERAL_BRACE = re.compile(r"(\\N\{[^}]*\}|\\.)|\{(?!\d*(?:,\d*)?\})", re.DOTALL)


class BadPattern(ValueError):
    """A text is no regular expression to ``regex``."""


class SlowPattern(PageError):
    """To search a page for a pattern would take too long."""


class TimedPatterns:
    """Patterns by name, compiled once. It keeps nothing between pages."""

    def __init__(self) -> None:
        self._compiled: dict[str, regex.Pattern[str]] = {}

    def add(self, name: str, pattern: str) -> None:
        """Compile an expression.

        Raises:
            BadPattern: It is none; one line.
        """
        as_re_has_it = _LITERAL_BRACE.sub(lambda found: found[1] or r"\{", pattern)
        try:
            self._compiled[name] = regex.compile(as_re_has_it, regex.VERSION0)
        except regex.error as error:
            raise BadPattern(" ".join(str(error).split())) from None

    def on_a_page(self) -> Mapping[str, Callable[[str], str | None]]:
        """Return the searches for one page, by name; they share its time.

        Each returns what the first group matches, without a group all of it; ``None`` when not found. It
        raises ``SlowPattern`` when the page's patterns have taken too long.
        """
        allowance = _Allowance()
        return {name: partial(allowance.first, pattern) for name, pattern in self._compiled.items()}


class _Allowance:
    def __init__(self) -> None:
        self._left_s = MAX_PATTERN_S

    def first(self, pattern: regex.Pattern[str], text: str) -> str | None:
        began_s = time.thread_time()
        try:
            found = pattern.search(text, timeout=self._left_s) if self._left_s > 0 else None
        except TimeoutError:
            found = None
            self._left_s = 0.0
        if self._left_s <= 0:
            raise SlowPattern(f"the patterns take more than {MAX_PATTERN_S:g} s on this page")
        self._left_s -= time.thread_time() - began_s
        return None if found is None else found[1] if pattern.groups else found[0]
