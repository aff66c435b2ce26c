"""How many files the process may have open: a crawl of many hosts keeps many connections."""

from __future__ import annotations

import contextlib


def allow_many_open_files() -> None:
    """Raise the soft limit to the hard one, where the system has such limits.

    The usual soft limit of 1,024 is a default for programs that use ``select``; a list of a few
    thousand hosts needs more while connections are kept for another request.
    """
    try:
        import resource  # noqa: PLC0415 not there on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # macOS says unlimited and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
