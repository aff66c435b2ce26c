"""One JSON array, made from a complete journal: a file that is there whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path


def write_json_array(journal: Path, target: Path) -> None:
    """Write the journal's records to ``target`` as an array, one record a line.

    Blocking; memory does not depend on the size.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    with whole_file(target) as array, journal.open("rb") as lines:
        separator = b"[\n"
        for line in lines:
            array.write(separator + line.removesuffix(b"\n"))
            separator = b",\n"
        array.write(b"[]\n" if separator == b"[\n" else b"\n]\n")
