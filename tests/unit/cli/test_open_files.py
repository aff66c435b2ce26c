"""The limit of open files is raised as far as the system lets, and never stands in the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from scraper.cli.open_files import allow_many_open_files

if TYPE_CHECKING:
    from collections.abc import Iterator

resource = pytest.importorskip("resource", reason="no such limits here")

LOW = 128


@pytest.fixture
def hard() -> Iterator[int]:
    """The hard limit; the soft one is low while the test lasts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LOW, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_becomes_the_hard_one(hard: int) -> None:
    assert hard != LOW
    for _ in range(2):
        allow_many_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.parametrize("error", [ValueError("not allowed to"), OSError(1, "Operation not permitted")])
def test_a_system_that_does_not_let_it_keeps_its_limit(
    hard: int, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(resource, "setrlimit", refuse)
        allow_many_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (LOW, hard)


def test_a_system_without_limits_needs_nothing(hard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # what Windows has
    allow_many_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (LOW, hard)
