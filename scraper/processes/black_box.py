"""What can still be read of a process that has died: which visit it was parsing."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile

_number = struct.Struct("<Q")


class BlackBox:
    """A number in memory that two processes share; writing it costs no system call."""

    def __init__(self, descriptor: int) -> None:
        """Map an open file of ``SIZE_BYTES``; the descriptor stays the caller's."""
        self._memory = mmap.mmap(descriptor, SIZE_BYTES)

    @property
    def number(self) -> int:
        """The visit whose page is being parsed; 0 for none."""
        (number,) = _number.unpack_from(self._memory)
        return int(number)

    @number.setter
    def number(self, number: int) -> None:
        _number.pack_into(self._memory, 0, number)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()


SIZE_BYTES = _number.size


def new_box_file() -> int:
    """Return the descriptor of a nameless file that a box fits in; the caller closes it.

    Raises:
        OSError: There is no room for it.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scraper-black-box")
        os.ftruncate(descriptor, SIZE_BYTES)
        return descriptor
    with tempfile.TemporaryFile() as file:
        # Really there, not only promised: on a full disk, looking at what is missing ends the process.
        file.write(bytes(SIZE_BYTES))
        file.flush()
        return os.dup(file.fileno())
