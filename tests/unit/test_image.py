"""The Dockerfile, where its linter knows nothing of the project: what is copied and what is run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import click
import pytest

from scraper.cli import main as program

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")


def instructions(name: str) -> list[str]:
    """Return the arguments of all instructions of a name, from all stages in order."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, flags=re.MULTILINE)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    copied = [path for line in instructions("COPY") if "--from" not in line for path in line.split()[:-1]]
    assert copied
    assert sorted(f"!{path}" for path in copied) == sorted(line for line in ignored if line.startswith("!"))
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_does_not_run_as_root() -> None:
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER +(\d+)$", stage, flags=re.MULTILINE)
    assert int(user) >= 10_000, "an id below is a user of the host's, often"
    assert f"useradd --create-home --uid {user} scraper" in stage


@pytest.mark.parametrize("instruction", ["CMD", "HEALTHCHECK"])
def test_what_the_image_runs_is_a_command(instruction: str) -> None:
    (text,) = instructions(instruction)
    words: list[str] = json.loads(text[text.index("[") :])
    if instruction == "HEALTHCHECK":
        assert words.pop(0) == "scraper"
    else:
        assert instructions("ENTRYPOINT") == ['["scraper"]']
    command: click.Command = program.cli
    context = click.Context(program.cli, **program.cli.context_settings)
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    assert command.make_context("x", words).params["config"] == Path("/etc/scraper/jobs.toml")
