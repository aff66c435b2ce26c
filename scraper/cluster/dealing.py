"""What a part has for others, put into files that are theirs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from scraper.cluster.orders import Forwarded, encode
from scraper.cluster.places import ShardPlace
from scraper.cluster.scratch import scratch_folder
from scraper.cluster.storage import Folder, all_at_once
from scraper.errors import RunError
from scraper.sinks.whole_file import whole_file
from scraper.sources.dealt import DealtLine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scraper.cluster.storage import Storage


class Deal(NamedTuple):
    """One file, and whose it is."""

    shard: int
    number: int
    """Which of this part's inputs it is."""
    name: str
    lines: int


def deal_in(
    storage: Storage,
    outbox: str,
    *,
    under: str,
    scratch: str,
    shards: int,
    next_input: Callable[[int], int],
) -> list[Deal]:
    """Deal out an outbox in a storage as ``deal`` does, by way of this machine where it is a store.

    Args:
        storage: Where the whole work is.
        outbox: What of it is to be dealt out.
        under: Where the run's things are in it.
        scratch: A folder of this machine for files in between; empty for that of the system.
        shards: As for ``deal``.
        next_input: As for ``deal``.

    Raises:
        RunError: It can't be read or written, or is damaged.
    """
    if isinstance(storage, Folder):
        return deal(storage.path / under, storage.path / outbox, shards=shards, next_input=next_input)
    try:
        with scratch_folder(scratch) as folder:
            here, work = folder / "outbox", folder / "work"
            storage.get(outbox, here)
            for shard in range(shards):
                ShardPlace(work, shard).folder.mkdir(parents=True)
            deals = deal(work, here, shards=shards, next_input=next_input)
            files = {f"{one.shard:05}/{one.name}" for one in deals}
            all_at_once(storage, lambda name: storage.put(work / name, f"{under}{name}"), files)
    except OSError as error:
        raise RunError(f"can't deal out {storage.shown}/{outbox}: {error.strerror or error}") from error
    return deals


def deal(work: Path, outbox: Path, *, shards: int, next_input: Callable[[int], int]) -> list[Deal]:
    """Write the lines of an outbox into the folders of those that they are for. Blocking.

    Nothing counts before the manifest says so: files of the same names that are there are replaced.

    Args:
        work: The folder of the whole work.
        outbox: What ``cluster.task`` wrote.
        shards: How many parts there are.
        next_input: Gives the number of a part's next input.

    Raises:
        RunError: It can't be read or written, or is damaged.
    """
    decode = msgspec.json.Decoder(Forwarded).decode
    files: dict[int, BinaryIO] = {}
    deals: dict[int, Deal] = {}
    try:
        with contextlib.ExitStack() as stack:
            lines = stack.enter_context(outbox.open("rb"))
            for forwarded in map(decode, lines):
                shard = forwarded.part
                if not 0 <= shard < shards:
                    raise RunError(
                        f"{outbox}: is for a part {shard} that there is not: please report this bug"
                    )
                if shard not in files:
                    number = next_input(shard)
                    place = ShardPlace(work, shard).inbox(number)
                    files[shard] = stack.enter_context(whole_file(place))
                    deals[shard] = Deal(shard, number, place.name, 0)
                files[shard].write(encode(DealtLine(row=forwarded.row, listed=forwarded.listed)) + b"\n")
                deals[shard] = deals[shard]._replace(lines=deals[shard].lines + 1)
    except OSError as error:
        raise RunError(f"can't deal out {outbox}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise RunError(f"{outbox} is damaged: {error}") from error
    return list(deals.values())
