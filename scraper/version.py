"""The version of this program: what ``--version`` says, and what its outputs say they were made by."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
