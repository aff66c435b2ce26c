"""nginx on many loopback addresses, from a folder of its own: what the benchmarks ask."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Final

from tests.support.processes import started, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

REMEDY: Final = "nginx is not installed; on Debian: apt-get install nginx-light"
ROBOTS: Final = "User-agent: *\\nDisallow: /private/\\nDisallow: /search\\nAllow: /\\n"
_PLACES: Final = (os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin")


class ServerMissingError(Exception):
    """nginx is not there, or does not start; the message is for the user."""


def config(folder: Path, *, addresses: Sequence[str], port: int) -> str:
    """Return the configuration: pages from ``folder/www``, everything else of nginx in ``folder`` too.

    Only the loopback addresses are listened at. Connections are kept without limit, so that each program has
    as many as it keeps. Pages are sent as they are: to pack and unpack them would cost all alike.
    """
    temporary = "\n".join(
        f"    {name}_temp_path {folder}/temporary;"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    listens = "\n".join(f"        listen {address}:{port} backlog=1024;" for address in addresses)
    return f"""\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{
    worker_connections 16384;
    multi_accept on;
}}
http {{
{temporary}
    types {{ text/html html; }}
    default_type text/plain;
    charset utf-8;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    open_file_cache max=4096 inactive=3600s;
    server {{
{listens}
        server_name _;
        root {folder}/www;
        location = /robots.txt {{ return 200 "{ROBOTS}"; }}
    }}
}}
"""


def _program() -> str | None:
    return shutil.which("nginx", path=os.pathsep.join(_PLACES))


def server_version() -> str:
    """Return its name with its version; empty when it is not installed."""
    program = _program()
    if program is None:
        return ""
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    return told.strip().partition(": ")[2].replace("/", " ")


def free_port() -> int:
    """Return a port that no address of this machine is listened at."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def web_server(folder: Path, *, addresses: Sequence[str]) -> Iterator[int]:
    """Serve ``folder/www`` at all addresses while the block lasts; gives the port.

    Raises:
        ServerMissingError: There is no nginx, or it does not start here.
    """
    program = _program()
    if program is None:
        raise ServerMissingError(REMEDY)
    port = free_port()
    folder.chmod(0o755)
    written = folder / "nginx.conf"
    written.write_text(config(folder, addresses=addresses, port=port))
    words = ("-p", folder, "-c", written, "-e", folder / "error.log")
    checked = subprocess.run(
        [program, "-t", "-q", *map(str, words)], capture_output=True, text=True, check=False
    )
    if checked.returncode:
        raise ServerMissingError(f"nginx does not start: {checked.stderr.strip().splitlines()[-1]}")
    with started(*words, program=(program,)) as running:
        try:
            wait_until(lambda: _answers(addresses[-1], port), what="nginx", running=running)
            yield port
        finally:
            running.send(signal.SIGTERM)  # its worker ends with it, which killing it would leave behind
            running.wait()
