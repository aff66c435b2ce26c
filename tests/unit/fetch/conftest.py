from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(autouse=True)
async def _nothing_is_left_over() -> AsyncIterator[None]:
    """No task outlives a test; a socket left open is a ResourceWarning, and so an error anyway."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {task for task in (asyncio.current_task(),) if task}
    assert not left
