"""What was learnt of hosts and the state is still to be told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.robots.access import RobotsFile


class Findings:
    """What came in since the state was told the last time; true when there is any."""

    __slots__ = ("files", "holds")

    def __init__(self) -> None:
        self.files: list[RobotsFile] = []
        self.holds: dict[int, float] = {}
        """Until when (seconds since 1970) hosts want to be left alone, by their ids."""

    def __bool__(self) -> bool:
        return bool(self.files or self.holds)
