"""The exit codes: what a script may conclude from how ``scraper`` ended."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """How the program ended."""

    COMPLETE = 0
    """The run is complete; failed pages are data and change nothing."""
    BROKEN = 1
    """The run broke; what was written is kept and the run can be resumed. Also after a bug of ours."""
    USAGE = 2
    """Usage or settings: nothing was started; one line says what to change."""
    PAGES_FAILED = 3
    """The run is complete, but a page failed, or a field that was asked for, and ``--strict`` asked to be
    told."""
    INTERRUPTED = 130
    """Stopped by SIGINT after draining (128 + 2, as shells count)."""
    READER_LEFT = 141
    """Who reads standard output went before all was written, as ``head`` does (128 + 13, as of what SIGPIPE
    ends). A run whose records go there is broken by that, and ends with 1."""
    TERMINATED = 143
    """Stopped by SIGTERM after draining (128 + 15)."""
