"""``python -m scraper``, and the entry point of the command ``scraper``."""

from __future__ import annotations

import sys

from scraper.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
