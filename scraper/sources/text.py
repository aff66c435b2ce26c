"""Lists with one URL a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.messages import Seed
from scraper.sources.lines import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def text_seeds(lines: Iterable[bytes]) -> Iterator[Seed]:
    """Yield a seed for each line but blank lines and comments, whose first visible character is ``#``.

    The seed's input is the line without its end; other white space stays.
    """
    for line in lines:
        content = line.rstrip(b"\r\n")
        first = content.lstrip()[:1]
        if first and first != b"#":
            yield Seed(decoded(content))
