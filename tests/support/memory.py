"""How much memory this process has taken."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def memory_bytes(name: str) -> int:
    """Return a figure of this process's memory as Linux names it: ``VmRSS`` now, ``VmHWM`` at most.

    Raises:
        LookupError: There is none by this name.
    """
    for line in _STATUS.read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def peak_bytes() -> int:
    """Return the most memory that this process has held.

    Not by ``getrusage`` where there is another way: its figure is that of the parent, at the time of the
    start, where that was more.
    """
    if _STATUS.exists():
        return memory_bytes("VmHWM")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
