"""The parts of pages that are sent anew when they change. What several clients see is rendered once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from scraper.dashboard.paper import now
from scraper.dashboard.rendering import region
from scraper.observe.counts import GOOD
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scraper.schedule.model import JobRow, LiveRun

BAD_OUTCOMES = tuple(sorted(set(Outcome) - GOOD))
_MOST_KEPT = 2000


class Regions:
    """Renders parts, and remembers each as long as what it shows is the same.

    So "3 s ago" does not make a part another one: pages count that on by themselves.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, str], tuple[JobRow, LiveRun | None, str]] = OrderedDict()
        self._lives: dict[str, tuple[LiveRun, Mapping[str, object]]] = {}

    def job(self, job: JobRow, live: LiveRun | None, *, proof: str) -> str:
        """Return a job's row.

        Args:
            job: The job.
            live: Its run that goes on.
            proof: What its forms carry.
        """
        kept = self._rows.get((job.name, proof))
        if kept is not None and kept[0] == job and kept[1] == live:
            return kept[2]
        row = region("parts.html", "job_row", job, live, proof, now())
        self._rows[job.name, proof] = job, live, row
        self._rows.move_to_end((job.name, proof))
        if len(self._rows) > _MOST_KEPT:
            self._rows.popitem(last=False)
        return row

    def live(self, live: LiveRun) -> Mapping[str, object]:
        """Return the parts of a run that goes on, by name."""
        kept = self._lives.get(live.job)
        if kept is not None and kept[0] == live:
            return kept[1]
        parts = {
            "figures": region("parts.html", "live_figures", live),
            "outcomes": region("parts.html", "bars", "Outcomes", live.outcomes, BAD_OUTCOMES),
            "standing": region("parts.html", "told_parts", live.parts, live.cluster_page),
            "parts": region("parts.html", "part_rows", live.parts, True),
            "failures": region("parts.html", "live_failures", live, now()),
            "hosts": region("parts.html", "live_hosts", live),
        }
        self._lives[live.job] = live, parts
        return parts
