"""What the command line's words mean as sources."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.errors import InvalidUrl, SourceError
from scraper.redaction import redact
from scraper.sources.source import Format, Source
from scraper.urls import parse_input, scalar_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.settings.model import SourceSettings

_FORMATS: dict[str, Format] = {
    ".txt": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_FILE_SUFFIXES = (*_FORMATS, ".gz", ".json", ".lst", ".list", ".urls", ".xml", ".xlsx", ".zip")

_other_scheme = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE).match


def sources_from_arguments(arguments: Sequence[str], settings: SourceSettings) -> list[Source]:
    """Return the sources that the arguments mean, in their order.

    ``-`` is standard input. What exists as a file is a list; its format is that of the settings,
    by ``auto`` that of its name (``.csv``, ``.jsonl.gz``, ...), text when the name says nothing. What
    begins with http:// or https:// is a URL, with sitemap: a list of URLs to be fetched, and so is a bare
    host with a dot (``example.com/x``) unless its name ends like a list's (``urls.txt``). URLs next to
    each other form one source.

    Raises:
        SourceError: An argument is none of these, can't be read, or standard input is given twice.
    """
    sources: list[Source] = []
    for argument in arguments:
        if argument != scalar_text(argument) and _exists(argument):
            raise SourceError(f"{scalar_text(argument)}: the file's name is not UTF-8; give the list as -")
        if argument == "-":
            if any(source.kind == "stdin" for source in sources):
                raise SourceError("standard input (-) is given twice; give it once")
            form: Format = "text" if settings.format == "auto" else settings.format
            sources.append(Source(kind="stdin", name="-", format=form, column=settings.column))
        elif _has_scheme(argument):
            _add_url(sources, argument)
        elif _exists(argument):
            sources.append(_file(argument, settings))
        elif _is_bare_url(argument):
            _add_url(sources, argument)
        elif _other_scheme(argument):
            raise SourceError(f"{redact(argument)!r}: only http and https are asked for")
        else:
            raise SourceError(
                f"no such file: {redact(argument)!r}; for a URL write it with https://, for standard input -"
            )
    return sources


def format_of(name: str) -> Format:
    """Return the format that a file's name tells, with ``.gz`` or without; text when it tells none."""
    path = Path(name.lower())
    if path.suffix == ".gz":
        path = path.with_suffix("")
    return _FORMATS.get(path.suffix, "text")


def _has_scheme(argument: str) -> bool:
    return argument.lower().startswith(("http://", "https://", "sitemap:"))


def _exists(argument: str) -> bool:
    try:
        return Path(argument).exists()
    except (OSError, ValueError):  # longer than any name, or with a NUL in it
        return False


def _is_bare_url(argument: str) -> bool:
    if argument.lower().endswith(_FILE_SUFFIXES):
        return False
    try:
        return "." in parse_input(argument).host
    except InvalidUrl:
        return False


def _add_url(sources: list[Source], argument: str) -> None:
    url = scalar_text(argument)  # bytes that are no UTF-8 come as lone surrogates
    if sources and sources[-1].kind == "argument":
        last = sources.pop()
        sources.append(Source(kind="argument", name=last.name, urls=(*last.urls, url)))
    else:
        sources.append(Source(kind="argument", name=url, urls=(url,)))


def _file(name: str, settings: SourceSettings) -> Source:
    if Path(name).is_dir():
        raise SourceError(f"{name}: is a folder; name the list in it")
    if not os.access(name, os.R_OK):
        raise SourceError(f"{name}: no permission to read it")
    form = format_of(name) if settings.format == "auto" else settings.format
    return Source(kind="file", name=name, format=form, column=settings.column)
