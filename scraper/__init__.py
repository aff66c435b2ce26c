"""Page metadata for a list of URLs: one typed record a line.

``crawl`` gives records as they come, ``crawl_to_files`` runs to files as the command does. The names
below are the public interface; everything else may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from scraper.version import VERSION

if TYPE_CHECKING:
    from scraper.api import crawl, crawl_to_files
    from scraper.errors import (
        CountMismatch,
        OutputExists,
        OutputLocked,
        RunError,
        ScraperError,
        SettingsError,
        SinkError,
        SourceError,
        StateError,
        UsageError,
    )
    from scraper.messages import Seed
    from scraper.observe.counts import Snapshot
    from scraper.observe.told_progress import Progress
    from scraper.parse.visited_page import VisitedPage
    from scraper.record import Outcome, Record
    from scraper.run.execution import RunResult
    from scraper.settings.model import (
        FetchSettings,
        FieldRule,
        FollowSettings,
        FrontierSettings,
        HistorySettings,
        HostLimits,
        OutputSettings,
        ParseSettings,
        PolitenessSettings,
        RetrySettings,
        RobotsSettings,
        RunSettings,
        Settings,
        SourceSettings,
    )

__version__: str = VERSION

__all__ = [
    "CountMismatch",
    "FetchSettings",
    "FieldRule",
    "FollowSettings",
    "FrontierSettings",
    "HistorySettings",
    "HostLimits",
    "Outcome",
    "OutputExists",
    "OutputLocked",
    "OutputSettings",
    "ParseSettings",
    "PolitenessSettings",
    "Progress",
    "Record",
    "RetrySettings",
    "RobotsSettings",
    "RunError",
    "RunResult",
    "RunSettings",
    "ScraperError",
    "Seed",
    "Settings",
    "SettingsError",
    "SinkError",
    "Snapshot",
    "SourceError",
    "SourceSettings",
    "StateError",
    "UsageError",
    "VisitedPage",
    "__version__",
    "crawl",
    "crawl_to_files",
]

_HOMES = {
    "Outcome": "scraper.record",
    "Record": "scraper.record",
    "RunResult": "scraper.run.execution",
    "Seed": "scraper.messages",
    "FetchSettings": "scraper.settings.model",
    "FieldRule": "scraper.settings.model",
    "FollowSettings": "scraper.settings.model",
    "HistorySettings": "scraper.settings.model",
    "HostLimits": "scraper.settings.model",
    "RobotsSettings": "scraper.settings.model",
    "FrontierSettings": "scraper.settings.model",
    "OutputSettings": "scraper.settings.model",
    "ParseSettings": "scraper.settings.model",
    "PolitenessSettings": "scraper.settings.model",
    "RetrySettings": "scraper.settings.model",
    "RunSettings": "scraper.settings.model",
    "Settings": "scraper.settings.model",
    "SourceSettings": "scraper.settings.model",
    "Progress": "scraper.observe.told_progress",
    "Snapshot": "scraper.observe.counts",
    "VisitedPage": "scraper.parse.visited_page",
    "crawl": "scraper.api",
    "crawl_to_files": "scraper.api",
}
"""Where the public names live; the others are errors. They are imported when asked for (PEP 562), so
that ``scraper --help`` does not load the whole program."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "scraper.errors")), name)


def __dir__() -> list[str]:
    return __all__
