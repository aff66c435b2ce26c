"""A crawl over all hostile pages, in a process of its own so that its memory can be told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile_pages import PAGES

ROOT = Path(__file__).parents[2]
_BODY_BYTES = 100_000
_HONEST_EVERY = 10
_PEAK_BYTES = 300 * 1024 * 1024

_PROGRAM = """
import asyncio, json, sys
from tests.integration.test_hostile_pages import crawl_all
from tests.support.memory import peak_bytes

records = asyncio.run(crawl_all())
json.dump({"records": records, "peak_bytes": peak_bytes()}, sys.stdout)
"""


async def crawl_all() -> list[tuple[str, str, str | None, int]]:
    """Serve every page and honest ones; return target, outcome, title and size of each record."""
    import msgspec  # noqa: PLC0415 - only the child process needs these
    from aiohttp import web  # noqa: PLC0415

    from tests.support.crawling import crawled  # noqa: PLC0415

    async def answer(request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if request.match_info["kind"] == "honest":
            return web.Response(text=f"<title>Honest {number}</title>", content_type="text/html")
        page = PAGES[int(number)]
        return web.Response(body=page.body(_BODY_BYTES), headers={"Content-Type": page.content_type})

    app = web.Application()
    app.router.add_get("/{kind}/{number}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        lines = [f"{base}/hostile/{number}" for number in range(len(PAGES))]
        lines += [f"{base}/honest/{number}" for number in range(0, len(PAGES), _HONEST_EVERY)]
        records = await crawled(lines, politeness={"per_host": 16}, robots={"policy": "ignore"})
    finally:
        await runner.cleanup()
    return [
        (record.input.removeprefix(base), str(record.outcome), record.title, len(msgspec.json.encode(record)))
        for record in records
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits")
def test_every_hostile_page_is_one_bounded_record_and_its_neighbours_are_well() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, check=False, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    seen = {target: (outcome, title, size) for target, outcome, title, size in found["records"]}
    for number in range(0, len(PAGES), _HONEST_EVERY):
        assert seen[f"/honest/{number}"][:2] == ("ok", f"Honest {number}")
    for number, page in enumerate(PAGES):
        outcome, _, size = seen[f"/hostile/{number}"]
        assert outcome == "ok", page.name
        assert size < 1024 * 1024, page.name
    assert found["peak_bytes"] < _PEAK_BYTES
