"""What a job file has as ``notify``, as tables; what is wrong is told in one line. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from scraper.notify.notice import Kind
from scraper.notify.table import NotifyTable
from scraper.record import ChangeStatus
from scraper.settings.options import remedy
from scraper.settings.values import cut, toml_literal

MAX_TABLES = 20
"""Of one job: each has a task."""
_MEANT = {
    "on": f"expected a list of {', '.join(Kind)}",
    "changes": f"expected a list of {', '.join(ChangeStatus)}",
    "command": 'expected a list of texts, such as ["mail", "-s", "scraper", "ann@example.com"]',
}
"""Where msgspec does not say what is allowed."""


def read_tables(value: object) -> tuple[NotifyTable, ...]:
    """Read the ``notify`` of a job: an array of tables, or one table.

    Whether they can work is asked of ``problems``, which needs the environment.

    Raises:
        ValueError: They are none, by their names or types; one line, which repeats no value that may be a
            secret.
    """
    tables = [value] if isinstance(value, dict) else value
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("expected tables; write [[job.NAME.notify]]")
    if len(tables) > MAX_TABLES:
        raise ValueError(f"{len(tables)} tables; a job takes {MAX_TABLES}")
    return tuple(_table(table, of_several=len(tables) > 1, number=at) for at, table in enumerate(tables, 1))


def _table(table: dict[str, Any], *, of_several: bool, number: int) -> NotifyTable:
    where = f"table {number}: " if of_several else ""
    for name in table:
        if name not in NotifyTable.__struct_fields__:
            hint = remedy(name, NotifyTable.__struct_fields__)
            raise ValueError(f"{where}unknown key {cut(toml_literal(name))}; {hint}")
    try:
        return msgspec.convert(table, NotifyTable)
    except msgspec.ValidationError as error:
        reason, _, at = str(error).partition(" - at `$.")
        key = at.rstrip("`").partition("[")[0]
        reason = _MEANT.get(key) or (reason[:1].lower() + reason[1:]).replace("`", "")
        raise ValueError(f"{where}{key}: {reason}") from None
