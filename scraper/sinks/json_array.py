"""Records as one JSON array: a file that is there whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_json_array(records: Iterable[bytes], target: Path) -> None:
    """Write records to ``target`` as an array, one record a line.

    Blocking; memory does not depend on their number.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    with whole_file(target) as array:
        separator = b"[\n"
        for record in records:
            array.write(separator + record)
            separator = b",\n"
        array.write(b"[]\n" if separator == b"[\n" else b"\n]\n")
