"""What systemd hears."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from scraper.schedule.sd_notify import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets of POSIX")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "s"))
        one.settimeout(5)
        yield one


def test_states_are_told_as_sd_notify_has_them(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "10000000"})
    assert service.watchdog_s == 10.0
    service.ready()
    service.alive()
    service.reloading()
    service.status("two jobs")
    service.stopping()
    heard = [systemd.recv(200).decode() for _ in range(5)]
    found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", heard.pop(2))
    assert found is not None
    assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - int(found[1]) / 1e6 < 60
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=two jobs", "STOPPING=1"]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(f"\0scraper-test-{os.getpid()}")
        one.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@scraper-test-{os.getpid()}"}).ready()
        assert one.recv(50) == b"READY=1"


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "1000"}, {"NOTIFY_SOCKET": "/no/such/socket"}, {"NOTIFY_SOCKET": "x" * 500}],
)
def test_without_a_service_manager_nothing_happens(environment: dict[str, str]) -> None:
    service = ServiceManager(environment)
    assert service.watchdog_s is None
    service.ready()
    service.alive()


def test_a_watchdog_that_watches_another_process_is_not_ours() -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
    assert ServiceManager(environment).watchdog_s is None


def test_a_manager_that_does_not_read_holds_up_nobody(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname()})
    for _ in range(2000):  # more than a socket keeps
        service.ready()
