"""What holds for all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from scraper import record_line
from tests.support.record_schema import check_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.record import Record

# Both judge how fast the machine is just now, and no test of ours is about that.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.register_profile("thorough", settings.get_profile("house"), max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


@pytest.fixture(scope="session", autouse=True)
def _every_record_is_held_to_the_schema() -> Iterator[None]:
    encode = record_line._encode

    def checked(record: Record) -> bytes:
        line = encode(record)
        check_record(line)
        return line

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_line, "_encode", checked)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run properties without the tracer, which more than doubles their time.

    The lines that they reach are those of the tables beside them, over and over.
    """
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.no_cover)
