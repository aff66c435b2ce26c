from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from scraper.notify.apprise_process import MISSING, masked
from scraper.notify.delivery import NotDelivered
from scraper.notify.message import compose
from scraper.notify.notice import TestNotice
from scraper.notify.services import ServicesTarget
from tests.support.hook_server import HookServer

if TYPE_CHECKING:
    from pathlib import Path

MESSAGE = compose(TestNotice(job="shop", at=datetime(2026, 11, 29, tzinfo=UTC)))


async def failure(urls: str) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await ServicesTarget(urls, named="SERVICES", timeout_s=60).deliver(MESSAGE)
    assert "geheim" not in str(caught.value)
    return caught.value


async def test_apprise_sends_it_to_every_service() -> None:
    async with HookServer.open() as server:
        at = server.url.removeprefix("http://")
        urls = f"json://ann:geheim@{at}/one json://{at}/two"
        await ServicesTarget(urls, named="SERVICES", timeout_s=60).deliver(MESSAGE)
    assert sorted(received.path for received in server.received) == ["/one", "/two"]
    told = json.loads(server.received[0].body)
    assert (told["title"], told["message"], told["type"]) == (MESSAGE.title, MESSAGE.text, "info")


async def test_a_service_that_does_not_take_it_may_do_so_later() -> None:
    async with HookServer.open() as server:
        server.answers.append((500, {}))
        told = await failure(f"json://{server.url.removeprefix('http://')}/geheim")
    assert str(told).startswith("apprise could not deliver it: ")
    assert "500" in str(told)
    assert not told.is_final


async def test_what_names_no_service_is_final() -> None:
    told = await failure("nosuch://geheim")
    assert str(told).startswith("not all of its URLs name a service that apprise knows")
    assert told.is_final


async def test_without_apprise_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apprise.py").write_text(
        "import os\nassert not [name for name in os.environ if name.startswith('SCRAPER_')]\n"
        "raise ImportError('as if it were not there')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SCRAPER_FETCH_PROXY", "http://ann:geheim@proxy:3128")
    told = await failure("json://localhost/geheim")
    assert str(told) == "needs apprise: pip install apprise"
    assert told.is_final
    assert MISSING != 1  # which an exception ends with


@pytest.mark.parametrize(
    ("said", "urls", "left"),
    [
        ("sent to  chat.example.com\nby T0Ken", "slack://T0Ken/abc@chat.example.com", "sent to *** by ***"),
        ("password p@ss/word is bad", "mailto://ann:p%40ss%2Fword@example.com", "password *** is bad"),
        ("error=401.", "discord://id401/secret", "error=401."),
        ("a b", "json://a?b=c", "a b"),
    ],
)
def test_no_part_of_a_url_is_repeated(said: str, urls: str, left: str) -> None:
    assert masked(said, urls) == left
