"""What a worker is told and what it answers: as JSON, of which nothing has to be unpickled."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from scraper.observe.particulars import Failure, HostRow
from scraper.record import Outcome


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one part of the run."""

    work: str
    """The storage of the whole work, by a path that holds on every machine, or by a URL; see
    ``cluster.storage``."""
    under: str = ""
    """Where in it the run's things are; see ``cluster.places``."""
    run: str
    shard: int
    shards: int
    attempt: int
    """Counts the beginnings of this part. Whoever has another number than the part's order file leaves."""
    inputs: tuple[str, ...]
    """File names in the part's folder, in the order in which they were given to it."""
    first_found: int
    dealt: int
    """See ``Share.dealt``."""
    may_begin_anew: bool
    """Nobody has been given anything by this part yet, so that it may be done again from its list."""
    lease_s: float
    checkpoint_s: float = 30.0
    scratch: str = ""
    archive: bool = False
    """It keeps what is on the wire."""
    settings: dict[str, Any]
    """Secrets included: whoever carries orders is trusted."""


class Figures(msgspec.Struct, kw_only=True):
    """How far a part is: of the whole part, then of this attempt alone, then of this moment."""

    lines: int = 0
    found: int = 0
    done: int = 0
    output_bytes: int = 0
    by_outcome: dict[Outcome, int] = {}
    by_status: dict[int, int] = {}
    by_status_class: dict[str, int] = {}

    written: int = 0
    retryable: int = 0
    retries: int = 0
    redirects: int = 0
    robots_read: int = 0
    robots_failed: dict[Outcome, int] = {}
    by_cause: dict[Outcome, int] = {}
    wire_bytes: int = 0
    size_bytes: int = 0
    stalls: int = 0
    took: tuple[int, ...] = ()
    """As ``Particulars.took``."""
    took_s: float = 0.0

    hosts_ready: int = 0
    hosts_held: int = 0
    hosts_in_memory: int = 0
    least_s: float = 0.0
    hosts: tuple[HostRow, ...] = ()
    """The busiest."""
    failures: tuple[Failure, ...] = ()
    """The latest of this attempt."""


End = Literal["complete", "stopped", "taken", "superseded", "lease_lost", "locked", "failed", "refused"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt."""

    end: End
    """``complete``: nothing is left to do for now. ``stopped``: as asked for. ``taken``: somebody else has
    begun with the same number. ``superseded``: there is a later attempt. ``lease_lost``: it could not say in
    time that it lives. ``locked``: the attempt before holds the state still. ``failed``: what broke may be
    mended and the run gone on with. ``refused``: the user has to mend something."""
    message: str = ""
    figures: Figures = msgspec.field(default_factory=Figures)
    folder: str = ""
    """Where the records are, in the part's folder."""
    outbox: str = ""
    """The file with what is for other parts; empty when there is nothing."""
    dealt: int = 0
    """The number of the last of these."""


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The part's order file: what its worker is to know while it works."""

    run: str
    attempt: int
    stop: bool = False


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """The part's sign of life."""

    run: str
    attempt: int
    count: int
    """Another one with every sign; who watches goes by that and by a clock of its own."""
    released: bool = False
    """The worker asks for nothing any more."""
    figures: Figures = msgspec.field(default_factory=Figures)


class Forwarded(msgspec.Struct, frozen=True):
    """One line of an outbox file."""

    part: int
    listed: bool
    row: msgspec.Raw


encode = msgspec.json.Encoder(enc_hook=str).encode
