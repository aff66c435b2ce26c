"""How metadata is extracted, as one short text: where it differs, a page has to be fetched in full again."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import UsageError
from scraper.parse.named_function import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.settings.model import Settings

_OURS = (
    "parse",
    "record.py",
    "record_values.py",
    "record_line.py",
    "visit/reading.py",
    "visit/extractor.py",
    "references.py",
    "urls.py",
)
"""What of this package decides what stands in a record."""
_LIBRARIES = ("turbohtml", "beautifulsoup4", "lxml", "trafilatura", "htmldate", "py3langid")
_MOST_FILES = 1000
_MOST_BYTES = 16 * 1024 * 1024


def extraction_of(settings: Settings, *, token: str) -> str:
    """Return what tells whether two runs make the same record of the same answer.

    It goes by the settings that say what is extracted and how, by the code of this package's extraction and
    the versions of its parsers, and by the source of the user's own function: its module, or all of its
    package. Blocking; imports that function.

    Raises:
        SettingsError: The user's function can't be loaded.
        UsageError: Its source is too large to be told from another.
    """
    parse, follow, fetch = settings.parse, settings.follow, settings.fetch
    said = msgspec.json.encode(
        {
            "parse": msgspec.structs.replace(parse, deadline_s=1.0),
            "refresh": [follow.meta_refresh, follow.meta_refresh_within_s],
            "caps": [fetch.max_wire_bytes, fetch.max_body_bytes, fetch.max_ratio],
            "token": token,
            "program": _program(),
        },
        order="deterministic",
    )
    digest = hashlib.blake2b(said, digest_size=8)
    if parse.extractor:
        digest.update(_source(load_target(parse.extractor).home))
    return digest.hexdigest()


@cache
def _program() -> str:
    """Return what tells versions of the extraction apart, also between two releases."""
    digest = hashlib.blake2b(digest_size=16)
    home = Path(__file__).parents[1]
    for name in _OURS:
        for path in _python_files(home / name):
            digest.update(path.read_bytes())
    for name in _LIBRARIES:
        digest.update(f"{name} {_version(name)}".encode())
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _source(home: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    size_bytes = 0
    for number, path in enumerate(_python_files(home)):
        content = path.read_bytes()
        size_bytes += len(content)
        if number >= _MOST_FILES or size_bytes > _MOST_BYTES:
            raise UsageError(
                f"parse.extractor: {home} has too much source to tell whether it has changed; "
                "put the function into a package of its own"
            )
        digest.update(f"{path.relative_to(home.parent).as_posix()} {len(content)} ".encode() + content)
    return digest.digest()


def _python_files(home: Path) -> Iterator[Path]:
    """Give a module's file, or those of a package, in an order that is always the same."""
    if home.is_dir():
        yield from sorted(home.rglob("*.py"))
    elif home.is_file():
        yield home
