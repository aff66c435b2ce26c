"""fsspec, the one door to it (extra ``cloud``): file systems by the protocol of a URL, and what they say."""

from __future__ import annotations

import re
from typing import Any

from scraper.errors import UsageError
from scraper.redaction import redact

STORES = frozenset(
    (
        "s3",
        "s3a",
        "gs",
        "gcs",
        "az",
        "abfs",
        "abfss",
        "adl",
        "r2",
        "oci",
        "ocilake",
        "oss",
        "cos",
        "tos",
        "obs",
        "memory",
    )
)
"""Protocols whose files appear when they are whole."""
WEB = frozenset(("http", "https"))
LOCAL = frozenset(("file", "local"))
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://").match
_any_url = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S+").sub


def protocol_of(url: str) -> str:
    """Return what stands before ``://`` in small letters; empty for what is no URL."""
    scheme = _scheme(url)
    return scheme[1].lower() if scheme else ""


def require_library(url: str) -> None:
    """Load what reaches a URL.

    Raises:
        UsageError: A library is missing, or nothing knows the protocol.
    """
    protocol = protocol_of(url)
    try:
        import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(f"{protocol}:// needs fsspec: pip install fsspec") from error
    try:
        fsspec.get_filesystem_class(protocol)
    except ValueError as error:
        raise UsageError(f"{redact(url)}: nothing is known of {protocol}://") from error
    except ImportError as error:
        raise UsageError(f"{protocol}:// needs a library that is missing: {error}") from error


def opened(url: str, **options: object) -> tuple[Any, str]:
    """Return the file system of a URL and the path there.

    Raises:
        UsageError: A library is missing, or nothing knows the protocol.
        Exception: Whatever the library raises; ``why`` says it in one line.
    """
    require_library(url)
    import fsspec  # noqa: PLC0415 - an extra

    system, path = fsspec.core.url_to_fs(url, **options)
    return system, str(path)


def why(error: Exception, *, url: str) -> str:
    """Return in one line what went wrong with a URL, without the secrets of any."""
    text = _any_url(lambda found: redact(found[0]), str(error).replace(url, redact(url)))
    return f"{type(error).__name__}: {' '.join(text.split())}" if text else type(error).__name__
