"""A list split by site: streaming, so that memory does not depend on its length.

It is read once, since it may be a pipe, and put down with each line's slot. By then it is known how heavy
each slot is; the slots are dealt out, the heaviest first, each to the part that has the least so far
(longest processing time first: Graham 1969, at most a third above the best possible). Then every line goes
where its slot went.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import tempfile
import zlib
from typing import TYPE_CHECKING

import msgspec

from scraper import urls
from scraper.cluster.orders import encode
from scraper.cluster.places import LIST, OWNERS, ShardPlace, owners_file
from scraper.cluster.scratch import scratch_folder
from scraper.cluster.storage import Folder, all_at_once
from scraper.errors import InvalidUrl, RunError
from scraper.frontier.rows import names_sitemap
from scraper.frontier.territory import SLOTS, packed, slot_of
from scraper.host_limits import limits_for
from scraper.run.state import WithoutUserInfo
from scraper.sinks.whole_file import whole_file
from scraper.sources.dealt import DealtLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from scraper.cluster.storage import Storage
    from scraper.messages import Seed
    from scraper.settings.model import PolitenessSettings
    from scraper.sources.source import Source

_LEAST_S = 0.005
"""What a line weighs whose host has no delay: about what fetching and parsing a page costs a processor."""
_SITEMAP_CHARS = len("sitemap:")
_SLOT_DIGITS = 4
_WORK = "work"


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """What a split came to."""

    lines: int
    """Of the whole list."""
    parts: tuple[tuple[int, float], ...]
    """Of each part: lines, and how long they take at the least, in seconds if they came one by one."""


class Stopped(Exception):
    """The split was asked to stop."""


def split_in(
    storage: Storage,
    sources: Sequence[Source],
    *,
    under: str,
    scratch: str,
    shards: int,
    politeness: PolitenessSettings,
    goes_on: Callable[[], bool] = lambda: True,
) -> Weighed:
    """Split into a storage as ``split`` does into a folder, by way of this machine where it is a store.

    Args:
        storage: Where the whole work is to be.
        sources: As for ``split``.
        under: Where the run's things are in the storage.
        scratch: A folder of this machine for files in between; empty for that of the system.
        shards: As for ``split``.
        politeness: As for ``split``.
        goes_on: As for ``split``.

    Raises:
        SourceError: A list can't be read.
        RunError: Something can't be written.
        Stopped: ``goes_on`` was false.
    """
    if isinstance(storage, Folder):
        work = storage.path / under
        return split(sources, work, shards=shards, politeness=politeness, goes_on=goes_on)
    try:
        with scratch_folder(scratch) as folder:
            here = folder / _WORK
            weighed = split(sources, here, shards=shards, politeness=politeness, goes_on=goes_on)
            names = [f"{shard:05}/{LIST}" for shard in range(shards)]
            all_at_once(storage, lambda name: storage.put(here / name, f"{under}{name}"), [*names, OWNERS])
    except OSError as error:
        raise RunError(f"can't split the list in {storage.shown}: {error.strerror or error}") from error
    return weighed


def split(
    sources: Sequence[Source],
    work: Path,
    *,
    shards: int,
    politeness: PolitenessSettings,
    goes_on: Callable[[], bool] = lambda: True,
    note: Callable[[int], None] = lambda _lines: None,
) -> Weighed:
    """Write each part's list into its folder below ``work``, and the map of slots. Blocking.

    What lies there from an unfinished split is replaced.

    Args:
        sources: The lists; their lines are numbered through.
        work: The folder of the whole work.
        shards: How many parts there are.
        politeness: By whose delays lines weigh.
        goes_on: Asked now and then; false stops.
        note: Told now and then how many lines were read.

    Raises:
        SourceError: A list can't be read.
        RunError: Something can't be written.
        Stopped: ``goes_on`` was false.
    """
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work) as spool:
            weights = [0.0] * SLOTS
            lines = 0
            for lines, seed in enumerate(_seeds(sources), 1):
                slot, weight_s = _weighed(seed, politeness)
                weights[slot] += weight_s
                line = DealtLine(lines - 1, seed.input, seed.extra)
                spool.write(b"%04x%s\n" % (slot, encode(line)))
                if not lines % 1000:
                    note(lines)
                    if not goes_on():
                        raise Stopped
            owners = dealt_out(weights, shards)
            spool.seek(0)
            counts = _distributed(spool, work, owners=owners, shards=shards, goes_on=goes_on)
        with whole_file(owners_file(work)) as file:
            file.write(packed(owners))
    except OSError as error:
        raise RunError(f"can't split the list in {work}: {error.strerror}") from error
    heavy = [0.0] * shards
    for slot, owner in enumerate(owners):
        heavy[owner] += weights[slot]
    return Weighed(lines=lines, parts=tuple(zip(counts, heavy, strict=True)))


def dealt_out(weights: Sequence[float], shards: int) -> list[int]:
    """Return for each slot the part that it belongs to.

    Slots without a weight go round: links may lead to hosts in them.
    """
    owners = [slot % shards for slot in range(len(weights))]
    parts = [(0.0, shard) for shard in range(shards)]
    heaviest_first = sorted(
        (slot for slot, weight in enumerate(weights) if weight), key=lambda slot: -weights[slot]
    )
    for slot in heaviest_first:
        weight, shard = parts[0]
        owners[slot] = shard
        heapq.heapreplace(parts, (weight + weights[slot], shard))
    return owners


def _seeds(sources: Sequence[Source]) -> Iterator[Seed]:
    return itertools.chain.from_iterable(WithoutUserInfo(source).open_seeds() for source in sources)


def _weighed(seed: Seed, politeness: PolitenessSettings) -> tuple[int, float]:
    text = seed.input
    try:
        host = urls.parse_input(text.lstrip()[_SITEMAP_CHARS:] if names_sitemap(text) else text).host
    except InvalidUrl:
        return zlib.crc32(text.encode("utf-8", "surrogatepass")) % SLOTS, _LEAST_S  # nobody is asked
    return slot_of(host), max(limits_for(host, politeness).delay_s, _LEAST_S)


def _distributed(
    spool: Iterator[bytes],
    work: Path,
    *,
    owners: Sequence[int],
    shards: int,
    goes_on: Callable[[], bool],
) -> list[int]:
    counts = [0] * shards
    with contextlib.ExitStack() as stack:
        files = []
        for shard in range(shards):
            folder = ShardPlace(work, shard).folder
            folder.mkdir(exist_ok=True)
            files.append(stack.enter_context(whole_file(folder / LIST)))
        for number, line in enumerate(spool):
            shard = owners[int(line[:_SLOT_DIGITS], 16)]
            files[shard].write(line[_SLOT_DIGITS:])
            counts[shard] += 1
            if not number % 1000 and not goes_on():
                raise Stopped
    return counts
