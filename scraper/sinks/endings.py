"""Which endings of files name a format; ``formats`` has what makes each, and loads their libraries."""

from __future__ import annotations

from typing import Final

JSON_LINES: Final = (".jsonl", ".ndjson")
"""Formats that a journal itself is in."""
ENDINGS: Final = (*JSON_LINES, ".json", ".csv", ".parquet", ".sqlite")
