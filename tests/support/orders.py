"""Orders for the parts of a small list, as a director would write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.cluster.lease import write_fence
from scraper.cluster.orders import Fence, Order
from scraper.cluster.places import ShardPlace
from scraper.cluster.split import split_in
from scraper.cluster.storage import Folder
from scraper.settings.model import PolitenessSettings
from scraper.sources.arguments import sources_from_arguments
from tests.support.crawling import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.cluster.storage import Storage

RUN = "20260131T093000Z-000000"


def orders(
    urls: Sequence[str], work: Path | Storage, *, parts: int = 1, **sections: dict[str, Any]
) -> list[Order]:
    """Split a list and return the first attempts at its parts."""
    sources = sources_from_arguments(urls, settings().sources)
    storage = Folder(work) if isinstance(work, Path) else work
    weighed = split_in(storage, sources, under="", scratch="", shards=parts, politeness=PolitenessSettings())
    assert sum(count for count, _ in weighed.parts) == len(urls)
    for shard in range(parts):
        write_fence(ShardPlace(storage, shard), Fence(run=RUN, attempt=1))
    return [
        Order(
            work=storage.place,
            run=RUN,
            shard=shard,
            shards=parts,
            attempt=1,
            inputs=("list.jsonl",),
            first_found=len(urls),
            dealt=0,
            may_begin_anew=True,
            lease_s=30.0,
            settings=msgspec.to_builtins(settings(**sections)),
        )
        for shard in range(parts)
    ]
