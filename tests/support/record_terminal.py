"""Makes ``docs/images/demo.svg``: a real run of ``scraper demo``, as a terminal shows it in the end.

    python tests/support/record_terminal.py [FILE]

The program runs under a pseudo-terminal of 100 columns, so it believes in its reader and draws its
progress; what stands on the screen when it ends is the picture. POSIX only.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = 100
_ROWS = 50
_PICTURE = Path(__file__).parents[2] / "docs" / "images" / "demo.svg"
_PARTS = re.compile(r"\x1b\[(?P<numbers>[0-9;?]*)(?P<order>[@-~])|(?P<move>[\r\n])|(?P<text>[^\x1b\r\n]+)")


def terminal_output(command: Sequence[str], *, folder: Path) -> bytes:
    """Run a command under a pseudo-terminal in a folder and return all that it writes.

    Raises:
        CalledProcessError: It ended with another exit code than 0.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPER_")}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        kept.pop(name, None)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        command, cwd=folder, env={**kept, "TERM": "xterm-256color"}, stdin=its, stdout=its, stderr=its
    ) as program:
        os.close(its)
        chunks = []
        with contextlib.suppress(OSError):  # Linux: EIO when the last writer has gone
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
    os.close(ours)
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, command, b"".join(chunks))
    return b"".join(chunks)


def final_screen(output: str) -> str:
    """Return the lines that are left of an output once its cursor movements are obeyed.

    Colours stay as they are. Known are the orders that rich's live displays give: up, erase the line,
    show and hide the cursor.

    Raises:
        ValueError: Another order came.
    """
    rows = [""]
    row = 0
    for part in _PARTS.finditer(output):
        if text := part["text"]:
            rows[row] += text
        elif part["move"] == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif part["order"] == "m":
            rows[row] += part[0]
        elif part["order"] == "A":
            row = max(0, row - int(part["numbers"] or 1))
        elif part["order"] == "K":
            rows[row] = ""
        elif part["order"] and part["order"] not in "hl":
            raise ValueError(f"an order this terminal does not know: {part[0]!r}")
    return "\n".join(rows).rstrip()


def picture(screen: str, *, title: str) -> str:
    """Return the screen as an SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen))
    drawn = console.export_svg(title=title, unique_id="terminal")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)  # rich's own would be fetched


def main(arguments: Sequence[str]) -> None:
    """Record the demo and write the picture."""
    target = Path(arguments[0]) if arguments else _PICTURE
    with tempfile.TemporaryDirectory() as folder:
        output = terminal_output([sys.executable, "-m", "scraper", "demo"], folder=Path(folder))
    drawn = picture(final_screen("$ scraper demo\n" + output.decode()), title="scraper demo")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
