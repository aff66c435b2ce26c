"""The public interface in each intended way; never run, checked by type checkers.

``assert_type`` holds what a user's checker sees. A test holds that every public name is here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, assert_never, assert_type

import scraper


async def titles(urls: list[str]) -> list[str | None]:
    async with scraper.crawl(urls) as records:
        assert_type(records, AsyncIterator[scraper.Record])
        return [record.title async for record in records if record.outcome is scraper.Outcome.OK]


async def with_settings() -> int:
    settings = scraper.Settings(
        fetch=scraper.FetchSettings(user_agent="me/1.0 (+https://example.com/bot)"),
        politeness=scraper.PolitenessSettings(per_host=1, delay_s=2.0),
    )
    seeds = (scraper.Seed(f"https://example.com/{n}", {"n": n}) for n in range(3))
    count = 0
    async with scraper.crawl(seeds, settings=settings) as records:
        async for record in records:
            count += len(record.headings) + record.extra["n"]
    return count


def all_settings() -> scraper.Settings:
    settings = scraper.Settings(
        run=scraper.RunSettings(workers=8),
        sources=scraper.SourceSettings(format="csv", column="link"),
        frontier=scraper.FrontierSettings(hosts_in_memory=10),
        politeness=scraper.PolitenessSettings(hosts={"*.example.com": scraper.HostLimits(delay_s=1.0)}),
        robots=scraper.RobotsSettings(policy="ignore"),
        fetch=scraper.FetchSettings(headers={"Accept-Language": "de"}),
        retry=scraper.RetrySettings(retries=0),
        follow=scraper.FollowSettings(depth=2, same_site=True),
        parse=scraper.ParseSettings(text="main"),
        output=scraper.OutputSettings(ordered=True),
        history=scraper.HistorySettings(file="known.sqlite"),
    )
    assert_type(settings.run.workers, int)
    assert_type(settings.politeness.hosts["*.example.com"].delay_s, float | None)
    assert_type(settings.robots.policy, Literal["obey", "ignore"])
    assert_type(settings.history.file, str)
    return settings


def sku(page: scraper.VisitedPage) -> dict[str, str | int | None]:
    assert_type(page.record, scraper.Record)
    assert_type(page.body, bytes)
    assert_type(page.html, str)
    first = page.soup.find("h1")
    assert page.record.final_url == page.url
    return {
        "sku": page.html[:3],
        "size": len(page.body) + len(page.text),
        "h1": first.get_text() if first else None,
    }


async def own_fields() -> list[object]:
    parse = scraper.ParseSettings(
        select={"price": scraper.FieldRule(css=".price", type="float", required=True)}, extractor="shop:sku"
    )
    async with scraper.crawl(["https://example.com/"], settings=scraper.Settings(parse=parse)) as records:
        return [record.fields.get("price", record.field_errors) async for record in records]


def looked_at(record: scraper.Record) -> None:
    assert_type(record.seq, int)
    assert_type(record.url, str | None)
    assert_type(record.outcome, scraper.Outcome)
    assert_type(record.status, int | None)
    assert_type(record.headers, dict[str, list[str]])
    assert_type(record.og, dict[str, list[str]])
    assert_type(record.jsonld, list[dict[str, Any]])
    assert_type([heading.text for heading in record.headings], list[str])
    if record.error is not None:
        assert_type(record.error.message, str)
    if record.timing is not None:
        assert_type(record.timing.dns, float)
    if record.change is not None:
        assert_type(record.change.fields, list[str])


async def to_files() -> bool:
    try:
        result = await scraper.crawl_to_files(
            ["urls.txt", Path("more.csv")], [Path("out/pages.jsonl"), "out/pages.json"], resume=True
        )
    except scraper.OutputLocked as error:
        raise SystemExit(str(error)) from error
    assert_type(result, scraper.RunResult)
    assert_type(result.outputs, tuple[Path, ...])
    assert_type(result.changes, dict[str, int])
    return result.complete and result.lines == result.records


async def one_to_one() -> scraper.RunResult:
    return await scraper.crawl_to_files("urls.txt", Path("pages.jsonl"), fresh=True)


async def watched() -> str:
    said: list[str] = []
    progress = scraper.Progress(lambda now: said.append(str(now)), every_s=0.5)
    async with scraper.crawl(["https://example.com/"], observer=progress) as records:
        async for record in records:
            assert_type(record, scraper.Record)
    now = progress.snapshot()
    assert_type(now, scraper.Snapshot)
    assert_type(now.total, int | None)
    assert_type(now.by_outcome, dict[scraper.Outcome, int])
    return str(scraper.Progress(print))


Users = scraper.SettingsError | scraper.SourceError | scraper.OutputExists | scraper.OutputLocked
Runs = scraper.SinkError | scraper.StateError | scraper.CountMismatch


def exit_code(error: Users | Runs) -> int:
    """Every error is caught by its branch, and the two branches by the root."""
    root: scraper.ScraperError = error
    assert_type(str(root), str)
    match error:
        case scraper.UsageError():
            return 2
        case scraper.RunError():
            return 1
        case _:
            assert_never(error)


assert_type(scraper.__version__, str)
