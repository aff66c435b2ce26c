"""The public interface in each intended way; never run, checked by mypy."""

from __future__ import annotations

from pathlib import Path

import scraper


async def titles(urls: list[str]) -> list[str | None]:
    async with scraper.crawl(urls) as records:
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


def sku(page: scraper.VisitedPage) -> dict[str, str | int | None]:
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


async def to_files() -> bool:
    try:
        result: scraper.RunResult = await scraper.crawl_to_files(
            ["urls.txt", Path("more.csv")], [Path("out/pages.jsonl"), "out/pages.json"], resume=True
        )
    except scraper.OutputLocked as error:
        raise SystemExit(str(error)) from error
    return result.complete and result.lines == result.records
