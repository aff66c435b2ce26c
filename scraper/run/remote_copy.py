"""A run that is not on this machine, copied to it: commands that read records read them several times."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import UsageError
from scraper.run.parts import PARTS_FILE, decoded_parts
from scraper.run.results import READABLE, chosen_file
from scraper.sinks.remote_folder import RemoteFolder

if TYPE_CHECKING:
    from pathlib import Path

_AT_ONCE = 8


def copied_run(url: str, into: Path) -> Path:
    """Copy a run's records into a folder, and return what is its RUN there. Blocking.

    Args:
        url: A file of records, or a folder with one or with the parts of a run: ``s3://bucket/pages``.
        into: An empty folder of this machine.

    Raises:
        UsageError: It is not there, can't be reached or read, or its parts are not those that were written.
    """
    is_file = url.endswith(READABLE)
    folder = RemoteFolder(url.rpartition("/")[0] if is_file else url)
    folder.require_library()
    shown = str(folder)
    try:
        name = url.rpartition("/")[2] if is_file else _run_in(folder)
        target = into / name
        folder.get(name, target)
        if name == PARTS_FILE:
            _copy_parts(folder, target)
    except FileNotFoundError as error:
        raise UsageError(f"no such run: {shown}/{name}") from error
    except OSError as error:
        raise UsageError(f"can't read {shown}: {error}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{shown}/{PARTS_FILE}: is no JSON: {error}") from error
    return target


def _run_in(folder: RemoteFolder) -> str:
    names = folder.names("")
    if not names:
        raise UsageError(f"no such run: {folder}")
    if PARTS_FILE in names:
        return PARTS_FILE
    if "work" in names:
        raise UsageError(f"{folder}: the run is not finished: go on with it first, by crawl --resume")
    return chosen_file(names, shown=str(folder))


def _copy_parts(folder: RemoteFolder, parts: Path) -> None:
    files = [part.file for part in decoded_parts(parts.read_bytes(), shown=f"{folder}/{PARTS_FILE}").parts]
    for file in files:
        (parts.parent / file).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="copy") as threads:
        list(threads.map(lambda file: folder.get(file, parts.parent / file), files))
