"""What a summary says of how a run asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import scraper
from scraper.cli.statements import statements
from scraper.settings.model import FetchSettings

if TYPE_CHECKING:
    from scraper.settings.model import Settings

SECRET = "s3cret"  # noqa: S105 - a password to look for


def settings(**sections: dict[str, Any]) -> Settings:
    return msgspec.convert(sections, scraper.Settings)


def test_of_a_run_by_default_nothing_is_said() -> None:
    assert statements(settings()) == ()


@pytest.mark.parametrize("private", ["listed", "deny"])
def test_what_is_no_less_careful_than_the_default_is_not_said(private: str) -> None:
    assert statements(settings(fetch={"private": private})) == ()


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"robots": {"policy": "ignore"}}, "robots.txt was ignored (--robots ignore)"),
        ({"fetch": {"insecure": True}}, "Certificates were not verified (--insecure)"),
        (
            {"fetch": {"private": "allow"}},
            "Private addresses were asked, whoever named them (--private allow)",
        ),
        (
            {"fetch": {"headers": {"X-Api-Key": SECRET, "Authorization": f"Bearer {SECRET}"}}},
            "Headers of your own: X-Api-Key, Authorization (values not shown)",
        ),
        ({"fetch": {"proxy": "http://127.0.0.1:3128"}}, "Through the proxy http://127.0.0.1:3128"),
        (
            {"fetch": {"proxy": f"http://{SECRET}:{SECRET}@127.0.0.1:3128"}},
            "Through the proxy http://***@127.0.0.1:3128",
        ),
    ],
)
def test_a_setting_is_said_in_a_sentence_without_secrets(sections: dict[str, Any], said: str) -> None:
    assert statements(settings(**sections)) == (said,)
    assert SECRET not in said


def test_all_are_said_in_one_order() -> None:
    every = settings(
        robots={"policy": "ignore"},
        fetch={
            "insecure": True,
            "private": "allow",
            "headers": {"A": "b"},
            "proxy": "https://u@proxy.example:443",
        },
    )
    assert [one.split()[0] for one in statements(every)] == [
        "robots.txt",
        "Certificates",
        "Private",
        "Headers",
        "Through",
    ]


def test_the_default_is_the_careful_one() -> None:
    assert FetchSettings() == FetchSettings(insecure=False, private="listed", headers={}, proxy="")
