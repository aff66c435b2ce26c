"""The proxy's URL: what is taken, what is refused with which remedy, and that it shows no secret."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.errors import SettingsError
from scraper.settings.load import fold, load, table_layer
from scraper.settings.options import options
from scraper.settings.proxy import parse_proxy, shown_proxy
from scraper.settings.values import masked, shown

SECRET = "s3cret"  # noqa: S105 - a password to look for


@pytest.mark.parametrize(
    ("text", "url", "credentials"),
    [
        ("http://127.0.0.1:3128", "http://127.0.0.1:3128", None),
        ("http://127.0.0.1:3128/", "http://127.0.0.1:3128", None),
        ("HTTPS://Proxy.Example:443", "https://proxy.example:443", None),
        ("http://squid:80", "http://squid:80", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("http://ann:b@h:1", "http://h:1", b"ann:b"),
        ("http://ann@h:1", "http://h:1", b"ann:"),
        ("http://:b@h:1", "http://h:1", b":b"),
        ("http://a%40b:c%3Ad%2f@h:1", "http://h:1", b"a@b:c:d/"),
        ("http://ann:b@c:d@h:1", "http://h:1", b"ann:b@c:d"),
        ("http://ann:%C3%BC@h:1", "http://h:1", "ann:ü".encode()),
        ("http://@h:1", "http://h:1", b":"),
    ],
)
def test_what_is_taken(text: str, url: str, credentials: bytes | None) -> None:
    proxy = parse_proxy(text)
    assert proxy is not None
    assert proxy.url == url
    assert proxy.address == url.partition("//")[2]
    if credentials is None:
        assert proxy.authorization is None
        assert str(proxy) == url
    else:
        assert proxy.authorization is not None
        assert proxy.authorization.startswith("Basic ")
        assert b64decode(proxy.authorization[6:]) == credentials
        assert str(proxy) == url.replace("//", "//***@")


def test_nothing_is_none() -> None:
    assert parse_proxy("") is None
    assert load(assignments=["fetch.proxy="]).settings.fetch.proxy == ""


@pytest.mark.parametrize(
    ("text", "given", "remedy"),
    [
        ("h:3128", '"h:3128"', "expected a URL with a scheme, such as http://127.0.0.1:3128"),
        ("squid", '"squid"', "expected a URL with a scheme"),
        ("socks5://127.0.0.1:1080", '"socks5://127.0.0.1:1080"', "SOCKS proxies are not supported"),
        ("SOCKS4A://h:1", '"SOCKS4A://h:1"', "SOCKS proxies are not supported"),
        (f"socks5h://ann:{SECRET}@h:1", '"***"', "SOCKS proxies are not supported"),
        ("ftp://h:1", '"ftp://h:1"', "the proxy's scheme must be http or https"),
        ("http://h", '"http://h"', "name the proxy's port too"),
        ("http://h:", '"http://h:"', "name the proxy's port too"),
        ("http://h/", '"http://h/"', "name the proxy's port too"),
        ("http://h:0", '"http://h:0"', "must be from 1 to 65535"),
        ("http://h:65536", '"http://h:65536"', "must be from 1 to 65535"),
        ("http://h:x", '"***"', "name the proxy's port too"),
        (f"http://ann:{SECRET}", '"***"', "name the proxy's port too"),
        ("http://h:80:3128", '"***"', "name the proxy's port too"),
        ("http://:3128", '"http://:3128"', "the proxy has no valid host"),
        ("http://a..b:3128", '"http://a..b:3128"', "the proxy has no valid host"),
        ("http://h:3128/x", '"http://h:3128/***"', "a proxy has no path"),
        ("HTTPS://[::1]:3128/x", '"HTTPS://[::1]:3128/***"', "a proxy has no path"),
        (f"http://ann:31/{SECRET}@h:1", '"***"', "write / ? and # in its user name or password as"),
        ("http://h:3128?x", '"***"', "a proxy has no path"),
        ("http://h:3128#x", '"***"', "a proxy has no path"),
        (f"http://ann:{SECRET}/x@h:3128", '"***"', "write / ? and # in its user name or password as"),
        (f"http://ann:{SECRET}?x@h:3128", '"***"', "write / ? and # in its user name or password as"),
        (f"http://ann:{SECRET}#x@h:3128", '"***"', "write / ? and # in its user name or password as"),
        (f"http://ann:{SECRET} x@h:3128", '"***"', "write spaces, backslashes and letters beyond ASCII"),
        (f"http://ann:{SECRET}\\x@h:3128", '"***"', "write spaces, backslashes and letters beyond ASCII"),
        (f"http://ann:{SECRET}ü@h:3128", '"***"', "write spaces, backslashes and letters beyond ASCII"),
        (f"http://ann:{SECRET}%x@h:3128", '"***"', "write % in its user name or password as %25"),
        (f"http://ann:{SECRET}%0A@h:3128", '"***"', "can't have control characters"),
        (f"http://an%3An:{SECRET}@h:3128", '"***"', "user name can't have a colon"),
        (f"ann:{SECRET}@h:3128", '"***"', "expected a URL with a scheme"),
        (f"http:/ann:{SECRET}@h:3128", '"***"', "expected a URL with a scheme"),
        (f"http://ann:{SECRET}@h:3128\n", '"***"', "expected one line without control characters"),
    ],
)
def test_what_is_refused_in_one_line_with_the_remedy(text: str, given: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment={"SCRAPER_FETCH_PROXY": text})
    message = str(caught.value)
    assert message.startswith(f"fetch.proxy = {given} (environment SCRAPER_FETCH_PROXY): ")
    assert remedy in message
    assert "\n" not in message
    assert SECRET not in message


@pytest.mark.parametrize("value", [[f"http://ann:{SECRET}@h:1"], {"http": f"http://ann:{SECRET}@h:1"}, 8080])
def test_a_file_may_hold_nothing_but_a_text(value: object) -> None:
    (problem,) = fold([table_layer({"fetch": {"proxy": value}}, origin="my.toml")])[1]
    assert problem.startswith("fetch.proxy = *** (my.toml): expected a proxy's URL, http://host:port")
    assert SECRET not in problem


@pytest.mark.parametrize(
    "text", [f"http://ann:{SECRET}@h:1", f"http://ann:{SECRET}@{SECRET}@h:1", f"https://{SECRET}@h:1"]
)
def test_credentials_are_shown_nowhere(text: str) -> None:
    option = options()["fetch.proxy"]
    scheme = text.partition(":")[0]
    assert shown(text, option) == f'"{scheme}://***@h:1"'
    assert masked(text) == f"{scheme}://***@h:1"
    assert SECRET not in repr(parse_proxy(text))


def test_what_is_shown_of_one_without_credentials_can_be_read_back() -> None:
    option = options()["fetch.proxy"]
    assert json.loads(shown("http://h:3128", option)) == "http://h:3128"
    assert shown("", option) == '""'


_pieces = st.lists(
    st.sampled_from(
        ["http://", "https:", "//", "/", "@", ":", "80", "h", "[::1]", "%41", "?", "#", " ", "ann"]
    )
)


@given(_pieces, _pieces)
@example(["http://", "ann", ":"], ["@", "h", ":", "80"])
@example(["http://", "ann", ":"], [])
@example(["ann", ":"], ["@", "h", ":", "80"])
def test_a_password_behind_a_colon_is_never_shown(before: list[str], after: list[str]) -> None:
    """Whatever stands around it, and however wrong it is."""
    password = "S3cr3t"  # noqa: S105 - in no other piece; no host either, which would be in lower case
    text = "".join([*before, "ann:", password, *after])
    if "@" in text or not parse_or_none(text):
        assert password not in shown_proxy(text)
        assert password.lower() not in shown_proxy(text)


def parse_or_none(text: str) -> object:
    try:
        return parse_proxy(text)
    except ValueError:
        return None


@given(st.text())
def test_any_text_is_a_proxy_or_is_refused(text: str) -> None:
    try:
        proxy = parse_proxy(text)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most texts are refused
    else:
        assert proxy is None or proxy.url.startswith(("http://", "https://"))
