"""The settings, written out for people: ``python -m scraper.settings.describe`` prints a settings file.

``config/default.toml`` is that text; ``make config`` writes it again.
"""

from __future__ import annotations

import inspect
import sys
import textwrap

from scraper.settings.docstrings import field_docstrings
from scraper.settings.options import options, sections
from scraper.settings.values import toml_literal

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
    return "\n".join(parts) + "\n"


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
