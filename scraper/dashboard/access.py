"""Where the dashboard listens, and who may come: settled before it starts. This module does no I/O."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

from scraper.errors import UsageError
from scraper.settings.load import WEB_TOKEN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LEAST_TOKEN = 16
"""Characters. What is shorter can be guessed."""
_LOCAL_NAME = "localhost"
_HIGHEST_PORT = 65_535
_name = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.IGNORECASE | re.ASCII).fullmatch


class Access(NamedTuple):
    """Where to listen and whom to let in. It holds a secret: never print it."""

    host: str
    """An address of this machine, or ``localhost``."""
    port: int
    """0 chooses a free one."""
    token: str | None
    """What opens the door; ``None`` where everybody on this machine may come in."""
    names: frozenset[str]
    """By what other names it is reached, behind a proxy."""

    def __repr__(self) -> str:
        return f"Access({self.shown_address!r})"

    @property
    def shown_address(self) -> str:
        """``127.0.0.1:8600``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def may_be_called(self, host: str) -> bool:
        """Whether the ``Host`` header of a request may say this.

        A name of somebody else's that leads here is DNS rebinding: the browser takes a stranger's page for
        the dashboard's own. An address can't be rebound; which addresses the machine has besides is known to
        nobody in a container, so that all are taken where it listens to more than this machine.
        """
        name = _without_port(host)
        if name is None:
            return False
        if name in self.names or name == _LOCAL_NAME:  # which browsers ask nobody about
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback if self.is_local else True

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_loopback(self.host)


def access_of(address: str, environment: Mapping[str, str], names: Iterable[str] = ()) -> Access:
    """Return where to listen and whom to let in.

    Args:
        address: ``127.0.0.1:8600``, ``[::1]:8600``, ``localhost:8600``.
        environment: The process's; the token is in ``SCRAPER_WEB_TOKEN``.
        names: Other names by which people reach it.

    Raises:
        UsageError: One of them is none, the token is too short, or there is none and others than this machine
            could reach the address.
    """
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise UsageError(f"--web {address}: write an IPv6 address in brackets, [::1]:8600")
    if not (port.isdecimal() and port.isascii() and int(port) <= _HIGHEST_PORT) or not _is_address(host):
        raise UsageError(f"--web {address}: is no address and port, such as 127.0.0.1:8600")
    for name in names:
        if not _name(name):
            raise UsageError(f"--web-name {name}: is no host name; write it without scheme and port")
    token = environment.get(WEB_TOKEN_VARIABLE) or None
    if token is not None and len(token) < LEAST_TOKEN:
        raise UsageError(f"{WEB_TOKEN_VARIABLE} has fewer than {LEAST_TOKEN} characters: take a longer one")
    if token is None and not _is_loopback(host):
        raise UsageError(
            f"--web {address}: others can reach this address; set {WEB_TOKEN_VARIABLE} to a secret of"
            f" {LEAST_TOKEN} characters or more, or listen on 127.0.0.1"
        )
    if token is None and any(names):
        raise UsageError(
            f"--web-name: behind a proxy others can reach the dashboard; set {WEB_TOKEN_VARIABLE} to a secret"
            f" of {LEAST_TOKEN} characters or more"
        )
    return Access(host, int(port), token, frozenset(name.lower() for name in names))


def _is_address(host: str) -> bool:
    if host == _LOCAL_NAME:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # a zone names an interface, which may be any


def _is_loopback(host: str) -> bool:
    return host == _LOCAL_NAME or ipaddress.ip_address(host).is_loopback


def _without_port(host: str) -> str | None:
    """Return the name in a ``Host`` header, without brackets and in lower case; ``None`` when it is none."""
    name, port = (host, "") if host.endswith("]") or ":" not in host else host.rsplit(":", 1)
    if port and not (port.isdecimal() and port.isascii()):
        return None
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    elif ":" in name:
        return None
    return name.lower().removesuffix(".") or None
