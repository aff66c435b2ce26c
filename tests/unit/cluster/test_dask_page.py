"""Where the cluster's own page is, is what a scheduler says: it is led to only where that is harmless."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.cluster.dask_engine import page_of


class Client:
    """As much of a client as says where the page is."""

    cluster = None

    def __init__(self, link: object) -> None:
        self._link = link

    @property
    def dashboard_link(self) -> Any:
        if isinstance(self._link, Exception):
            raise self._link
        return self._link


@pytest.mark.parametrize(
    ("told", "page"),
    [
        ("http://10.0.0.5:8787/status", "http://10.0.0.5:8787/status"),
        ("https://dash.example/proxy/8787/status?a=b", "https://dash.example/proxy/8787/status?a=b"),
        ("http://[2001:db8::1]:8787/status", "http://[2001:db8::1]:8787/status"),
        ("https://hub.example/status?token=abc", "https://hub.example/status?token=***"),
        ("/user/ann/proxy/8787/status", None),
        ("javascript:alert(1)//http://a.example/", None),
        ("JavaScript:alert(1)", None),
        ("data:text/html,x", None),
        ("http://ann:secret@evil.example/", None),
        ("http://10.0.0.5:8787@evil.example/status", None),
        ("http://10.0.0.5:87879999/status", None),
        ("http://\u0430pple.example/", None),
        ("http://a.example/\x1b]0;owned\x07", None),
        ("http://a.example/\nhttp://b.example/", None),
        ('http://a.example/"><script>alert(1)</script>', None),
        ("http://a.example/\u202egpj", None),
        ("http://a.example/" + "x" * 500, None),
        ("http://[:8787/status", None),  # what Dask makes of an IPv6 address
        ("", None),
        (None, None),
        (8787, None),
        (KeyError("dashboard"), None),  # a scheduler without a page
        (TypeError("services"), None),
    ],
)
def test_only_a_plain_address_of_the_web_is_a_page(told: object, page: str | None) -> None:
    assert page_of(Client(told)) == page
