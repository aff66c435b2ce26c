"""Links and files of other users in folders that they may write to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scraper.errors import UsageError
from scraper.planted import is_planted, refuse_planted

LINK, FILE, FOLDER = stat.S_IFLNK | 0o777, stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
ME, OTHER, OWNER = 1000, 1001, 0
STICKY, SHARED, OWN = 0o41777, 0o40777, 0o40755


def about(mode: int, user: int, links: int = 1) -> os.stat_result:
    return os.stat_result((mode, 0, 0, links, user, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("entry", "folder", "planted"),
    [
        (about(LINK, OTHER), STICKY, True),
        (about(LINK, ME), STICKY, False),
        (about(LINK, OWNER), STICKY, False),
        (about(LINK, OTHER), 0o41775, True),
        (about(LINK, OTHER), SHARED, False),
        (about(LINK, OTHER), OWN, False),
        (about(FILE, OTHER), STICKY, True),
        (about(FILE, ME), STICKY, False),
        (about(FILE, ME, links=2), STICKY, True),
        (about(FILE, ME, links=2), OWN, False),
        (about(FOLDER, OTHER), STICKY, False),
    ],
)
def test_what_may_be_a_trap(entry: os.stat_result, folder: int, *, planted: bool) -> None:
    assert is_planted(entry, about(folder, OWNER), user=ME) is planted


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["trap", "mine/../trap", "to-trap", "trap/below"])
def test_a_link_of_another_user_is_refused_wherever_it_stands(tmp_path: Path, name: str) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "mine").mkdir()
    (shared / "trap").symlink_to(tmp_path)
    os.chown(shared / "trap", OTHER, OTHER, follow_symlinks=False)
    (shared / "to-trap").symlink_to("trap")
    with pytest.raises(UsageError, match=r"^'\S+/trap': is a link that another user may have put there; "):
        refuse_planted(shared / name)


def test_what_is_not_there_or_no_name_at_all_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in ("none/at/all", "no\0name", "loop"):
        refuse_planted(tmp_path / name)
    refuse_planted(Path("/dev/stdout"))
