"""An output claimed for one run: two that would write the same file meet here, whatever else they write.

A claim is a lock on a file beside the output. It ends with the process at the latest, so that a run which
was killed blocks nobody; its file then lies there until the next run with that output has ended.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from scraper.errors import OutputLocked, UsageError

if sys.platform != "win32":  # there the lock of the state is the only one
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def claimed(outputs: Iterable[Path]) -> Iterator[None]:
    """Keep other runs away from these outputs while the block lasts.

    Of a file system that has no locks nothing is asked.

    Raises:
        OutputLocked: Another run writes one of them.
        UsageError: An output's folder can't be written.
    """
    with contextlib.ExitStack() as stack:
        for output in outputs:
            place = output.with_name(f".{output.name}.lock")
            try:
                descriptor = _lock(place)
            except BlockingIOError as error:
                raise OutputLocked(f"{output} is in use: another run is writing there") from error
            except OSError as error:
                raise UsageError(f"can't write {output}: {error.strerror}") from error
            if descriptor is not None:
                stack.callback(_release, place, descriptor)
        yield


def _lock(place: Path) -> int | None:
    """Return the descriptor of the lock's file, ``None`` where there are no locks.

    Raises:
        BlockingIOError: Somebody else holds it.
        OSError: The file can't be made or opened.
    """
    if sys.platform == "win32":
        return None
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its holder may have removed it since it was opened: then another has the name, or none.
            if os.path.samestat(os.fstat(descriptor), place.lstat()):
                return descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(descriptor)
            raise
        except OSError:
            _release(place, descriptor)
            return None
        os.close(descriptor)


def _release(place: Path, descriptor: int) -> None:
    # Removed while it is held, or the name might be another's by now.
    with contextlib.suppress(OSError):
        place.unlink()
    os.close(descriptor)
