"""Asks the peers, each in a process of its own; see ``answering``."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT: Final = Path(__file__).parents[3]
INSTALLED: Final = ROOT / ".fidelity"
"""Where ``make fidelity`` installs them: ``venv`` and ``node_modules``."""
_RESERVED: Final = re.compile(r"(?<=\w)\.example(?!\.?[\w-])")
_DISGUISE: Final = "-of-example.com"
_TIMEOUT_S: Final = 600.0
_PYTHON: Final = ("extruct", "metadata_parser", "trafilatura")
PEERS: Final = (*_PYTHON, "metascraper")


class PeerMissing(Exception):
    """The peer can't be asked; the message says why, in one line."""


class Answers(NamedTuple):
    """What a peer says of all pages."""

    version: str
    fields: frozenset[str]
    """Of which of the record's fields it can say anything."""
    lent: frozenset[str]
    """Those of them for which a field stands in that means more."""
    said: list[dict[str, Any]]
    """Of each page, in their order; nothing of one that it failed at."""
    errors: list[str | None]
    """Why it failed at a page."""


def ask(peer: str, pages: Iterable[tuple[str, str]]) -> Answers:
    """Hand pages to a peer, each as its URL and its text.

    Raises:
        PeerMissing: it is not installed, or its process ended too soon.
    """
    # In ASCII, since Node's readline ends a line at U+2028 too.
    lines = [json.dumps({"url": url, "html": html}) for url, html in pages]
    told = _run(peer, disguised("".join(f"{line}\n" for line in lines)))
    return read_answers(undisguised(told), peer=peer, pages=len(lines))


def disguised(text: str) -> str:
    """Put hosts of a public domain in place of those of ``.example`` (RFC 2606).

    Several peers look whether a host's top-level domain exists, and drop the page or the URL.
    """
    return _RESERVED.sub(_DISGUISE, text)


def undisguised(text: str) -> str:
    """Put the hosts back."""
    return text.replace(_DISGUISE, ".example")


def read_answers(told: str, *, peer: str, pages: int) -> Answers:
    """Read what a peer's process has written.

    Raises:
        PeerMissing: it answered not as many pages as it was asked of.
    """
    if not told.strip():
        raise PeerMissing(f"{peer} said nothing")
    # By line feeds alone: JSON.stringify leaves U+2028, which splitlines takes for the end of a line.
    first, *rest = [json.loads(line) for line in told.split("\n") if line]
    if len(rest) != pages:
        raise PeerMissing(f"{peer} ended after {len(rest)} of {pages} pages")
    return Answers(
        version=first["version"],
        fields=frozenset(first["fields"]),
        lent=frozenset(first["lent"]),
        said=[answer.get("said", {}) for answer in rest],
        errors=[answer.get("error") for answer in rest],
    )


def _run(peer: str, lines: str) -> str:
    command = _command(peer)
    try:
        done = subprocess.run(
            command,
            input=lines,
            capture_output=True,
            encoding="utf-8",
            cwd=ROOT,
            env={**os.environ, "TZ": "UTC", "PYTHONIOENCODING": "utf-8"},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"{peer} had not ended after {_TIMEOUT_S:.0f} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "Error" in line]
        why = said[-1] if said else f"exit code {done.returncode}"
        raise PeerMissing(f"{peer} does not run: {why}")
    return done.stdout


def _command(peer: str) -> Sequence[str]:
    programs = INSTALLED / "venv" / "bin"
    program = programs / ("python" if peer in _PYTHON else "node")
    if not program.exists() or not (peer in _PYTHON or (INSTALLED / "node_modules" / peer).exists()):
        raise PeerMissing(f"{peer} is not installed; `make fidelity` does that")
    if peer in _PYTHON:
        return str(program), "-m", f"tests.fidelity.peers.with_{peer}"
    return str(program), str(Path(__file__).with_name(f"with_{peer}.cjs")), str(INSTALLED)
