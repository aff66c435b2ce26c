"""File systems of fsspec for tests that need no server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import fsspec  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator


class SharedFolder(LocalFileSystem):  # type: ignore[misc]  # of a library without types
    """A file system that is no object store: a folder of this machine, under a protocol of its own."""

    protocol = "shared"
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return super()._strip_protocol(str(path).removeprefix("shared://"))


@contextlib.contextmanager
def stores() -> Iterator[None]:
    """Know ``shared://`` and have an empty ``memory://`` while the block lasts."""
    fsspec.register_implementation("shared", SharedFolder, clobber=True)
    try:
        yield
    finally:
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]
