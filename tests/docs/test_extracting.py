"""The page about users' own fields is true: its commands, run on its page, give its output."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.docs.test_docs import DOCS, blocks, ran
from tests.support.polite_site import NOT_FOUND, Answer, Ask, serving

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (DOCS / "guides" / "extracting.md").read_text(encoding="utf-8")
COMMANDS = [block.strip() for block in blocks(TEXT, language="sh")]
OUTPUTS = blocks(TEXT, language="json")
SHOP = "https://shop.example"


def script(ask: Ask) -> Answer:
    if ask.target != "/teapot":
        return NOT_FOUND
    (markup,) = blocks(TEXT, language="html")
    return Answer(markup.encode(), headers=(("Content-Type", "text/html; charset=utf-8"),))


def test_each_command_has_an_output() -> None:
    assert len(COMMANDS) == len(OUTPUTS) == 4
    assert re.findall(r"^```(sh|json)$", TEXT, flags=re.MULTILINE) == ["sh", "json"] * 4


@pytest.mark.parametrize(
    ("number", "further"), [(0, ""), (1, ""), (2, ""), (3, ""), (1, "--parser beautifulsoup")]
)
async def test_a_command_gives_what_the_page_says(number: int, further: str, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(blocks(TEXT, language="toml")[0], encoding="utf-8")
    (tmp_path / "shop.py").write_text(blocks(TEXT, language="python")[0], encoding="utf-8")
    command, _, query = COMMANDS[number].rpartition(" | jq ")
    wanted = json.loads(OUTPUTS[number])
    async with serving(script) as site:
        origin = site.url("127.0.0.1", "")
        code, out, err = await ran(f"{command.replace(SHOP, origin)} --quiet {further}", folder=tmp_path)
    assert (code, err) == (0, "")
    record = json.loads(out.replace(origin, SHOP))
    if shlex.split(query) == [".fields"]:
        wanted = {"fields": wanted}
    assert {name: record.get(name) for name in wanted} == wanted
    assert list(record["fields"]) == list(wanted["fields"]), "in the order in which they are asked for"
    assert record.get("field_errors", {}) == wanted.get("field_errors", {})
