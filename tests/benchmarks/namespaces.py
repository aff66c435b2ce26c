"""Machines made of network namespaces: each with its address and a storage that can be cut off.

Linux, as root. What runs on a machine sees the machine's network alone, and the shared storage by a mount of
its own. Nothing outside is reachable, and nothing outside is changed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PREFIX = "10.77"
"""Of all addresses: a private network (RFC 1918) that only the namespaces have."""
_ENTER = ("ip", "netns", "exec")
_ENDS_WITHIN_S = 120.0


def _run(*words: str | Path) -> None:
    subprocess.run(list(map(str, words)), check=True)


class Network:
    """A switch, and the machines at it."""

    def __init__(self, name: str, storage: Path, mount_at: Path) -> None:
        self._name = name
        self._storage = storage
        self._mount_at = mount_at
        self._machines: list[Machine] = []

    @classmethod
    @contextlib.contextmanager
    def made(cls, storage: Path, mount_at: Path) -> Iterator[Self]:
        """Make a network; machines see ``storage`` as ``mount_at``. All of it is gone in the end."""
        name = f"scr{os.getpid()}"
        network = cls(name, storage, mount_at)
        _run("ip", "netns", "add", name)
        try:
            _run("ip", "-n", name, "link", "add", "br0", "type", "bridge")
            _run("ip", "-n", name, "link", "set", "br0", "up")
            yield network
        finally:
            for machine in network._machines:
                machine.end()
            _run("ip", "netns", "del", name)

    def machine(self, number: int, *, further: Sequence[str] = ()) -> Machine:
        """Add a machine with the address ``10.77.0.number``, and perhaps further ones."""
        name = f"{self._name}-{number}"
        machine = Machine(name, f"{PREFIX}.0.{number}", self._storage, self._mount_at)
        self._machines.append(machine)
        _run("ip", "netns", "add", name)
        link = f"v{number}"
        peer = ("peer", "name", "eth0", "netns", name)
        _run("ip", "link", "add", link, "netns", self._name, "type", "veth", *peer)
        _run("ip", "-n", self._name, "link", "set", link, "master", "br0", "up")
        for address in (machine.address, *further):
            _run("ip", "-n", name, "addr", "add", f"{address}/16", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", name, "link", "set", device, "up")
        return machine


class Machine:
    """One machine; what is started there ends with it at the latest."""

    def __init__(self, name: str, address: str, storage: Path, mount_at: Path) -> None:
        self.name = name
        self.address = address
        self._storage = storage
        self._mount_at = mount_at
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str | Path, log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program there, in a process group of its own; what it says goes to the log."""
        mount = f'mount --bind "{self._storage}" "{self._mount_at}" && exec "$@"'
        with log.open("ab") as said:
            command = [*_ENTER, self.name, "unshare", "-m", "sh", "-c", mount, "sh", *map(str, words)]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                cwd=cwd,
            )
        self._started.append(process)
        return process

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all that runs there."""
        for process in self._started:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)

    def cut_off_from(self, other: Machine) -> None:
        """Let nothing through to another machine any more; what waits for it is not told."""
        _run("ip", "-n", self.name, "route", "add", "blackhole", f"{other.address}/32")

    def join_again(self, other: Machine) -> None:
        """Let everything through again."""
        _run("ip", "-n", self.name, "route", "del", "blackhole", f"{other.address}/32")

    def lose_storage(self) -> None:
        """Take the shared storage away from all that runs there; what is open stays open."""
        for process in self._started:
            if process.poll() is None:
                _run("nsenter", "-m", "-t", str(process.pid), "umount", "-l", self._mount_at)

    def wait(self) -> None:
        """Wait until all that runs there has ended."""
        for process in self._started:
            process.wait(_ENDS_WITHIN_S)
        self._started.clear()

    def kill(self) -> None:
        """End all that runs there, as a power cut would."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        """Take the machine away."""
        self.kill()
        _run("ip", "netns", "del", self.name)
