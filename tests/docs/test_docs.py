"""The documentation is true: its programs run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import asyncio
import functools
import importlib
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.cli.exits import Exit
from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from scraper.record import Record
from tests.support import record_terminal, reference_pages
from tests.support.dependencies import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")])
SITE = build_site(1, 40, hosts=3)
CONFIGURING = (DOCS / "guides" / "configuring.md").read_text(encoding="utf-8")
LIBRARY = (DOCS / "guides" / "library.md").read_text(encoding="utf-8")
PATTERNS = (DOCS / "explanation" / "patterns.md").read_text(encoding="utf-8")


def blocks(text: str, *, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


async def ran(command: str, *, folder: Path) -> tuple[int | None, str, str]:
    """Run a shell command in a folder: exit code, standard output, standard error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPER_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    started = await asyncio.create_subprocess_shell(
        command,
        cwd=folder,
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await started.communicate()
    return started.returncode, out.decode(), err.decode()


def python(text: str, *, folder: Path) -> str:
    """Write a program into a folder; return the command that runs it with warnings as errors."""
    (folder / "program.py").write_text(text, encoding="utf-8")
    return f"{shlex.quote(sys.executable)} -W error program.py"


def prepared(folder: Path, server: SampleServer) -> None:
    """Give a folder what the README's commands name."""
    (folder / "urls.txt").write_text("".join(server.url(f"/bulk/{number}\n") for number in range(5)))
    (folder / "my.toml").write_text("[run]\nworkers = 8\n")


def test_the_readme_has_what_it_is_looked_into_for() -> None:
    lines = [
        line.partition("  #")[0].rstrip()
        for block in blocks(README, language="sh")
        for line in block.splitlines()
    ]
    assert lines[:4] == [
        "make demo",
        "make test",
        "pip install .",
        "scraper crawl urls.txt -o output/pages.jsonl",
    ]


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    for page in PAGES:
        named = set(
            re.findall(r"(?:^|`|    )make ([a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named <= targets, page


def test_every_extra_is_told_of() -> None:
    text = (DOCS / "guides" / "installing.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|.*\| ([\w, -]+) \|[^|]+\|$", text, flags=re.MULTILINE)
    assert {extra: set(names.split(", ")) for extra, names in told} == {
        extra: {one.name for one in requirements} for extra, requirements in EXTRAS.items()
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_is_as_the_readme_says(shell: str, tmp_path: Path) -> None:
    assert f"_SCRAPER_COMPLETE={shell}_source scraper" in CONFIGURING
    code, out, err = await ran(f"_SCRAPER_COMPLETE={shell}_source scraper", folder=tmp_path)
    if shell == "bash" and not out:
        pytest.skip(f"click asks bash for its version: {err}")
    assert code == Exit.COMPLETE
    assert "_SCRAPER_COMPLETE" in out


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "ok http://127.0.0.1:{port}/bulk/7 Bulk 7"),
        (1, "0 ok http://127.0.0.1:{port}/bulk/7\n1 ok http://127.0.0.1:{port}/bulk/1"),
        (2, "north Bulk 7"),
        (3, "5 5 True"),
        (4, "5 0 {{<Outcome.OK: 'ok'>: 5}}"),
    ],
)
async def test_the_library_examples_run(number: int, told: str, tmp_path: Path) -> None:
    text = blocks(LIBRARY, language="python")[number]
    async with SampleServer(SITE) as server:
        prepared(tmp_path, server)
        command = python(text.replace("https://example.com/", server.url("/bulk/7")), folder=tmp_path)
        code, out, err = await ran(command, folder=tmp_path)
    assert code == 0, err
    assert out.strip() == told.format(port=server.port)


@pytest.mark.parametrize(
    ("number", "count", "patterns"),
    [
        (0, 2, [r"One after the other 0\.\d\d s", r"At once 0\.\d\d s"]),
        (
            1,
            13,
            [
                r"http://127\.0\.0\.1:\d+/bulk/0\?delay=0\.1: 200 \(1024 bytes, 0\.\d{3} s\)",
                r"Sequential \d+\.\d{3} s",
                r"Concurrent \d+\.\d{3} s",
                r"Speed-up \d+\.\d\dx",
            ],
        ),
        (2, 16, [r"consumer-0 took 0", r"consumer-2 took 11|consumer-\d took 11", r"All ended"]),
    ],
)
async def test_the_patterns_run(number: int, count: int, patterns: list[str], tmp_path: Path) -> None:
    code, out, err = await ran(
        python(blocks(PATTERNS, language="python")[number], folder=tmp_path), folder=tmp_path
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == count
    for pattern in patterns:
        assert any(re.fullmatch(pattern, line) for line in lines), (pattern, out)


def places() -> Iterator[tuple[str, str]]:
    """The pairs of a file and what is said to be in it."""
    for page in PAGES:
        text = " ".join(page.read_text(encoding="utf-8").split())
        for path, names in re.findall(r"`(scraper/[a-z_/]+\.py)`\s\((`[A-Za-z_.`, ]+`)\)", text):
            yield from ((path, name) for name in re.findall(r"`([A-Za-z_.]+)`", names))


def test_what_is_said_to_be_in_a_file_is_there() -> None:
    found = list(places())
    assert len(found) >= 15
    for path, name in found:
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert functools.reduce(getattr, name.split("."), module) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_resolve(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for path in re.findall(r"`((?:scraper|tests|docs|config)/[A-Za-z_./]*)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_generated_pages_are_what_the_code_says(name: str) -> None:
    written = (reference_pages.REFERENCE / name).read_text(encoding="utf-8")
    assert written == reference_pages.PAGES[name](), "run: python tests/support/reference_pages.py"


def test_every_part_of_a_record_is_described() -> None:
    _, definitions = msgspec.json.schema_components([Record])
    page = reference_pages.record_page()
    for name in definitions.keys() - {"Record", "Outcome", "ChangeStatus"}:
        assert f"### {name}\n" in page
    for field in Record.__struct_fields__:
        assert f"\n| `{field}` |" in page


def test_the_readme_names_only_fields_there_are() -> None:
    table = README[README.index("## What you get") : README.index("## What else")]
    rows = re.findall(r"^\| \w+ \| (.*) \|$", table, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_0-9]+)`", re.sub(r"\(.*?\)", "", row))}
    assert len(named) > 30
    assert named <= set(Record.__struct_fields__)


def test_the_picture_loads_nothing() -> None:
    drawn = (DOCS / "images" / "demo.svg").read_text(encoding="utf-8")
    assert "url(http" not in drawn
    assert "@font-face" not in drawn
    lines = len(build_site().expectations(80, dead_port=1))
    assert f"{lines}" in drawn, "drawn before the site was changed: make picture"


@pytest.mark.parametrize(
    ("output", "screen"),
    [
        ("a\r\nb\r\n", "a\nb"),
        ("bar 1\r\x1b[2Kbar 2\r\n", "bar 2"),
        ("one\r\ntwo\r\x1b[2K\x1b[1A\x1b[2Kdone\n", "done"),
        ("\x1b[?25l\x1b[1mbold\x1b[0m\x1b[?25h", "\x1b[1mbold\x1b[0m"),
    ],
)
def test_the_recorder_obeys_the_cursor(output: str, screen: str) -> None:
    assert record_terminal.final_screen(output) == screen


def test_the_recorder_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="does not know"):
        record_terminal.final_screen("a\x1b[5Gb")
