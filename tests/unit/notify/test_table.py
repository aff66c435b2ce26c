from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from scraper.clock import SystemClock
from scraper.errors import UsageError
from scraper.notify.table import NotifyTable, problems, webhook_keys
from scraper.notify.targets import target_of

SECRET = "correct horse battery staple"  # noqa: S105 - it is none
ENVIRONMENT = {
    "HOOK": "https://ann:pw@hooks.example.com/services/T0/very-secret",
    "KEY": "whsec_" + "A" * 32,
    "PHRASE": "0123456789abcdef fedcba9876543210",
    "EMPTY": " ",
    "SHORT": "tiny",
    "NOT_BASE64": "whsec_=====",
    "SERVICES": "json://localhost/secret",
}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"command": ("true", SECRET)}, "command true"),
        ({"webhook": "https://example.com/secret?token=1"}, "webhook example.com"),
        ({"webhook": "http://10.0.0.7:8080/secret", "webhook_secret": "env:KEY"}, "webhook 10.0.0.7:8080"),
        ({"webhook": "env:HOOK", "webhook_secret": "env:PHRASE"}, "webhook hooks.example.com"),
        ({"apprise": "env:SERVICES"}, "apprise SERVICES"),
        (
            {"command": ("true",), "fields": ("title", "fields.price", "og.image"), "url": r"/p/\d+"},
            "command true",
        ),
    ],
)
def test_a_good_table_is_a_target_that_is_shown_without_secrets(given: dict[str, Any], shown: str) -> None:
    table = NotifyTable(**given)
    assert problems(table, ENVIRONMENT) == []
    assert target_of(table, ENVIRONMENT, clock=SystemClock()).shown == shown


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ["expected one of command, webhook and apprise, found none"]),
        (
            {"command": ("true",), "webhook": "https://example.com/"},
            ["expected one of command, webhook and apprise, found command and webhook"],
        ),
        ({"command": ("no-such-program", SECRET)}, ["command: there is no program 'no-such-program'"]),
        ({"command": ("true a",)}, ["write each argument as a text of its own"]),
        ({"command": ("true", "a\0b")}, ["command: an argument can't have a NUL"]),
        ({"webhook": "ftp://example.com/"}, ["webhook: expected an http:// or https:// URL"]),
        ({"webhook": SECRET}, ["webhook: expected an http:// or https:// URL"]),
        ({"webhook": "http://example.com:99999/"}, ["webhook: expected an http:// or https:// URL"]),
        ({"webhook": "env:GONE"}, ["webhook: the environment variable GONE is not set"]),
        ({"webhook": "env:not a name"}, ["webhook: expected env:NAME"]),
        ({"webhook": "env:HOOK", "webhook_secret": SECRET}, ["webhook_secret: expected env:NAME"]),
        (
            {"webhook": "env:HOOK", "webhook_secret": "env:EMPTY"},
            ["webhook_secret: the environment variable EMPTY"],
        ),
        ({"webhook": "env:HOOK", "webhook_secret": "env:SHORT"}, ["a secret of 4 bytes is too short"]),
        ({"webhook": "env:HOOK", "webhook_secret": "env:NOT_BASE64"}, ["what follows whsec_ is not base64"]),
        ({"command": ("true",), "webhook_secret": "env:KEY"}, ["webhook_secret: only a webhook is signed"]),
        ({"apprise": "mailto://ann:pw@example.com"}, ["apprise: expected env:NAME"]),
        ({"apprise": "env:GONE"}, ["apprise: the environment variable GONE is not set"]),
        ({"command": ("true",), "fields": ("titel",)}, ["did you mean 'title'?"]),
        ({"command": ("true",), "url": "("}, ["url: not a regular expression"]),
        ({"command": ("true",), "url": "[[a]]"}, ["url: ambiguous regular expression"]),
        (
            {"webhook": "ftp://", "webhook_secret": "env:GONE", "fields": ("titel",)},
            ["webhook: expected", "webhook_secret: the environment", "titel"],
        ),
    ],
)
def test_everything_that_is_wrong_is_told_and_no_secret(given: dict[str, Any], told: list[str]) -> None:
    table = NotifyTable(**given)
    found = problems(table, ENVIRONMENT)
    assert len(found) == len(told)
    for problem, part in zip(found, told, strict=True):
        assert part in problem
        assert "\n" not in problem
        for secret in (SECRET, "ann:pw", "tiny"):
            assert secret not in problem
    with pytest.raises(UsageError, match=r".") as error:
        target_of(table, ENVIRONMENT, clock=SystemClock())
    assert str(error.value) == found[0]


def test_without_apprise_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "scraper.notify.table.find_spec", lambda name: None if name == "apprise" else find(name)
    )
    table = NotifyTable(apprise="env:SERVICES")
    assert problems(table, ENVIRONMENT) == ["apprise: needs apprise: pip install apprise"]


def test_a_variable_may_hold_two_secrets() -> None:
    assert webhook_keys("env:PHRASE", ENVIRONMENT) == (b"0123456789abcdef", b"fedcba9876543210")
    assert webhook_keys("env:KEY", ENVIRONMENT) == (bytes(24),)
