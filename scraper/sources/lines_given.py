"""A program's own lines as a source."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import SourceError
from scraper.messages import Seed
from scraper.urls import scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class GivenLines:
    """Any iterable of lines, read in the sources' thread, so that a generator may block."""

    name = "the lines given"
    rereadable = True
    """Not really, but it is in no hurry: it may be made to wait as a file may."""
    size_bytes: int | None = None

    def __init__(self, lines: Iterable[str | Seed]) -> None:
        self._lines = lines

    def open_seeds(
        self,
        *,
        before_read: Callable[[], None] | None = None,
        note_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Seed]:
        """Yield the lines as seeds.

        ``before_read`` is called before each line of an iterator, which may block; a collection does
        not, and so comes in full batches. ``note_bytes`` is never called.
        """
        del note_bytes
        if isinstance(self._lines, Collection):
            before_read = None
        lines = iter(self._lines)
        while True:
            if before_read:
                before_read()
            line = next(lines, None)
            if line is None:
                return
            yield _written(line) if isinstance(line, Seed) else Seed(scalar_text(line))


def _written(seed: Seed) -> Seed:
    try:
        msgspec.json.encode(seed.extra)
    except (TypeError, ValueError, RecursionError) as error:
        raise SourceError(
            f"the columns given with {scalar_text(seed.input)!r} are no JSON: {error}"
        ) from error
    return msgspec.structs.replace(seed, input=scalar_text(seed.input))
