"""A list run in parts gives what it gives in one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.run.parts import PARTS_FILE, read_parts
from tests.support.crawling import crawled
from tests.support.in_parts import records_of, run_in_parts
from tests.support.linked_site import HOSTS, LinkedSite
from tests.support.polite_site import Answer, Ask, moved, page, serving, text
from tests.support.processes import records_in, write_list

if TYPE_CHECKING:
    from pathlib import Path


def hosts_are_apart(run: Path) -> bool:
    """Whether no host gave a record to two parts, wherever lines of it came from."""
    parts = [run / part.file for part in read_parts(run / PARTS_FILE).parts]
    found = [
        {urlsplit(record["final_url"]).hostname for record in records_in(part) if record["final_url"]}
        for part in parts
    ]
    return len(parts) > 1 and sum(map(len, found)) == len(set.union(*found))


async def test_n_lines_give_n_records_over_all_parts(tmp_path: Path) -> None:
    async with serving(lambda ask: page(title=f"{ask.host}{ask.target}")) as site:
        urls = [site.url(f"127.0.12.{number % 7 + 1}", f"/{number // 7}") for number in range(60)]
        urls += ["not a url", urls[3], "http://", urls[3], "ftp://127.0.12.1/"]
        await run_in_parts([str(write_list(tmp_path / "urls.txt", urls))], tmp_path / "out")
        whole = await crawled(urls)

    records = records_of(tmp_path / "out")

    assert [(record["seq"], record["input"]) for record in records] == list(enumerate(urls))
    assert [(record["outcome"], record["duplicate_of"], record.get("title")) for record in records] == [
        (record.outcome, record.duplicate_of, record.title or None) for record in whole
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["parts", "parts.json"]


async def test_links_and_redirects_across_parts_come_out_as_in_one(tmp_path: Path) -> None:
    linked = LinkedSite(60)

    def answer(ask: Ask) -> Answer:
        if ask.target.startswith("/to/"):
            port = ask.headers["host"].rpartition(":")[2]
            number = int(ask.target.rpartition("/")[2])
            return moved(f"http://{HOSTS[number % 10]}:{port}/{number}")
        return linked.answer(ask)

    async with serving(answer) as site:
        await run_in_parts(
            [site.url(HOSTS[0], "/0")],
            tmp_path / "out",
            follow={"depth": 60},
            fetch={"private": "allow"},
        )
        records = records_of(tmp_path / "out")
        assert hosts_are_apart(tmp_path / "out")
        by_seq = {record["seq"]: record for record in records}
        wrong = [
            words
            for words in linked.wrong_with(records, site)
            if "numbers" not in words  # parts number what they find in steps, with gaps
        ]
        assert wrong == []
        assert len(by_seq) == len(records) == 60
        asked = [target for target in site.times if target[1] != "/robots.txt"]
        assert all(site.times[target] == 1 for target in asked)

        lines = [site.url(HOSTS[number], f"/to/{number + on}") for on in (3, 7) for number in range(10)]
        await run_in_parts(lines, tmp_path / "hops")
        whole = await crawled(lines, fetch={"private": "listed"})

    assert hosts_are_apart(tmp_path / "hops")
    hops = records_of(tmp_path / "hops")
    assert [(one["seq"], one["final_url"], one["outcome"], len(one["redirects"])) for one in hops] == [
        (one.seq, one.final_url, one.outcome, len(one.redirects)) for one in whole
    ]


async def test_a_robots_txt_at_another_parts_host_is_asked_for_there_alone(tmp_path: Path) -> None:
    hosts = [f"127.0.13.{number}" for number in range(1, 9)]

    def answer(ask: Ask) -> Answer:
        port = ask.headers["host"].rpartition(":")[2]
        if ask.target == "/robots.txt":
            if ask.host == hosts[0]:
                return text("User-agent: *\nDisallow: /secret")
            return moved(f"http://{hosts[0]}:{port}/robots.txt")
        return page(title=ask.host)

    async with serving(answer) as site:
        lines = [site.url(host, path) for host in hosts for path in ("/a", "/secret", "/b")]
        await run_in_parts(lines, tmp_path / "out", politeness={"delay_s": 0.05, "adaptive": False})
        gaps = {host: min(site.gaps_s(host), default=1.0) for host in hosts}
        whole = await crawled(lines)

    records = records_of(tmp_path / "out")
    assert [(one["seq"], one["outcome"]) for one in records] == [(one.seq, one.outcome) for one in whole]
    assert {one["outcome"] for one in records} == {"ok", "robots_denied"}
    # All hosts are with the one that has their robots.txt now.
    assert [part.records for part in read_parts(tmp_path / "out" / PARTS_FILE).parts] == [len(lines)]
    assert all(gap > 0.02 for gap in gaps.values()), gaps  # of 0.05, on a busy machine
