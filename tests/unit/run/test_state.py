"""What a run leaves behind, finds again, and refuses to mix up."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from scraper.errors import OutputExists, OutputLocked, SourceError, StateError, UsageError
from scraper.run.files import Mode, run_files
from scraper.run.state import kept_for_now, kept_on_disk, remaining_seeds, run_name
from scraper.sources.source import Source
from tests.support.fakes import EPOCH, FakeClock, MemoryJournal, batch, finished, request

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.run.files import RunFiles

LINE = b'{"seq":0}\n'


def files_in(folder: Path, *names: str) -> RunFiles:
    return run_files([folder / name for name in names or ("pages.jsonl",)])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def unfinished(files: RunFiles, *sources: Source) -> None:
    """Leave a run behind that has done one of its two lines."""
    async with kept_on_disk(files, Mode.NEW) as kept:
        await remaining_seeds(sources, kept.state)
        first = request("http://a.example/1")
        await kept.state.call(kept.state.store.admit, batch(first.target, "http://a.example/2"))
        length = await kept.journal.append([LINE])
        await kept.state.call(kept.state.store.finish, [finished(first)], output_bytes=length)


async def opened(files: RunFiles, mode: Mode) -> tuple[int, int]:
    """Open a run, leave it at once, and return how far it had come: lines, records."""
    async with kept_on_disk(files, mode) as kept:
        return (await kept.state.call(kept.state.store.progress)).lines, kept.journal.records


def change(state: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(state)) as db, db:
        db.execute(statement)


# --- what is left behind -----------------------------------------------------------------------


@pytest.mark.parametrize("names", [("pages.jsonl",), ("pages.json",)])
async def test_a_run_that_comes_to_nothing_leaves_nothing(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert await opened(files_in(tmp_path, *names), Mode.NEW) == (0, 0)
    assert names_in(tmp_path) == []


async def test_an_unfinished_run_leaves_its_state_and_a_complete_one_its_output(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await unfinished(files)
    assert names_in(tmp_path) == ["pages.jsonl", "pages.jsonl.state"]
    assert await opened(files, Mode.RESUME) == (2, 1)
    async with kept_on_disk(files, Mode.RESUME) as kept:
        kept.complete = True
    assert names_in(tmp_path) == ["pages.jsonl"]
    assert files.journal.read_bytes() == LINE


async def test_a_journal_that_is_no_output_goes_with_the_complete_run(tmp_path: Path) -> None:
    files = files_in(tmp_path, "pages.json")
    await unfinished(files)
    assert names_in(tmp_path) == ["pages.json.journal", "pages.json.state"]
    async with kept_on_disk(files, Mode.RESUME) as kept:
        kept.complete = True
    assert names_in(tmp_path) == []


async def test_a_run_without_files_keeps_nothing_and_leaves_the_journal_open() -> None:
    journal = MemoryJournal()
    async with kept_for_now(journal) as kept:
        folder = kept.state.store._path.parent
        assert folder.exists() is (os.name != "posix"), "kill -9 would leave it"
        # More than the cache of pages and the write-ahead log hold: both go on without a name.
        for first in range(0, 40_000, 4000):
            urls = [f"http://a.example/{number}" for number in range(first, first + 4000)]
            await kept.state.call(kept.state.store.admit, batch(*urls))
        assert (await kept.state.call(kept.state.store.progress)).lines == 40_000
        assert len(await kept.state.call(kept.state.store.largest_hosts, 5)) == 1
    assert not folder.exists()
    assert kept.journal is journal


# --- starting over -----------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"no database " * 200, b"SQLite format 3\0" + b"\xff" * 4096])
async def test_fresh_replaces_a_damaged_state(tmp_path: Path, damage: bytes) -> None:
    files = files_in(tmp_path)
    files.state.write_bytes(damage)
    with pytest.raises(StateError, match=r"pages\.jsonl\.state"):
        await opened(files, Mode.RESUME)
    assert files.state.read_bytes() == damage
    assert await opened(files, Mode.FRESH) == (0, 0)
    assert names_in(tmp_path) == []


async def test_fresh_replaces_a_state_of_another_version(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await unfinished(files)
    change(files.state, "UPDATE meta SET value = 999 WHERE name = 'layout'")
    with pytest.raises(StateError, match=r"another version.*--fresh"):
        await opened(files, Mode.RESUME)
    assert await opened(files, Mode.FRESH) == (0, 0)
    assert not files.state.exists()


async def test_fresh_can_not_replace_a_state_that_is_a_folder(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.state.mkdir()
    with pytest.raises(UsageError, match=r"^can't .*pages\.jsonl\.state: .*directory") as caught:
        await opened(files, Mode.FRESH)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["pages.jsonl.state"]


@pytest.mark.parametrize("mode", [Mode.FRESH, Mode.RESUME])
async def test_a_state_that_another_run_holds_is_left_alone(tmp_path: Path, mode: Mode) -> None:
    target, link = files_in(tmp_path, "pages.jsonl"), tmp_path / "link.jsonl"
    link.symlink_to("pages.jsonl")
    async with kept_on_disk(target, Mode.NEW) as kept:
        await kept.state.call(kept.state.store.admit, batch("http://a.example/"))
        for files in (target, run_files([link])):
            with pytest.raises(OutputLocked, match="another run"):
                await opened(files, mode)
        assert (await kept.state.call(kept.state.store.progress)).lines == 1
    assert target.state.exists()


@pytest.mark.parametrize(
    ("held", "comes"),
    [
        (["a.jsonl", "same.json"], ["b.jsonl", "same.json"]),
        (["a.jsonl", "same.jsonl"], ["same.jsonl"]),
        (["same.jsonl"], ["a.jsonl", "same.jsonl"]),
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
async def test_two_runs_that_share_one_output_meet(
    tmp_path: Path, held: list[str], comes: list[str], mode: Mode
) -> None:
    async with kept_on_disk(files_in(tmp_path, *held), Mode.NEW):
        before = names_in(tmp_path)
        with pytest.raises((OutputLocked, OutputExists), match=r"is in use: another run|exists|is complete"):
            await opened(files_in(tmp_path, *comes), mode)
        assert names_in(tmp_path) == before
    assert names_in(tmp_path) == []
    assert await opened(files_in(tmp_path, *comes), mode) == (0, 0)


async def test_the_lock_of_a_run_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / ".pages.jsonl.lock").touch()
    assert await opened(files_in(tmp_path), Mode.NEW) == (0, 0)
    assert names_in(tmp_path) == []


async def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".pages.jsonl.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"can't write .*pages\.jsonl"):
        await opened(files_in(tmp_path), Mode.NEW)
    assert names_in(tmp_path) == [".pages.jsonl.lock"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(
    ("umask", "names", "modes"),
    [
        (0o000, ["pages.jsonl"], {"pages.jsonl": 0o666}),
        (0o022, ["pages.jsonl"], {"pages.jsonl": 0o644}),
        (0o000, ["pages.json"], {"pages.json.journal": 0o600}),
    ],
)
async def test_outputs_follow_the_umask_and_all_else_is_the_users_own(
    tmp_path: Path, umask: int, names: list[str], modes: dict[str, int]
) -> None:
    before = os.umask(umask)
    try:
        async with kept_on_disk(files_in(tmp_path, *names), Mode.NEW) as kept:
            await kept.state.call(kept.state.store.admit, batch("http://a.example/"))
            found = modes_in(tmp_path)
    finally:
        os.umask(before)
    assert {name: found.pop(name) for name in modes} == modes
    assert found
    assert set(found.values()) == {0o600}


async def test_the_state_holds_no_user_info(tmp_path: Path) -> None:
    lines = [
        "https://ann:s3cret@a.example/",
        "\u2060https://ann:s3/cret@a.example/",
        "sitemap:http:ann:s3cret@a.b/",
    ]
    (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    listed = Source(kind="file", name=str(tmp_path / "urls.txt"))
    given = Source(kind="argument", name=lines[0], urls=tuple(lines))
    files = files_in(tmp_path)
    async with kept_on_disk(files, Mode.NEW) as kept:
        async with await remaining_seeds([listed, given], kept.state) as batches:
            async for one in batches:
                await kept.state.call(kept.state.store.admit, one)
        held = b"".join((tmp_path / name).read_bytes() for name in names_in(tmp_path) if name != "urls.txt")
        assert b"***@a.example" in held
        assert b"ann" not in held
        assert b"cret" not in held
    assert await seeds_of(files, listed, given) == await seeds_of(files) == []


@pytest.mark.parametrize("fact", ["outputs", "sources"])
async def test_a_fact_that_does_not_read_back_has_a_remedy(tmp_path: Path, fact: str) -> None:
    files = files_in(tmp_path)
    await unfinished(files)
    change(files.state, f"UPDATE meta SET value = '[7' WHERE name = '{fact}'")  # noqa: S608 ours

    async def resume() -> None:
        async with kept_on_disk(files, Mode.RESUME) as kept:
            await remaining_seeds([], kept.state)

    with pytest.raises(StateError, match=r"damaged.*--fresh"):
        await resume()
    assert files.state.exists()


# --- the same outputs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "resumes", "goes_on"),
    [
        (["a.json", "b.json"], ["b.json", "a.json"], True),
        (["a.jsonl", "b.json"], ["b.json", "a.jsonl"], True),
        (["a.json", "b.json"], ["a.json"], False),
        (["a.jsonl", "b.json"], ["a.jsonl"], False),
        (["a.jsonl"], ["a.jsonl", "b.json"], False),
        (["a.jsonl", "b.json"], ["a.jsonl", "c.json"], False),
    ],
)
async def test_a_run_is_resumed_with_the_same_outputs_in_any_order(
    tmp_path: Path, began: list[str], resumes: list[str], *, goes_on: bool
) -> None:
    await unfinished(files_in(tmp_path, *began))
    before = names_in(tmp_path)
    if goes_on:
        assert await opened(files_in(tmp_path, *resumes), Mode.RESUME) == (2, 1)
    else:
        with pytest.raises(UsageError, match=f"writes {', '.join(began)}: resume it with the same outputs"):
            await opened(files_in(tmp_path, *resumes), Mode.RESUME)
    assert names_in(tmp_path) == before


async def test_a_complete_output_is_neither_resumed_nor_touched(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.journal.write_bytes(LINE)
    with pytest.raises(OutputExists, match="complete"):
        await opened(files, Mode.RESUME)
    assert names_in(tmp_path) == ["pages.jsonl"]
    assert files.journal.read_bytes() == LINE


# --- the same sources --------------------------------------------------------------------------


async def seeds_of(files: RunFiles, *sources: Source) -> list[str]:
    """Return what a resumed run still reads."""
    async with kept_on_disk(files, Mode.RESUME) as kept, await remaining_seeds(sources, kept.state) as stream:
        return [seed.input for found in [one async for one in stream] for seed in found.seeds]


@pytest.fixture
def listed(tmp_path: Path) -> Source:
    path = tmp_path / "urls.txt"
    path.write_text("http://a.example/1\nhttp://a.example/2\nhttp://a.example/3\n")
    return Source(kind="file", name=str(path))


async def test_only_the_lines_that_were_not_taken_in_are_read_again(tmp_path: Path, listed: Source) -> None:
    files = files_in(tmp_path)
    await unfinished(files, listed)
    assert await seeds_of(files) == ["http://a.example/3"]
    assert await seeds_of(files, listed) == ["http://a.example/3"]


async def test_other_sources_are_refused_without_telling_a_secret(tmp_path: Path, listed: Source) -> None:
    url = "https://ann:s3cret@a.example/?token=s3cret"
    files = files_in(tmp_path)
    await unfinished(files, Source(kind="argument", name=url, urls=(url, "http://a.example/2")))
    with pytest.raises(UsageError, match=r"read from .*--fresh") as caught:
        await seeds_of(files, listed)
    assert "s3cret" not in str(caught.value)


async def test_a_list_that_has_changed_is_refused(tmp_path: Path, listed: Source) -> None:
    files = files_in(tmp_path)
    await unfinished(files, listed)
    (tmp_path / "urls.txt").write_text("http://a.example/1\n")
    with pytest.raises(UsageError, match=r"urls\.txt has changed.*--fresh"):
        await seeds_of(files)
    (tmp_path / "urls.txt").unlink()
    with pytest.raises((SourceError, UsageError), match=r"urls\.txt"):
        await seeds_of(files)


async def test_standard_input_has_to_be_given_again(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    await unfinished(files, Source(kind="stdin", name="-"))
    with pytest.raises(UsageError, match=r"standard input .*\(2 lines were\)"):
        await seeds_of(files)


async def test_a_run_keeps_its_name(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    clock = FakeClock()
    found = []
    async with kept_on_disk(files, Mode.NEW) as kept:
        found.append(await run_name(kept.state, clock))
        await kept.state.call(kept.state.store.admit, batch("http://a.example/"))
    clock.move(3600.0)
    async with kept_on_disk(files, Mode.RESUME) as kept:
        found.append(await run_name(kept.state, clock))
    assert found[0] == found[1]
    assert found[0].startswith(f"{EPOCH:%Y%m%dT%H%M%SZ}-")
