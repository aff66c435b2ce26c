"""What is shown of URLs and of headers, in whatever spelling a secret comes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.errors import InvalidUrl
from scraper.redaction import redact, redact_within, shown_header, shown_location, without_user_info
from scraper.urls import has_user_info, parse_input

SECRET = "hunter2"  # noqa: S105 - nobody's
_pieces = st.sampled_from(
    [
        *(
            "a",
            "Z.COM",
            "b.c",
            "127.0.0.1",
            "[::1]",
            "xn--",
            ":",
            "8080",
            "http:",
            "https:",
            "https://",
            "/",
            "//",
        ),
        *(
            "\\",
            ".",
            "..",
            "?",
            "#",
            "=",
            "&",
            ";",
            "%",
            "%41",
            "%40",
            "%2540",
            "%2F",
            "%3F",
            "%3D",
            "@",
            "<",
            ">",
        ),
        *(
            " ",
            "\t",
            "\r",
            "\x00",
            "\xe9",
            "\uff20",
            "\ufe6b",
            "\u200b",
            "\udcff",
            "token",
            "sitemap:",
            "mailto:",
        ),
    ]
)
_scraps = st.lists(_pieces, max_size=9).map("".join)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.com/x?y=z", "https://a.com/x?y=z"),
        ("https://bob:pw@a.com/x", "https://***@a.com/x"),
        ("https:\\\\bob:p@w@a.com", "https:\\\\***@a.com"),
        ("//bob@a.com/", "//***@a.com/"),
        ("https://a.com/@bob", "https://a.com/@bob"),
        ("https://a.com/?TOKEN=x&q=1", "https://a.com/?TOKEN=***&q=1"),
        ("https://a.com/?api_key=x;apiKey=y", "https://a.com/?api_key=***;apiKey=***"),
        ("https://a.com/?X-Amz-Signature=1&sig=2", "https://a.com/?X-Amz-Signature=***&sig=***"),
        ("https://a.com/?%74oken=x", "https://a.com/?%74oken=***"),
        ("https://a.com/?key=x", "https://a.com/?key=***"),
        ("https://a.com/?keyword=x&monkey=y", "https://a.com/?keyword=x&monkey=y"),
        ("https://a.com/cb#access_token=x&state=1", "https://a.com/cb#access_token=***&state=1"),
        ("https://a.com/?password=a=b&x", "https://a.com/?password=***&x"),
    ],
)
def test_secrets_are_masked(url: str, expected: str) -> None:
    assert redact(url) == expected
    assert redact(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u2060https://bob:pw@a.com/", "\u2060https://***@a.com/"),
        ("ht\ttps://bob:pw@a.com/@x", "ht\ttps://***@a.com/@x"),
        ("ht\u200btps://bob:pw@a.com/", "***@a.com/"),
        ("http:bob:pw@a.com", "http:***@a.com"),
        ("https//bob:pw@a.com", "***@a.com"),
        ("bob:pw@a.com", "***@a.com"),
        ("https://bob:p/w?x#y@a.com/", "https://***@a.com/"),
        ("https://bob:pw%2540a.com/", "https://***@a.com/"),
        ("https://bob:pw\uff20a.com/", "https://***@a.com/"),
        ("sitemap:https://bob:pw@a.com/s", "sitemap:https://***@a.com/s"),
        ("sitemap:" * 9000 + "bob:pw@a.com", "sitemap:" * 9000 + "***@a.com"),
        ("ftp://bob:pw@a.com/", "ftp://***@a.com/"),
    ],
)
def test_user_info_is_masked_however_it_is_spelt(text: str, expected: str) -> None:
    assert without_user_info(text) == without_user_info(expected) == expected
    for line in (text, expected):  # so it may be masked before it is understood
        with pytest.raises(InvalidUrl) as caught:
            parse_input(line)
        assert "pw" not in str(caught.value)
        assert "bob" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.com/@bob?e=x@y#@",
        "a.com/@bob",
        "sitemap:https://a.com/@s.xml",
        "mailto:bob@a.com",
        "/@bob",
        "no sign",
    ],
)
def test_an_at_sign_elsewhere_stays(text: str) -> None:
    assert without_user_info(text) == text


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("//bob:pw@a.com/", "//***@a.com/"),
        (" /\t\\bob:pw@a.com/", " /\t\\***@a.com/"),
        ("HTTP:bob:pw@a.com", "HTTP:***@a.com"),
        ("bob@a", "bob@a"),
        ("/x//bob@a", "/x//bob@a"),
        ("?u=https://bob:pw@a.com/", "?u=https://bob:pw@a.com/"),
    ],
)
def test_a_location_shows_no_user_info(location: str, expected: str) -> None:
    assert shown_location(location) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.com/?u=http%3A%2F%2Fbob%3Apw%40b.com%2F&x=1", "https://a.com/?u=***&x=1"),
        ("https://a.com/?u=%2Fx%3Ftoken%3D7&x=1", "https://a.com/?u=***&x=1"),
        (
            "https://web.archive.org/web/https://bob:pw@b.com/x",
            "https://web.archive.org/web/https://***@b.com/x",
        ),
        ("https://a.com/?u=%2Fx%3Fpage%3D7", "https://a.com/?u=%2Fx%3Fpage%3D7"),
    ],
)
def test_secrets_of_a_url_in_the_url_are_masked(url: str, expected: str) -> None:
    assert redact(url) == expected


@given(_scraps)
@example("http:http:?@")  # a URL of the host ``http``, but hardly meant as one
def test_only_what_is_no_url_is_masked(line: str) -> None:
    shown = without_user_info(line)
    assert without_user_info(shown) == shown
    if shown != line:
        assert has_user_info(line) is not False
        with pytest.raises(InvalidUrl):
            parse_input(shown)


def nested(layers: int) -> str:
    """Return a URL with a token in a URL, percent-encoded so many times."""
    inner = f"/x?token={SECRET}"
    for _ in range(layers):
        inner = f"/x?to={quote(inner, safe='')}"
    return f"https://a.com{inner}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            f"https://a.com/?next=https://b.com/?token={SECRET}",
            "https://a.com/?next=https://b.com/?token=***",
        ),
        (f"https://a.com/?a=/?b=?c=1?key={SECRET}&d=2", "https://a.com/?a=/?b=?c=1?key=***&d=2"),
        (f"https://a.com/?token=x?y={SECRET}&d=2", "https://a.com/?token=***&d=2"),
        (f"https://a.com/?token=?{SECRET}", "https://a.com/?token=***"),
        (f"https://a.com/?token=&a=1&pwd={SECRET}", "https://a.com/?token=&a=1&pwd=***"),
        (f"https://a.com/?next=/?u=https%3A%2F%2Fbob:{SECRET}%40b.com", "https://a.com/?next=/?u=***"),
        (f"https://a.com/?u=https://bob:{SECRET}@b.com/&x=1", "https://a.com/?u=https://***@b.com/&x=1"),
        *((nested(layers), "https://a.com/x?to=***") for layers in (1, 2, 3, 8, 9, 40)),
    ],
)
def test_a_secret_is_found_however_deep_it_lies(url: str, expected: str) -> None:
    assert redact(url) == expected
    assert redact(expected) == expected


@given(_scraps, _scraps)
def test_masking_what_is_masked_changes_nothing(before: str, behind: str) -> None:
    for text in (before + behind, f"{before}?token={SECRET}&{behind}"):
        assert redact(redact(text)) == redact(text)
        for name in ("link", "refresh", "location", "set-cookie", "x-a"):
            shown = shown_header(name, text)
            assert shown_header(name, shown) == shown


@given(_scraps, _scraps)
def test_a_token_behind_anything_is_masked(before: str, behind: str) -> None:
    assert SECRET not in redact(f"https://a.com/{before}?token={SECRET}&{behind}")
    assert SECRET not in redact(f"https://a.com/?a={before}?token={SECRET}&{behind}")


REDACTED = "[redacted]"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("server", "nginx", "nginx"),
        ("authorization", f"Basic {SECRET}", REDACTED),
        ("proxy-authorization", SECRET, REDACTED),
        ("cookie", f"a={SECRET}", REDACTED),
        ("set-cookie", f"sid={SECRET}; Path=/; HttpOnly", f"sid={REDACTED}; Path=/; HttpOnly"),
        ("set-cookie", f"sid={SECRET}={SECRET}", f"sid={REDACTED}"),
        ("set-cookie", SECRET, f"={REDACTED}"),
        ("set-cookie", f"={SECRET}", f"={REDACTED}"),
        ("set-cookie", f"{SECRET}; Secure", f"={REDACTED}; Secure"),
        ("set-cookie", f"a=b; {SECRET}; Note={SECRET}; sameSITE=Lax", f"a={REDACTED}; sameSITE=Lax"),
        ("set-cookie2", f"a={SECRET}", f"a={REDACTED}"),
        ("set-cookie", "", f"={REDACTED}"),
        ("location", f"https://bob:{SECRET}@a.com/@x", "https://***@a.com/@x"),
        ("location", "/@bob", "/@bob"),
        ("content-location", f"//bob:{SECRET}@a.com/", "//***@a.com/"),
        ("refresh", f"0; url=https://bob:{SECRET}@a.com/", "0; url=https://***@a.com/"),
        ("refresh", f"0;URL='https://bob:{SECRET}@a.com/'", "0;URL='https://***@a.com/'"),
        ("refresh", f"0; https:bob:{SECRET}@a.com", "0; https:***@a.com"),
        ("refresh", f"0; url=//bob:p {SECRET}@a.com/", "0; url=//***@a.com/"),
        ("refresh", f"0; url=\\\\bob:p>{SECRET}@a.com/", "0; url=\\\\***@a.com/"),
        ("refresh", "0; url=/@bob", "0; url=/@bob"),
        ("refresh", "0; url=https://a.com/@bob", "0; url=https://a.com/@bob"),
        (
            "refresh",
            f"0; url=https://a.com/https://bob:{SECRET}@b.com/",
            "0; url=https://a.com/https://***@b.com/",
        ),
        ("refresh", "5", "5"),
        ("link", f"<https://bob:{SECRET}@a.com/x>; rel=next", "<https://***@a.com/x>; rel=next"),
        ("link", f"<https://bob:p<{SECRET}@a.com/>", "<https://***@a.com/>"),
        (
            "link",
            f'</a>; title="x@y", <https://bob:{SECRET}@a.com/>, <//bob:{SECRET}@b.com>; rel=x',
            '</a>; title="x@y", <https://***@a.com/>, <//***@b.com>; rel=x',
        ),
        ("link", "<https://a.com/@bob>; rel=me", "<https://a.com/@bob>; rel=me"),
        ("sourcemap", f"https://bob:{SECRET}@a.com/x.map", "https://***@a.com/x.map"),
        ("x-pingback", f"see https:\\\\bob:{SECRET}@a.com/", "see https:\\\\***@a.com/"),
        ("report-to", f'{{"url":"https://bob:{SECRET}@a.com/"}}', '{"url":"https://***@a.com/"}'),
        ("x-who", "bob@a.com // x", "bob@a.com // x"),
    ],
)
def test_a_header_shows_no_secret(name: str, value: str, shown: str) -> None:
    assert shown_header(name, value) == shown
    assert shown_header(name, shown) == shown


LONG = 400_000
"""What takes the square of its length takes some minutes of this, and falls to the time limit of a test."""


@pytest.mark.parametrize(
    "text",
    [
        "https://a.com/" + "?a=" * (LONG // 3),
        "https://a.com/" + "?token=" * (LONG // 7),
        "https://a.com/" + "?a=%41" * (LONG // 6),
        "https://a.com/?a=" + "%3Fa%3D" * (LONG // 6),
        "https://a.com/?a=%" + "25" * (LONG // 2) + "40",
        "\u200b" * LONG + "https://bob:pw@a.com/",
        "h\t" * LONG + "ttps://bob:pw@a.com/",
        "a" * LONG + "@",
        "a:" * (LONG // 2) + "@",
        "x" + " " * LONG + "@a",
        "<a:" * (LONG // 3) + "@",
        "://" * (LONG // 3) + "@",
        "@" + "://a%25" * (LONG // 6),
        "http://u@" + "".join(chr(0x4E00 + number % 20_000) for number in range(LONG)),
        "sitemap:" * (LONG // 8) + "bob@a.com",
    ],
    ids=lambda text: re.sub("[^!-~]", "_", text[:12]),
)
@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_the_work_grows_with_the_length_and_not_with_its_square(text: str) -> None:
    redact(text)
    redact_within([text])
    for name in ("location", "link", "refresh", "set-cookie", "x-a"):
        shown_header(name, text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://a.example/?token=1", "https://a.example/?token=***"),
        (
            "see HTTPS://b:c@a.example/x and http://a.example/?sid=2 or not",
            "see HTTPS://***@a.example/x and http://a.example/?sid=*** or not",
        ),
        ('<https://a.example/?key=1>; rel="next"', '<https://a.example/?key=***>; rel="next"'),
        ("/path/@ann?token=1&page=2", "/path/@ann?token=***&page=2"),
        ("../a?pass=1", "../a?pass=***"),
        ("write to ann@a.example: token=1", "write to ann@a.example: token=1"),
        ("/?token=1 is a reference", "/?token=*** is a reference"),
        ("callback?token=1", "callback?token=***"),
        ("a.example/?token=1#b", "a.example/?token=***#b"),
        ("/go?token=1&next=https://a.example/", "/go?token=***&next=https://a.example/"),
        ("0; url=/p?token=1", "0; url=/p?token=***"),
        ('<p?token=1>; rel="next", </q?page=2>', '<p?token=***>; rel="next", </q?page=2>'),
        ("a;key=1", "a;key=1"),
        ("/@ann", "/@ann"),
    ],
)
def test_urls_within_values_are_masked_and_nothing_else(text: str, masked: str) -> None:
    values: dict[str, Any] = {"a": text, "b": [text, 1, None, {"token": text}], text: "/x"}
    redact_within(values)
    assert values == {"a": masked, "b": [masked, 1, None, {"token": masked}], text: "/x"}


def test_values_may_be_nested_to_any_depth() -> None:
    values: list[Any] = ["/?token=1"]
    for _ in range(100_000):
        values = [values]
    redact_within(values)
    while isinstance(values[0], list):
        values = values[0]
    assert values == ["/?token=***"]
