"""Lines of a user's list, and references of pages. Input: a line or base, a line feed, a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from scraper import redaction, references, urls
from scraper.errors import InvalidUrl
from tests.fuzz.properties import assert_one_line, assert_request_url

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET = "hunter2"  # noqa: S105 - nobody's
_BASE = "https://site.example/dir/page?x=1"


def fuzz(data: bytes) -> None:
    line, _, rest = data.partition(b"\n")
    text = line.decode("utf-8", "surrogateescape")
    reference = rest.decode("utf-8", "surrogateescape")
    base = _assert_input(text) or _BASE
    _assert_reference(base, reference)
    _assert_reference(text, reference)
    for one in (text, reference):
        _assert_key(one)
        _assert_redacted(one)


def _assert_input(text: str) -> str | None:
    """Return the URL of a line, ``None`` when it is none."""
    refusal = _refusal(text, read=urls.parse_input)
    assert refusal == _refusal(text, read=urls._parse_with_care), f"the short way of {text!r} is another one"
    if refusal is not None:
        assert_one_line(refusal)
        return None
    parsed = urls.parse_input(text)
    assert parsed == urls._parse_with_care(text), f"the short way of {text!r} is another one"
    assert_request_url(parsed.url)
    assert "#" not in parsed.url
    assert parsed.host == urls.host_key(parsed.url)
    again = urls.parse_input(parsed.url)
    assert again[:4] == (parsed.url, parsed.host, parsed.key, False), (
        f"{parsed.url!r} read again is {again!r}"
    )
    assert_request_url(urls.http_variant(parsed.url))
    assert_request_url(urls.sitemaps_place(parsed.url))
    return parsed.url


def _refusal(line: str, *, read: Callable[[str], urls.ParsedUrl]) -> str | None:
    """Return why a line is refused, ``None`` when it is not."""
    try:
        read(line)
    except InvalidUrl as error:
        return str(error)
    return None


def _assert_reference(base: str, reference: str) -> None:
    url = references.resolve(base, reference)
    if url is None:
        return
    assert_request_url(url)
    assert references.resolve(base, url) == url, f"{url!r} resolved again is another URL"
    assert references.resolve(base, urls.drop_fragment(url)) == urls.drop_fragment(url)


def _assert_key(text: str) -> None:
    try:
        key = urls.dedup_key(text)
    except InvalidUrl as error:
        assert_one_line(str(error))
        return
    assert urls.dedup_key(key) == key, f"the key of {text!r} has another key"
    assert urls.host_key(key) == urls.host_key(text)
    assert len(urls.key_digest(key)) == 16


def _assert_redacted(text: str) -> None:
    """A password before a host and a token in a query are shown nowhere, whatever stands behind them."""
    if _SECRET in text:
        return
    secret = f"https://user:{_SECRET}@{text}"
    for shown in (redaction.redact, redaction.without_user_info, redaction.shown_location):
        masked = shown(text)
        assert shown(masked) == masked, f"{shown.__name__} of {text!r} again"
        assert _SECRET not in shown(secret), f"{shown.__name__} of {secret!r}"
    assert _SECRET not in (_refusal(secret, read=urls.parse_input) or ""), f"the refusal of {secret!r}"
    assert _refusal(secret, read=urls.parse_input) is not None, f"{secret!r} is taken"
    for token in (
        f"https://host.example/?a=b&token={_SECRET}&{text}",
        f"https://host.example/?next=https://b.example/?token={_SECRET}&{text}",
        f"https://host.example/?next={text}?token={_SECRET}",
        f"https://host.example/?next={quote(text, safe='', errors='surrogatepass')}%3Ftoken%3D{_SECRET}",
    ):
        assert _SECRET not in redaction.redact(token), f"redact of {token!r}"
