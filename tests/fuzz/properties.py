"""What holds of texts and URLs whatever page, header or line they come from."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from yarl import URL

from scraper import references, urls

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SENT_AS_IS = re.compile(r"https?://[!-~]+")


def split_line(data: bytes) -> tuple[str, bytes]:
    """Return the first line of an input, which says how it is read, and what is read.

    A line rather than the bytes of a ``FuzzedDataProvider``: seeds can be written by hand, dictionaries
    fit both parts, and nothing has to be installed to run an input again.
    """
    line, _, rest = data.partition(b"\n")
    return line.decode("latin-1"), rest


def assert_request_url(url: str) -> None:
    """A URL that may be asked for: as the parser, aiohttp and a log take it, all alike."""
    assert _SENT_AS_IS.fullmatch(url), f"not printable ASCII behind http(s): {url!r}"
    assert len(url) <= urls.MAX_URL_BYTES
    authority = re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]
    assert "@" not in authority, f"user info: {url!r}"
    host = urls.host_key(url)
    key = urls.dedup_key(url)
    assert urls.dedup_key(key) == key, f"the key of {url!r} has another key"
    assert urls.host_key(key) == host, f"{url!r} and its key {key!r} are of two hosts"
    assert "#" not in key
    assert references.resolve(url, url) == url, f"{url!r} is no link to itself"
    # What aiohttp connects to must be the host that was counted, judged and let through.
    sent = URL(url, encoded=True)
    port = "" if sent.explicit_port is None or sent.is_default_port() else f":{sent.explicit_port}"
    name = (sent.raw_host or "").removesuffix(".")
    assert (f"[{name}]" if ":" in name else name) + port == host, f"{url!r} is {sent.raw_host!r} to aiohttp"


def assert_clean(text: str) -> None:
    """A field's text: no control characters, white space folded."""
    assert not _CONTROLS.search(text), f"control characters: {text!r}"
    assert text == " ".join(text.split()), f"white space is not folded: {text!r}"


def texts_of(value: Any) -> list[str]:
    """Return all texts in a record or a part of one, names in mappings too."""
    waiting = [msgspec.to_builtins(value)]
    found: list[str] = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
    return found


def assert_one_line(message: str) -> None:
    """An error's text: one line for people that no terminal stumbles over."""
    assert message, "an error without a text"
    assert message.isprintable(), f"not printable: {message!r}"
