"""What programs run on: uvloop where it is installed, memory and its collector set to fit their work."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

T = TypeVar("T")

_COLLECTED_AT: Final = (5_000, 10, 10)
"""Beautiful Soup makes thousands of objects of a page, which hold each other: by Python's 700 all that are
young are looked through ten times for each page, in vain. Measured: 44 ms a page of 199 KB, not 47 to 51,
for 12 MiB more. The fast parser leaves no such objects, so that its pages take neither more nor less."""

# glibc's malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 32 * 1024 * 1024
"""A page's tree is some megabytes that are freed as a whole. glibc gives them back to the system each time;
the next page asks for them anew and has each of their 4 KiB zeroed, half of all time in the system. It keeps
so much instead. Measured: 2 to 4 % of a crawl's processor time, for 1 MiB more."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program's coroutine to its end and return its result.

    Memory and the collector of garbage are set for the whole process, which is the program's to do; the
    package as a library leaves them alone.
    """
    gc.set_threshold(*_COLLECTED_AT)
    _keep_freed_memory()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory, ``None`` for asyncio's own loop where there is no uvloop (Windows)."""
    try:
        import uvloop  # noqa: PLC0415 not there on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def _keep_freed_memory() -> None:
    """Have glibc keep what was freed; another C library does as it likes."""
    if sys.platform != "linux":
        return
    # Pythons are built without ctypes, or with all in one file, which opens no library; musl has no mallopt.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - optional in a build of Python

        set_option = ctypes.CDLL(None).mallopt
        # To set one of the two ends glibc's own adapting of both, which is better than half. The first is
        # refused where addresses have 32 bits: so much is too much there.
        if set_option(_M_MMAP_THRESHOLD, _KEPT_BYTES):
            set_option(_M_TRIM_THRESHOLD, _KEPT_BYTES)
