"""In which line of a TOML file a key stands, for messages: the parser does not tell. Pure.

The tables of a ``[[list]]`` have their number, from 1, after its name. A key that is not found, inside an
inline table say, has the line of the nearest key or table around it.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import Any

_name = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_path = rf"{_name}(?:[ \t]*\.[ \t]*{_name})*"
_table = re.compile(rf"[ \t]*(\[{{1,2}})[ \t]*({_path})[ \t]*\]").match
_key = re.compile(rf"[ \t]*({_path})[ \t]*=").match
_long_quote = re.compile(r"\"{3}|'{3}")


class TomlLines:
    """The lines of a file's tables and keys."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        quote = ""
        counts: Counter[tuple[str, ...]] = Counter()
        for number, line in enumerate(text.splitlines(), 1):
            was_inside = bool(quote)
            for found in _long_quote.findall(line):
                quote = "" if quote == found else quote or found
            if was_inside:
                continue
            if (header := _table(line)) and (names := _names(header[2])):
                table = names
                self._lines.setdefault(table, number)
                if header[1] == "[[":
                    counts[table] += 1
                    self._lines[*table, str(counts[table])] = number
            elif (key := _key(line)) and (names := _names(key[1])):
                for depth in range(1, len(names) + 1):
                    self._lines.setdefault((*table, *names[:depth]), number)

    def of(self, *path: str) -> int | None:
        """Return the line of a key or table by its names, ``None`` when nothing around it is found."""
        for depth in range(len(path), 0, -1):
            if (number := self._lines.get(path[:depth])) is not None:
                return number
        return None


def _names(path: str) -> tuple[str, ...]:
    try:
        table: Any = tomllib.loads(f"{path} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    names = []
    while isinstance(table, dict):
        ((name, table),) = table.items()
        names.append(name)
    return tuple(names)
