"""What programs run on: uvloop where it is installed, and a collector of garbage that fits their work."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

T = TypeVar("T")

_COLLECTED_AT: Final = (5_000, 10, 10)
"""Beautiful Soup makes thousands of objects of a page, which hold each other: by Python's 700 all that are
young are looked through ten times for each page, in vain. Measured: 44 ms a page of 199 KB, not 47 to 51,
for 12 MiB more. The fast parser leaves no such objects, so that its pages take neither more nor less."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program's coroutine to its end and return its result.

    The collector of garbage is set for the whole process, which is the program's to do; the package as a
    library leaves it alone.
    """
    gc.set_threshold(*_COLLECTED_AT)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory, ``None`` for asyncio's own loop where there is no uvloop (Windows)."""
    try:
        import uvloop  # noqa: PLC0415 not there on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
