"""``python -m scraper``, and the entry point of the command ``scraper``."""

from __future__ import annotations

import sys

from scraper.cli import overview


def main() -> int:
    """Run the command line of this process and return its exit code."""
    text = overview.answer(sys.argv[1:])
    if text is not None:
        try:
            print(text, flush=True)  # noqa: T201 - the program's output
        except BrokenPipeError:
            from scraper.cli.main import reader_left  # noqa: PLC0415 - as below

            return reader_left()
        return 0
    from scraper.cli.main import main as program  # noqa: PLC0415 - help and version do without click

    return program()


if __name__ == "__main__":
    sys.exit(main())
