"""What is to be said of what a program finds, and how it does over all pages. It does no I/O."""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.fidelity.kinds import Kind, are_same, is_nothing, url_key

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(enum.Enum):
    """What is to be said of a field of a page."""

    RIGHT = "right"
    """It has what is expected."""
    EMPTY = "empty"
    """Nothing is there, and nothing is given."""
    WRONG = "wrong"
    MISSED = "missed"
    MADE_UP = "made up"
    """Nothing is there, and something is given."""

    @property
    def is_right(self) -> bool:
        """Whether the page's field is as expected, a value or none."""
        return self in {Verdict.RIGHT, Verdict.EMPTY}


class Score(NamedTuple):
    """How a program does at a field over the pages."""

    right: int = 0
    empty: int = 0
    wrong: int = 0
    missed: int = 0
    made_up: int = 0

    @classmethod
    def of(cls, verdicts: Mapping[str, Verdict]) -> Score:
        """Return the sum of the verdicts on the pages."""
        counts = Counter(verdicts.values())
        return cls(*(counts[verdict] for verdict in Verdict))

    @property
    def judged(self) -> int:
        """How many pages there were."""
        return sum(self)

    @property
    def there(self) -> int:
        """How many of them have a value."""
        return self.right + self.wrong + self.missed

    @property
    def given(self) -> int:
        """On how many the program gives a value."""
        return self.right + self.wrong + self.made_up

    @property
    def share(self) -> float:
        """The share of pages that are right, from 0 to 1; 1 where there are none."""
        return (self.right + self.empty) / self.judged if self.judged else 1.0

    @property
    def precision(self) -> float | None:
        """The share of the values given that are right; ``None`` when none is given."""
        return self.right / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        """The share of the values there that were found; ``None`` when there are none."""
        return self.right / self.there if self.there else None


def judge(kind: Kind, expected: Any, got: Any, *, page_url: str) -> Verdict:
    """Return the verdict on one field of one page.

    Args:
        kind: how the two are compared.
        expected: by the record's form; ``None``, ``""``, ``[]`` and ``{}`` say that there is nothing.
        got: what the program gives; it may be of another form, which is never an error.
        page_url: what relative URLs are resolved against.
    """
    if (
        kind is Kind.OWN_URL
        and is_nothing(expected)
        and url_key(got, page_url) == url_key(page_url, page_url)
    ):
        return Verdict.EMPTY
    if is_nothing(expected):
        return Verdict.EMPTY if is_nothing(got) else Verdict.MADE_UP
    if is_nothing(got):
        return Verdict.MISSED
    return Verdict.RIGHT if are_same(kind, expected, got, page_url=page_url) else Verdict.WRONG
