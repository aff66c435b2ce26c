"""Tells systemd how the daemon is: a datagram to the socket it names (sd_notify(3)). Without one, nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServiceManager:
    """Who has started us and wants to know."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Look for a socket in the environment."""
        environment = os.environ if environment is None else environment
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = _seconds(environment.get("WATCHDOG_USEC", "")) if is_ours and name else None
        """We are ended when we are not heard of for so long; ``None`` for no such thing."""

    def ready(self) -> None:
        """Say that jobs are begun from now on; also after ``reloading``."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Say that the file of jobs is read anew."""
        clock = getattr(time, "CLOCK_MONOTONIC", None)  # the one that systemd compares with
        now_us = time.clock_gettime_ns(clock) // 1000 if clock is not None else 0
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def alive(self) -> None:
        """Say that we are there still."""
        if self.watchdog_s is not None:
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Say what is to be shown of us, in one line."""
        self._tell(f"STATUS={text}")

    def stopping(self) -> None:
        """Say that we are ending."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        # Whether it hears us is its affair; a full socket is no reason to wait.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(text.encode(), self._address)


def _seconds(microseconds: str) -> float | None:
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else None
