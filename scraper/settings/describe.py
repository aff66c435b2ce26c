"""The settings, written out for people: ``python -m scraper.settings.describe`` prints a settings file.

``config/default.toml`` is that text; ``make config`` writes it again.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from typing import TYPE_CHECKING

from scraper.settings.docstrings import field_docstrings
from scraper.settings.model import Holds
from scraper.settings.options import options, sections
from scraper.settings.values import toml_literal

if TYPE_CHECKING:
    from scraper.settings.options import Option

_WIDTH = 100
_HEAD = """\
Every setting with its default. Copy what you change to a file of your own and name that file with
--config; what it leaves out keeps its default.

A setting can also be given by the environment variable that its comment names, or by
--set section.name=value: defaults < file < environment < flags. `scraper config show` prints what
holds and where it came from.

Generated from scraper/settings/model.py by `make config`.
"""


def default_toml() -> str:
    """Return a complete settings file: every option, its meaning, what is allowed, and its default."""
    parts = [_commented(_HEAD)]
    for section, struct in sections().items():
        docstrings = field_docstrings(struct)
        parts += ["", _commented(inspect.getdoc(struct) or ""), f"[{section}]"]
        for option in options().values():
            if option.section == section:
                note = f"Allowed: {option.allowed}. Environment: {option.variable}."
                parts += [
                    _commented(docstrings.get(option.field, "")),
                    _commented(note),
                    f"{option.field} = {toml_literal(option.default)}",
                ]
        parts += [
            _tables_example(option)
            for option in options().values()
            if option.section == section and option.holds in {Holds.FIELD_RULES, Holds.HOST_LIMITS}
        ]
    return "\n".join(parts) + "\n"


def _tables_example(option: Option) -> str:
    """Give the other notation of a table of tables, at the section's end: below it, keys would be its own."""
    lines = [
        f"In place of `{option.field} = {toml_literal(option.default)}` above, below all else of the section:"
    ]
    for key, entry in option.example.items():
        lines.append(f"[{option.name}.{toml_literal(key)}]")
        lines += [f"{field} = {toml_literal(value)}" for field, value in entry.items()]
    return _commented("\n".join(lines))


def _commented(text: str) -> str:
    """Make a comment of a text; its blank lines part paragraphs, other line ends are its author's."""
    lines = [
        wrapped
        for line in text.strip().splitlines()
        for wrapped in textwrap.wrap(line, _WIDTH - 2, break_on_hyphens=False) or [""]
    ]
    return "\n".join(f"# {line}".rstrip() for line in lines)


if __name__ == "__main__":
    sys.stdout.write(default_toml())
