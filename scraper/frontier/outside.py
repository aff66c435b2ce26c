"""What is known of hosts that have lines on disk and are not in memory."""

from __future__ import annotations


class Outside:
    """Whether there may be hosts outside the window: not who they are."""

    __slots__ = ("_noticed", "may_exist", "scanned")

    def __init__(self, *, may_exist: bool) -> None:
        self.may_exist = may_exist
        self._noticed = may_exist
        """Some were met since the scan began at the lowest id, so one more scan is due."""
        self.scanned = -1
        """The ids up to here were looked at in this scan."""

    def notice(self) -> None:
        """Some host had to stay outside, or was met there."""
        self.may_exist = self._noticed = True

    def start_again(self) -> None:
        """Begin a new scan; when the one before met nobody outside, there is nobody."""
        self.scanned = -1
        self.may_exist, self._noticed = self._noticed, False
