"""Where a run in parts puts its records, and what is there already."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from scraper.cluster.manifest import is_manifest
from scraper.cluster.storage import Folder, Store
from scraper.errors import OutputExists, UsageError
from scraper.planted import refuse_planted
from scraper.run.files import Mode, RunFiles, run_files
from scraper.run.parts import PARTS_FILE
from scraper.sinks.endings import ENDINGS, ending_of
from scraper.sinks.remote import located
from scraper.sinks.remote_system import LOCAL, WEB, protocol_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.cluster.storage import Storage
    from scraper.settings.model import Settings

_WORK = "work"


class JobPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The places of one run in parts."""

    files: RunFiles | None
    """The outputs, each in one piece; ``None`` where the parts stay as they are."""
    parts: Path
    """The file that names the parts."""
    state: Path
    """The director's state; there only while the run is incomplete."""
    work: Path
    """The folder that all workers use. It is gone when the run is complete."""
    store: Store | None = None
    """Where the parts are and stay, when that is no folder of this machine. ``parts`` and ``work`` only say
    then what is claimed here."""

    @property
    def storage(self) -> Storage:
        """What all workers use."""
        return self.store or Folder(self.work)

    def under(self, run: str) -> str:
        """Return where in the storage a run's things are, for as long as it is incomplete.

        In a store each run has a place of its own: a worker of another one, given up and not dead, can't be
        kept from writing.
        """
        return f"{_WORK}/{run}/" if self.store else ""

    @property
    def name(self) -> str:
        """What to call the run."""
        if self.store:
            return self.store.shown
        return self.files.name if self.files else str(self.parts.parent)

    @property
    def claims(self) -> tuple[Path, ...]:
        """The outputs that nobody else may write meanwhile."""
        return self.files.outputs if self.files else (self.parts,)

    @property
    def has_archive(self) -> bool:
        """Whether one of the outputs keeps what was on the wire."""
        return self.files is not None and self.files.archive is not None

    def files_made(self) -> tuple[Path, ...]:
        """Return the files on this machine that are there in the end."""
        if self.store:
            return ()
        return self.files.files_made() if self.files else (self.parts,)

    def uploaded(self) -> tuple[str, ...]:
        """Return what is there in the end that is not on this machine, without secrets."""
        if self.store:
            return (self.store.shown,)
        return tuple(remote.shown for remote in self.files.remotes) if self.files else ()

    def written(self) -> Iterator[Path]:
        """Yield every file that the run may write to, but for those of its parts."""
        yield from self.files.written() if self.files else (self.parts, self.state)

    def is_begun(self) -> bool:
        """Whether a run that was stopped or has died lies there, in parts or not.

        A state without content is of one that was killed when it had just made it: of neither kind.
        """
        return self.state.exists() and self.state.stat().st_size > 0

    def is_unfinished(self) -> bool:
        """Whether a run in parts that was stopped or has died lies there."""
        return self.state.exists() and is_manifest(self.state)

    def is_complete(self) -> bool:
        """Whether the records are there and no unfinished run with them.

        Raises:
            UsageError: A remote output can't be asked for.
        """
        if self.state.exists():
            return False
        if self.store:
            return _is_in(self.store)
        return self.files.is_complete() if self.files else self.parts.is_file()

    def check_settings(self, settings: Settings) -> None:
        """Refuse with parts in a store what is a file of one machine.

        Raises:
            UsageError: The settings name one.
        """
        if self.store and settings.robots.cache:
            raise UsageError(
                f"robots.cache is a file of one machine: leave it out with parts in {self.store}, "
                "where each keeps its robots.txt files itself"
            )

    def check(self, mode: Mode) -> None:
        """Refuse what would overwrite. Blocking; remote outputs are asked for.

        Raises:
            OutputExists: Something is there that the mode keeps; the message has the remedy.
            UsageError: Something is there that can't be written over.
        """
        if self.files:
            self.files.check(mode)
        else:
            self._check_folder(mode)
        if mode is not Mode.FRESH and self.is_begun() and not is_manifest(self.state):
            raise UsageError(
                f"the unfinished run in {self.name} is in one part: go on with it without --shards, "
                "or start over with --fresh"
            )

    def _check_folder(self, mode: Mode) -> None:
        refuse_planted(self.state)
        if self.store:
            self.store.check()
            self._check_work(self.store)
        else:
            refuse_planted(self.parts)
        if mode is Mode.RESUME and self.is_complete():
            raise OutputExists(f"{self.name} is complete: nothing to resume, --fresh starts over")
        if mode is Mode.NEW and self.state.exists():
            raise OutputExists(
                f"an unfinished run lies in {self.name}: go on with --resume, or start over with --fresh"
            )
        if mode is Mode.NEW and (_is_in(self.store) if self.store else os.path.lexists(self.parts)):
            where = f"{self.store}/{PARTS_FILE}" if self.store else self.parts
            raise OutputExists(f"{where} exists: replace it with --fresh, or name another folder")

    def _check_work(self, store: Store) -> None:
        """Refuse what only the machine can go on with, or remove, that it was begun on."""
        try:
            others = [] if self.state.exists() else store.names(_WORK)
        except OSError as error:
            raise UsageError(f"can't reach {store}: {error}") from error
        if others:
            raise UsageError(
                f"an unfinished run lies in {store}, and its state ({self.state}) is not here: go on where "
                f"it was begun, or remove {store}/{_WORK} when nobody is at it any more"
            )


def _is_in(store: Store) -> bool:
    try:
        return store.exists(PARTS_FILE)
    except OSError as error:
        raise UsageError(f"can't reach {store}: {error}") from error


def job_place(outputs: Sequence[str], *, ordered: bool) -> JobPlace:
    """Return the places of a run in parts with these outputs: one folder, or one or several files.

    What has none of the endings of formats is a folder.

    Raises:
        UsageError: There is no output, or it is none that can be written.
    """
    if len(outputs) == 1 and _names_folder(outputs[0]):
        if ordered:
            raise UsageError("--ordered (output.ordered) needs one file: -o FILE; parts are in no order")
        if protocol_of(outputs[0]) not in {"", *LOCAL}:
            store = Store(outputs[0])
            store.require_library()
            here = Path(store.local_name)
            state, work = here.with_name(f"{here.name}.state"), here.with_name(f"{here.name}.work")
            return JobPlace(files=None, parts=here, state=state, work=work, store=store)
        folder = located(outputs[0])
        assert isinstance(folder, Path)  # noqa: S101 - its protocol says so
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: is there and is no folder, and its ending is that of no format")
        parts = folder / PARTS_FILE
        return JobPlace(files=None, parts=parts, state=folder / f"{PARTS_FILE}.state", work=folder / "work")
    return place_of(run_files(outputs, ordered=ordered))


def place_for(outputs: Sequence[str], settings: Settings, mode: Mode) -> JobPlace | None:
    """Return the places of a run with these outputs, ``None`` if it is not to be in parts.

    It is by ``cluster.shards``, and when what is to be resumed is in parts.

    Raises:
        UsageError: There is no output that can be written, or the settings want parts and name no number.
    """
    cluster = settings.cluster
    if cluster.shards:
        return job_place(outputs, ordered=settings.output.ordered)
    if mode is Mode.RESUME and outputs:
        place = job_place(outputs, ordered=settings.output.ordered)
        if place.is_unfinished() or (place.files is None and place.is_complete()):
            return place
    if cluster.engine != "local" or cluster.scheduler:
        raise UsageError("--engine and --scheduler run the parts of a list: add --shards N (cluster.shards)")
    return None


def place_of(files: RunFiles) -> JobPlace:
    """Return the places of a run in parts that has these files, each in one piece."""
    work = files.state.with_name(f"{files.state.name.removesuffix('.state')}.parts")
    return JobPlace(files=files, parts=work / PARTS_FILE, state=files.state, work=work)


def _names_folder(output: str) -> bool:
    """Return whether an output is meant as a folder; web pages are refused as files are."""
    protocol = protocol_of(output)
    path = output.partition("?")[0] if protocol else output
    is_marked = bool(protocol) and path.endswith("/")
    return protocol not in WEB and (is_marked or ending_of(PurePath(path)) not in ENDINGS)
