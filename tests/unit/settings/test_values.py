"""One value of one setting: sizes, headers, bounds, and what is never shown."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import SettingsError
from scraper.settings.model import HostLimits
from scraper.settings.options import options
from scraper.settings.values import checked, masked, shown, toml_literal

SECRET = "hunter2"  # noqa: S105 - what must not come out


def value_of(name: str, value: object, *, text: bool = True) -> object:
    return checked(value, options()[name], origin="--set", text=text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("run.workers", "8", 8),
        ("run.strict", "true", True),
        ("run.strict", "0", False),
        ("fetch.total_s", "2.5", 2.5),
        ("fetch.total_s", "7", 7.0),
        ("sources.format", "csv", "csv"),
        ("fetch.max_body_bytes", "1000", 1000),
        ("fetch.max_body_bytes", "10MB", 10_000_000),
        ("fetch.max_body_bytes", "10 MiB", 10 * 1024 * 1024),
        ("fetch.max_body_bytes", "1.5kib", 1536),
        ("fetch.max_body_bytes", "0.1GB", 100_000_000),
        ("fetch.max_body_bytes", "12B", 12),
        ("fetch.headers", "Accept: a/b\nX-Empty:\r\n", {"Accept": "a/b", "X-Empty": ""}),
        ("fetch.headers", "X-Time: 12:30", {"X-Time": "12:30"}),
        ("fetch.headers", '{"Accept": "a/b"}', {"Accept": "a/b"}),
        ("fetch.headers", "", {}),
    ],
)
def test_a_text_becomes_the_settings_own_type(name: str, text: str, expected: object) -> None:
    value = value_of(name, text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("run.workers", "0", 'run.workers = "0" (--set): expected an integer from 1 to 10000'),
        ("run.workers", "many", 'run.workers = "many" (--set): expected an integer from 1 to 10000'),
        ("run.strict", "maybe", 'run.strict = "maybe" (--set): expected true or false'),
        ("fetch.total_s", "0", 'fetch.total_s = "0" (--set): expected a number above 0 (seconds)'),
        ("fetch.total_s", "nan", 'fetch.total_s = "nan" (--set): expected a number above 0 (seconds)'),
        ("fetch.total_s", "inf", 'fetch.total_s = "inf" (--set): expected a finite number'),
        (
            "sources.format",
            "xml",
            'sources.format = "xml" (--set): expected one of auto, text, csv, tsv, jsonl, parquet',
        ),
        (
            "fetch.max_body_bytes",
            "10 parsecs",
            (
                'fetch.max_body_bytes = "10 parsecs" (--set): expected an integer of at least 1,'
                " or a size such as 500kB, 10MB or 10MiB"
            ),
        ),
        (
            "sources.column",
            "a\nb",
            'sources.column = "a\\nb" (--set): expected one line without control characters',
        ),
    ],
)
def test_a_bad_value_is_told_with_setting_origin_and_bounds(name: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        value_of(name, value)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization {SECRET}",
        f'{{"Authorization": "{SECRET}"',
        f'{{"Authorization": ["{SECRET}"]}}',
        f"Authorization: {SECRET}\x00",
        f"X-Api-Key: {SECRET}\nbad name: 1",
        f"Cookie: {SECRET}\nHost: example.org",
        f"X-Auth: {SECRET}\nUser-Agent: me",
    ],
)
def test_refused_headers_do_not_show_their_secrets(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        value_of("fetch.headers", text)
    assert SECRET not in str(caught.value)
    assert "fetch.headers" in str(caught.value)


@pytest.mark.parametrize(
    "value", ["Cookie: a\ncookie: b", "A: 1\nCookie: a\nCookie: a", '{"a": "1", "A": "2"}']
)
def test_a_header_that_is_given_twice_would_be_lost(value: str) -> None:
    with pytest.raises(SettingsError, match=r"(?i)(cookie|A) is given twice: join its values in one\Z"):
        value_of("fetch.headers", value)
    with pytest.raises(SettingsError, match="Cookie is given twice"):
        value_of("fetch.headers", {"cookie": "a", "Cookie": "b"}, text=False)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fetch.user_agent", "", "expected printable ASCII, at least one character"),
        ("fetch.user_agent", "b\u00fccher", "expected printable ASCII, at least one character"),
        ("robots.token", "a b", "expected letters, hyphens and underscores, or nothing"),
        ("fetch.headers", "User-Agent: me", r"use fetch\.user_agent \(--user-agent\), which"),
        ("fetch.max_body_bytes", "5m", "write 5MB, or 5MiB for powers of 1024"),
        ("fetch.max_body_bytes", "1.5 Ki", r"write 1\.5kB, or 1\.5KiB for powers of 1024"),
        ("fetch.max_body_bytes", "m", "expected an integer"),
    ],
)
def test_a_bad_value_is_told_in_words(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        value_of(name, value)


@pytest.mark.parametrize("separator", ["\x0b", "\x1c", "\r"])
def test_only_a_line_feed_parts_headers(separator: str) -> None:
    with pytest.raises(SettingsError, match="control characters"):
        value_of("fetch.headers", f"A: 1{separator}B: 2")


@pytest.mark.parametrize("value", ["8", 8.5, True, [8], {"a": 1}])
def test_a_file_has_types_and_they_must_fit(value: object) -> None:
    with pytest.raises(SettingsError, match="expected an integer"):
        value_of("run.workers", value, text=False)


def test_a_file_may_write_sizes_too() -> None:
    assert value_of("fetch.max_body_bytes", "2KiB", text=False) == 2048


@pytest.mark.parametrize(
    "name", ["Authorization", "authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "Proxy-Authorization"]
)
def test_secret_headers_are_masked(name: str) -> None:
    headers = {name: SECRET, "Accept": "a/b"}
    assert SECRET not in shown(headers, options()["fetch.headers"])
    assert masked(headers) == {name: "***", "Accept": "a/b"}


def test_credentials_in_a_url_are_masked() -> None:
    assert masked(f"http://me:{SECRET}@proxy.example:80/x") == "http://***@proxy.example:80/x"


def test_a_long_value_is_cut_in_a_message_and_nowhere_else() -> None:
    with pytest.raises(SettingsError) as caught:
        value_of("sources.format", "x" * 500)
    assert str(caught.value).startswith(f'sources.format = "{"x" * 76}... (--set): ')
    assert len(shown("x" * 500, options()["sources.column"])) == 502


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a(", "not a regular expression: missing ), unterminated subpattern at position 1"),
        ("*", "not a regular expression: nothing to repeat at position 0"),
        ("a{99999999999999999999}", "not a regular expression: the repetition number is too large"),
        ("(" * 5000, "not a regular expression: too many parentheses inside each other"),
        ("[[a]", "ambiguous regular expression: Possible nested set at position 1; put \\ before it"),
    ],
)
@pytest.mark.parametrize("name", ["follow.include", "follow.exclude"])
def test_a_bad_regular_expression_is_told_with_its_position(name: str, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        value_of(name, text)
    assert str(caught.value).startswith(f"{name} = ")
    assert str(caught.value).endswith(f"(--set): {told}")


@pytest.mark.parametrize("text", ["", r"\.pdf$", "a|b", r"[\[a]", "(?i)x"])
def test_a_good_regular_expression_is_kept_as_it_is(text: str) -> None:
    assert value_of("follow.include", text) == text
    assert value_of("sources.column", "a(") == "a("  # a text that is no regular expression


def test_a_pattern_is_no_header() -> None:
    limits = {"token.example.com": HostLimits(delay_s=5.0)}
    assert masked(limits) == {"token.example.com": {"delay_s": 5.0}}
    assert shown(limits, options()["politeness.hosts"]) == '{ "token.example.com" = { "delay_s" = 5.0 } }'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_toml_literal_is_read_back_as_the_same_text(text: str) -> None:
    assert tomllib.loads(f"x = {toml_literal(text)}")["x"] == text


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.booleans(), max_size=3
    )
)
def test_a_toml_literal_is_read_back_as_the_same_table(table: dict[str, object]) -> None:
    assert tomllib.loads(f"x = {toml_literal(table)}")["x"] == table


@given(
    st.sampled_from([name for name in options() if name != "politeness.hosts"]),
    st.text() | st.integers() | st.floats() | st.lists(st.text()) | st.none(),
)
def test_any_value_is_taken_or_refused_on_one_line(name: str, value: object) -> None:
    for text in (True, False):
        try:
            value_of(name, value, text=text)
        except SettingsError as error:
            assert str(error).startswith(name)  # noqa: PT017 - most values are refused, some are not
            assert "\n" not in str(error)  # noqa: PT017
