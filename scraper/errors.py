"""What can go wrong, as a tree whose branches answer "whose fault, and what next".

    ScraperError
    ├── UsageError              the user's, before anything starts: one line, exit code 2
    │   ├── SettingsError       a setting's name or value
    │   ├── SourceError         a list that can't be read, or has no such column
    │   ├── OutputExists        nothing is overwritten silently
    │   └── OutputLocked        another run is writing there
    ├── PageError               this page's: becomes a record, the run goes on
    │   ├── InvalidUrl          a line that is no URL we can ask for
    │   └── FetchError          what came of one attempt, when it was no response
    └── RunError                the run's: ends it with exit code 1, resumable
        ├── SinkError           the output can't be written
        ├── StateError          the state can't be read or written
        └── CountMismatch       lines in and records out differ: a bug of ours

Anything else that is raised is a bug and ends the run with a traceback. This module does no I/O.
"""

from __future__ import annotations


class ScraperError(Exception):
    """The root: everything this package raises on purpose."""


class UsageError(ScraperError):
    """The user can mend this; the message is one line that says how."""


class SettingsError(UsageError):
    """A setting has an unknown name or a bad value."""


class SourceError(UsageError):
    """A list of URLs can't be opened, or is not what it was said to be."""


class OutputExists(UsageError):
    """The output is there already, and neither ``--resume`` nor ``--fresh`` was given."""


class OutputLocked(UsageError):
    """Another run holds the output's state."""


class PageError(ScraperError):
    """The fault of one page or one line. It is data: a record tells of it."""


class InvalidUrl(PageError):
    """A text that is no http or https URL we would ask for."""


class FetchError(PageError):
    """One attempt gave no response.

    ``outcome`` is the record's outcome by that name (``dns_error``, ``timeout``, ...), kept as text
    because the vocabulary below the record does not know the record. ``kind`` is the name of the
    underlying error, ``phase`` where it happened: ``dns``, ``connect``, ``send``, ``headers``,
    ``body`` or ``decode``; ``proxy`` and ``tunnel`` on the way through a proxy. ``is_stale`` says that a
    kept connection had died before it was used again, so that the server has most likely not seen the
    request. ``partial`` is the answer as far as it came (a ``scraper.messages.Response``), when its head had
    come, without a body.
    """

    def __init__(
        self,
        message: str,
        *,
        outcome: str,
        kind: str,
        phase: str,
        is_stale: bool = False,
        partial: object | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.kind = kind
        self.phase = phase
        self.is_stale = is_stale
        self.partial = partial


class RunError(ScraperError):
    """The run can't go on; what was written is kept, and the run can be resumed."""


class SinkError(RunError):
    """The output can't take a record: disk full, no permission, closed pipe."""


class StateError(RunError):
    """The state beside the output can't be read or written."""


class CountMismatch(RunError):
    """At the end of a complete run, records out are not lines in."""
