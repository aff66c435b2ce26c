"""Every page of the documentation, done from its first block to its last in a folder of its own."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from scraper.cli import main as program
from scraper.cli.overview import SUBCOMMANDS
from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from tests.docs.pages import Block, Command, blocks, commands
from tests.docs.test_docs import DOCS, ROOT, python, ran
from tests.support.processes import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = build_site(1, 40, hosts=1)
APART = {"extracting.md", "patterns.md", "library.md"}
"""Pages whose programs have tests of their own, which know what they are to say."""
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    if page.name not in APART and any(block.language != "text" for block in blocks(page))
]
WEB = "127.0.0.1:8600"
"""Where pages have the dashboard; a test has it at a port that is free."""
IS_THERE = re.compile(rb"Press Ctrl-C| ready: ")
"""What programs say that go on running."""
HURRIED = (
    "SCRAPER_POLITENESS_DELAY_S=0",
    "SCRAPER_POLITENESS_RETRY_AFTER_CAP_S=0.5",
    "SCRAPER_POLITENESS_CIRCUIT_PAUSE_S=0.5",
    "SCRAPER_RETRY_BASE_S=0",
    "SCRAPER_FETCH_READ_S=3",
)
KINDS = {"sh", "text", "toml", "python", "ini", "json", "html", "dockerfile", "nginx", "yaml"}


class Terminal:
    """What a page leaves running in a terminal beside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: subprocess.Popen[bytes] | None = None

    def run(self, line: str) -> None:
        """Run a command in the place of the one before; it is there when it has said something."""
        self.close()
        said = self._folder / f"said by {line.split()[1]}"
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        with said.open("wb") as errors:
            self._running = subprocess.Popen(
                shlex.split(line), cwd=self._folder, env=environment, stderr=errors, stdout=errors
            )
        wait_until(lambda: IS_THERE.search(said.read_bytes()) is not None, what=line)

    def close(self) -> None:
        """Stop what runs, as the page says: by Ctrl-C."""
        if self._running is not None:
            self._running.send_signal(signal.SIGINT)
            assert self._running.wait(TIMEOUT_S) == 0
            self._running = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def prepared(folder: Path, server: SampleServer) -> None:
    """Give a folder what the commands of the pages name."""
    (folder / "urls.txt").write_text("".join(server.url(f"/bulk/{number}\n") for number in range(5)))
    (folder / "my.toml").write_text("[run]\nworkers = 8\n")
    (folder / "products.csv").write_text("name,link\n" + f"Teapot,{server.url('/bulk/7')}\n")
    (folder / "output").mkdir()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    port, web = str(free_port()), f"127.0.0.1:{free_port()}"
    async with SampleServer(SITE) as server, contextlib.AsyncExitStack() as stack:
        prepared(tmp_path, server)
        terminals: dict[str, Terminal] = {}
        for block in blocks(page):
            if block.title.endswith(" terminal"):
                if block.title not in terminals:
                    terminals[block.title] = Terminal(tmp_path)
                    stack.callback(terminals[block.title].close)
                (command,) = commands(block.body)
                is_site = command.line.startswith("scraper demo")
                line = f"{command.line} --port {port}" if is_site else command.line.replace(WEB, web)
                terminals[block.title].run(line)
            elif block.title:
                written(block, tmp_path)
            elif block.language == "python":
                code, _, err = await ran(python(block.body, folder=tmp_path), folder=tmp_path)
                assert code == 0, err
            elif block.language == "sh":
                for command in filter(lambda one: one.runs_here, commands(block.body)):
                    await followed(command, here(command.line, server, web=web), folder=tmp_path)


async def followed(command: Command, line: str, *, folder: Path) -> None:
    """Run a line as it stands in a page, as often as the page says."""
    async with asyncio.timeout(TIMEOUT_S if command.until else None):
        while True:
            code, out, err = await ran(line, folder=folder)
            assert code == command.code, f"{command.line}: {err}"
            if command.until in out:
                return


def here(text: str, server: SampleServer, *, web: str) -> str:
    """Put the sample site in the place of the host that pages name; it is ours, and needs no patience."""
    text = text.replace("https://example.com/", server.url("/")).replace(WEB, web)
    return f"export {' '.join(HURRIED)}\n{text}"


def written(block: Block, folder: Path) -> None:
    """Write a block's file, and hold it to its language."""
    if block.language == "toml":
        tomllib.loads(block.body)
    if block.language == "ini":
        configparser.ConfigParser(strict=False, interpolation=None).read_string(block.body)
    (folder / block.title).write_text(block.body, encoding="utf-8")


def lines() -> Iterator[tuple[str, Command]]:
    """All commands of all pages that call the program."""
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for block in blocks(page):
            for command in commands(block.body) if block.language == "sh" else []:
                line = re.sub(r"^docker run .* scraper:local(?= )", "scraper", command.line)
                if re.search(r"(^|\s)(?<!inject )scraper (?!\|)", line):
                    yield page.stem, command._replace(line=line)


@pytest.mark.parametrize(("page", "command"), list(lines()), ids=lambda value: str(value)[:60])
def test_the_commands_and_options_exist(page: str, command: Command) -> None:
    words = shlex.split(command.line)
    words = words[words.index("scraper") + 1 : words.index("|") if "|" in words else None]
    found: click.Command = program.cli
    while isinstance(found, click.Group) and not words[0].startswith("-"):
        _, below, words = found.resolve_command(click.Context(found), words)
        assert below is not None, page
        found = below
    known = {name for parameter in found.params for name in parameter.opts} | {"--version", "--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} <= known


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_every_block_says_what_it_is(page: Path) -> None:
    fences = re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert not [fence for fence in fences[::2] if fence.partition(" ")[0] not in KINDS], "no language"


def test_every_flag_that_is_mentioned_exists() -> None:
    known: set[str] = {"--help", "--version"}
    waiting: list[click.Command] = []
    for name in SUBCOMMANDS:
        _, command, _ = program.cli.resolve_command(
            click.Context(program.cli, **program.cli.context_settings), [name]
        )
        assert command is not None
        waiting.append(command)
    while waiting:
        command = waiting.pop()
        known |= {option for parameter in command.params for option in parameter.opts}
        waiting += command.commands.values() if isinstance(command, click.Group) else []
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        mentioned = set(re.findall(r"`(--[a-z-]+)`", page.read_text(encoding="utf-8")))
        assert mentioned <= known, page
