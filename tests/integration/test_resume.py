"""What is there already is never overwritten silently, and an unfinished run is gone on with as it was."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import (
    Ended,
    Server,
    has_each_once,
    lines_in,
    noted_in,
    records_in,
    scrape,
    serving,
    started,
    wait_until,
    write_list,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a run is stopped by kill -9")

FAST = ("--delay", "0", "--set", "output.batch_s=0.02")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def stopped_run(server: Server, folder: Path, *, tag: str, more: tuple[str, ...] = ()) -> list[str]:
    """Leave an unfinished run of ``urls.txt`` in ``pages.jsonl`` behind; return its list."""
    urls = [
        *server.bulk(5, tag=tag, hosts=5),
        *server.bulk(900, tag=f"{tag}-slow", hosts=3, delay_s=0.05)[5:],
    ]
    sources = write_list(folder / "urls.txt", urls)
    with started("crawl", sources, "-o", folder / "pages.jsonl", *FAST, *more) as running:
        output, state = folder / "pages.jsonl", folder / "pages.jsonl.state"
        # A record alone is not enough: until the state has noted it, a resume begins all over.
        wait_until(
            lambda: lines_in(output) > 0 and noted_in(state).output_bytes > 0, what="a note", running=running
        )
        running.kill()
    return urls


def refused(ended: Ended, *remedies: str) -> bool:
    """Whether a run was refused with one line that has the remedies."""
    return ended.code == 2 and all(remedy in ended.only_line for remedy in remedies)


def test_a_complete_output_is_refused_replaced_and_not_resumed(server: Server, tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"
    first, second = server.bulk(2, tag="complete")
    assert scrape("crawl", first, "-o", output).code == 0
    before = output.read_bytes()

    assert refused(scrape("crawl", second, "-o", output), "--fresh", str(output))
    assert output.read_bytes() == before

    ended = scrape("crawl", second, "-o", output, "--resume")
    assert ended.code == 0
    assert "complete" in ended.only_line
    assert output.read_bytes() == before

    assert scrape("crawl", second, "-o", output, "--fresh").code == 0
    assert [record["url"] for record in records_in(output)] == [second]
    assert refused(scrape("crawl", second, "-o", output, "--fresh", "--resume"), "one of them")


def test_an_unfinished_run_is_refused_and_not_mixed_with_others(server: Server, tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"
    urls = stopped_run(server, tmp_path, tag="unfinished")
    sources = tmp_path / "urls.txt"
    before = output.read_bytes()

    assert refused(scrape("crawl", sources, "-o", output), "--resume", "--fresh")
    assert output.read_bytes() == before
    other = write_list(tmp_path / "other.txt", urls[:3])
    assert refused(scrape("crawl", other, "-o", output, "--resume"), "urls.txt", "--fresh")
    # A batch that the killed run had appended and not yet noted may be cut off: its pages are not done.
    unnoted = before
    before = output.read_bytes()
    assert unnoted.startswith(before)
    assert refused(scrape("crawl", sources, other, "-o", output, "--resume"), "urls.txt", "--fresh")
    assert output.read_bytes() == before

    assert scrape("crawl", other, "-o", output, "--fresh").code == 0
    assert has_each_once(records_in(output), urls[:3])


def test_a_list_that_has_changed_is_refused(server: Server, tmp_path: Path) -> None:
    # So small a look-ahead that the list is not read to its end when the run is killed.
    ahead = ("--set", "frontier.lookahead=10")
    urls = stopped_run(server, tmp_path, tag="changed", more=ahead)
    sources, output = tmp_path / "urls.txt", tmp_path / "pages.jsonl"
    kept = sources.stat()
    write_list(sources, urls[1:])

    assert refused(scrape("crawl", "-o", output, "--resume", *ahead), "urls.txt", "changed", "--fresh")
    sources.unlink()
    assert refused(scrape("crawl", "-o", output, "--resume", *ahead), "urls.txt")

    write_list(sources, urls)
    os.utime(sources, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    ended = scrape("crawl", "-o", output, "--resume", *FAST, *ahead, "--per-host", "30")
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)


def test_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert refused(scrape("crawl", "-o", tmp_path / "pages.jsonl", "--resume"), "no unfinished run", "SOURCE")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["pages.jsonl", "pages.json"])
def test_a_second_run_on_the_same_output_is_refused(server: Server, tmp_path: Path, name: str) -> None:
    urls = server.bulk(6, tag=f"second-{name}", hosts=2)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / name
    # The first can't end before its pipe is closed.
    with started("crawl", "-", "-o", output, "--delay", "0", pipes=True) as first:
        first.stdin.write(sources.read_bytes())
        server.wait_for(1, tag=f"second-{name}", running=first)
        assert refused(scrape("crawl", sources, "-o", output), "unfinished run")
        assert refused(scrape("crawl", sources, "-o", output, "--resume"), "another run")
        assert refused(scrape("crawl", urls[0], "-o", output, "--fresh"), "another run")
        first.stdin.close()
        ended = first.wait()
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output) if name.endswith("l") else json.loads(output.read_text()), urls)
    assert max(server.asked(f"second-{name}").values()) == 1


def test_a_journal_that_was_tampered_with_is_refused(server: Server, tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"
    stopped_run(server, tmp_path, tag="tampered")
    output.write_bytes(b'{"seq":0')

    assert refused(scrape("crawl", "-o", output, "--resume"), "pages.jsonl", "--fresh")
    assert output.read_bytes() == b'{"seq":0'
    output.unlink()
    assert refused(scrape("crawl", "-o", output, "--resume"), "pages.jsonl")
    assert not output.exists()


def test_a_second_run_through_a_link_meets_the_lock_of_its_target(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(6, tag="locked", hosts=2)
    sources, output, link = (
        write_list(tmp_path / "urls.txt", urls),
        tmp_path / "a.jsonl",
        tmp_path / "b.jsonl",
    )
    link.symlink_to("a.jsonl")  # which is not there yet
    # The first can't end before its pipe is closed.
    with started("crawl", "-", "-o", output, "--delay", "0", pipes=True) as first:
        first.stdin.write(sources.read_bytes())
        server.wait_for(1, tag="locked", running=first)
        assert refused(scrape("crawl", sources, "-o", link), "unfinished run")
        assert refused(scrape("crawl", sources, "-o", link, "--resume"), "another run")
        assert refused(scrape("crawl", sources, "-o", link, "--fresh"), "another run")
        first.stdin.close()
        ended = first.wait()
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)
    assert max(server.asked("locked").values()) == 1


def test_a_run_is_resumed_through_a_link(server: Server, tmp_path: Path) -> None:
    urls = stopped_run(server, tmp_path, tag="linked")
    output, link = tmp_path / "pages.jsonl", tmp_path / "link.jsonl"
    link.symlink_to("pages.jsonl")

    ended = scrape("crawl", "-o", link, "--resume", *FAST, "--per-host", "30")

    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "pages.jsonl", "link.jsonl"}


def test_outputs_may_be_named_in_another_order_and_not_left_out(server: Server, tmp_path: Path) -> None:
    urls = [*server.bulk(5, tag="order"), *server.bulk(400, tag="order-slow", hosts=3, delay_s=0.05)[5:]]
    sources, one, two = write_list(tmp_path / "urls.txt", urls), tmp_path / "a.json", tmp_path / "b.json"
    journal = tmp_path / "a.json.journal"
    with started("crawl", sources, "-o", one, "-o", two, *FAST) as running:
        wait_until(lambda: lines_in(journal) > 0, what="a record", running=running)
        running.kill()
    before = journal.read_bytes()

    assert refused(scrape("crawl", "-o", one, "--resume"), "a.json, b.json", "same outputs")
    assert refused(scrape("crawl", "-o", two, "--resume"), "b.json")
    more = ("-o", two, "-o", one, "-o", tmp_path / "c.json")
    assert refused(scrape("crawl", *more, "--resume"), "a.json, b.json", "same outputs")
    assert journal.read_bytes() == before

    ended = scrape("crawl", "-o", two, "-o", one, "--resume", *FAST, "--per-host", "30")
    assert ended.code == 0, ended.err
    assert has_each_once(json.loads(one.read_bytes()), urls)
    assert two.read_bytes() == one.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "a.json", "b.json"}
