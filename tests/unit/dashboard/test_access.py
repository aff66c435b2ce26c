from __future__ import annotations

import pytest

from scraper.dashboard.access import access_of
from scraper.errors import UsageError

TOKEN = {"SCRAPER_WEB_TOKEN": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("address", "environment", "host", "port"),
    [
        ("127.0.0.1:8600", {}, "127.0.0.1", 8600),
        ("localhost:0", {}, "localhost", 0),
        ("[::1]:8600", {}, "::1", 8600),
        ("127.1.2.3:8600", {"SCRAPER_WEB_TOKEN": ""}, "127.1.2.3", 8600),
        ("0.0.0.0:8600", TOKEN, "0.0.0.0", 8600),  # noqa: S104 with a token
        ("[::]:8600", TOKEN, "::", 8600),
        ("192.0.2.1:65535", TOKEN, "192.0.2.1", 65_535),
    ],
)
def test_where_it_listens(address: str, environment: dict[str, str], host: str, port: int) -> None:
    access = access_of(address, environment)
    assert (access.host, access.port) == (host, port)
    assert access.token == (environment.get("SCRAPER_WEB_TOKEN") or None)
    assert access.shown_address == address


@pytest.mark.parametrize(
    ("address", "environment", "names", "told"),
    [
        ("8600", {}, (), "is no address and port"),
        (":8600", {}, (), "is no address and port"),
        ("127.0.0.1:", {}, (), "is no address and port"),
        ("127.0.0.1:65536", {}, (), "is no address and port"),
        ("127.0.0.1:\u0661", {}, (), "is no address and port"),
        ("example.com:80", TOKEN, (), "is no address and port"),
        ("[fe80::1%eth0]:80", TOKEN, (), "is no address and port"),
        ("::1:8600", {}, (), "in brackets"),
        ("0.0.0.0:8600", {}, (), "set SCRAPER_WEB_TOKEN"),
        ("[::]:8600", {}, (), "set SCRAPER_WEB_TOKEN"),
        ("192.168.1.5:8600", {"SCRAPER_WEB_TOKEN": ""}, (), "set SCRAPER_WEB_TOKEN"),
        ("127.0.0.1:8600", {"SCRAPER_WEB_TOKEN": "0123456789abcde"}, (), "fewer than 16 characters"),
        ("127.0.0.1:8600", {}, ("dash.example",), "set SCRAPER_WEB_TOKEN"),
        ("127.0.0.1:8600", TOKEN, ("https://dash.example",), "is no host name"),
        ("127.0.0.1:8600", TOKEN, ("dash.example:80",), "is no host name"),
    ],
)
def test_what_is_refused_in_one_line(
    address: str, environment: dict[str, str], names: tuple[str, ...], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        access_of(address, environment, names)
    assert "\n" not in str(caught.value)
    for secret in environment.values():
        assert not secret or secret not in str(caught.value)


def test_the_token_is_not_shown() -> None:
    access = access_of("127.0.0.1:8600", TOKEN)
    assert TOKEN["SCRAPER_WEB_TOKEN"] not in f"{access} {access!r}"


@pytest.mark.parametrize(
    ("address", "host", "may"),
    [
        ("127.0.0.1:1", "127.0.0.1:8600", True),
        ("127.0.0.1:1", "[::1]", True),
        ("127.0.0.1:1", "localhost.", True),
        ("127.0.0.1:1", "dash.example:443", True),
        ("127.0.0.1:1", "DASH.example.", True),
        ("127.0.0.1:1", "192.0.2.1", False),
        ("127.0.0.1:1", "::1", False),
        ("127.0.0.1:1", "localhost:x", False),
        ("127.0.0.1:1", "other.example", False),
        ("127.0.0.1:1", "2130706433", False),
        ("127.0.0.1:1", "", False),
        ("0.0.0.0:1", "192.0.2.1:8600", True),
        ("0.0.0.0:1", "localhost", True),
        ("0.0.0.0:1", "other.example", False),
    ],
)
def test_by_what_names_it_is_called(address: str, host: str, may: bool) -> None:  # noqa: FBT001
    assert access_of(address, TOKEN, ["Dash.Example"]).may_be_called(host) is may
