"""What commands take as a RUN: a path, or the URL of a run that is copied here while the command goes on."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scraper.errors import UsageError
from scraper.redaction import redact

if TYPE_CHECKING:
    import os

_SHOWN = "scraper.shown_runs"
_COPIED = "scraper.copied_runs"


class RunPath(click.Path):
    """A path. A URL such as ``s3://bucket/pages`` is copied to a temporary folder, and that is the path."""

    def __init__(self, *, refused: str = "") -> None:
        """Take paths and URLs; with ``refused`` paths alone, and that is what is said of a URL."""
        super().__init__(path_type=Path)
        self._refused = refused

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path.

        Raises:
            UsageError: It is a URL that can't be read.
        """
        from scraper.sinks.remote import located  # noqa: PLC0415 - completion needs click alone
        from scraper.sinks.remote_system import LOCAL, protocol_of  # noqa: PLC0415 - the same

        if not isinstance(value, str) or not (protocol := protocol_of(value)) or ctx is None:
            return super().convert(value, param, ctx)
        if protocol in LOCAL:
            return located(value)
        if self._refused:
            raise UsageError(f"{redact(value)}: {self._refused}")
        from scraper.run.remote_copy import copied_run  # noqa: PLC0415 - few runs are elsewhere

        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="scraper-run-"))
            path = copied_run(value, Path(folder))
            # Only now: a command whose arguments are refused has no end that would remove it.
            ctx.call_on_close(stack.pop_all().close)
        ctx.meta.setdefault(_SHOWN, {})[path] = redact(value)
        is_file = value.rpartition("/")[2] == path.name
        ctx.meta.setdefault(_COPIED, {})[path] = value if is_file else f"{value.rstrip('/')}/{path.name}"
        return path


def shown_run(run: Path) -> str:
    """Return what to call a run: what the user has called it."""
    shown: dict[Path, str] = click.get_current_context().meta.get(_SHOWN, {})
    return shown.get(run, str(run))


def copied_from(run: Path) -> str | None:
    """Return the URL of the file that a run was copied from, with its secrets; ``None`` for one of here."""
    copied: dict[Path, str] = click.get_current_context().meta.get(_COPIED, {})
    return copied.get(run)
