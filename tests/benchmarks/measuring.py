"""One run of a program as a whole process: how long, how much of the processors, how much memory."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAMPLED_EVERY_S: Final = 0.1


class Took(NamedTuple):
    """What a run took, from its start to its exit."""

    elapsed_s: float
    processor_s: float
    """User and system time of the process and of the children that it waited for."""
    peak_mib: float
    """The peaks of the process and its children, added up; what they share counts in each. 0 but on Linux."""


class FailedError(Exception):
    """A program ended with another code than 0; the message has the last that it said."""


def _descendants(pid: int) -> list[int]:
    """Return the processes below one (Linux); those that go meanwhile are left out."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _peak_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


class _Watch(threading.Thread):
    """Watches the memory of a process and its children, rarely, since the kernel keeps their peaks.

    The peak that comes with the exit code can't be used: a child begins with that of the process that
    started it.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(name=f"memory of {pid}", daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._peaks: dict[int, float] = {}

    def run(self) -> None:
        while not self._over.wait(_SAMPLED_EVERY_S):
            for pid in (self._pid, *_descendants(self._pid)):
                self._peaks[pid] = max(self._peaks.get(pid, 0.0), _peak_mib(pid))

    def peak_mib(self) -> float:
        """End the watch and return what all came to."""
        self._over.set()
        self.join()
        return sum(self._peaks.values())


def run(words: Sequence[str]) -> Took:
    """Run a program to its end.

    Raises:
        FailedError: It failed.
    """
    with tempfile.TemporaryFile() as said:
        began_s = time.perf_counter()
        popen = subprocess.Popen(
            words, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        watch = _Watch(popen.pid)
        watch.start()
        try:
            _, status, usage = os.wait4(popen.pid, 0)
            elapsed_s = time.perf_counter() - began_s
            popen.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if popen.returncode is None:
                popen.kill()
                popen.wait()
            peak_mib = watch.peak_mib()
        if popen.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").splitlines()
            # The traceback of a group of exceptions ends in a frame of lines.
            last = next((line.strip(" |") for line in reversed(lines) if re.search(r"\w", line)), "")
            raise FailedError(f"ended with {popen.returncode}: {last}")
    return Took(elapsed_s, usage.ru_utime + usage.ru_stime, peak_mib)
