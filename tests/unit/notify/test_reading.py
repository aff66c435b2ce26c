from __future__ import annotations

import tomllib

import pytest

from scraper.notify.notice import Kind
from scraper.notify.reading import MAX_TABLES, read_tables
from scraper.notify.table import NotifyTable
from scraper.record import ChangeStatus


def test_tables_are_read_as_toml_gives_them() -> None:
    value = tomllib.loads(
        """
        [[notify]]
        on = ["change"]
        command = ["mail", "-s", "shop", "ann@example.com"]
        command_input = "text"
        changes = ["changed", "gone"]
        fields = ["title", "fields.price"]
        url = "/products/"
        least_size = 0.05
        least_pages = 3
        most_pages = 10
        interval_s = 3600

        [[notify]]
        webhook = "https://example.com/hook"
        webhook_secret = "env:HOOK_SECRET"
        """
    )["notify"]
    mail, hook = read_tables(value)
    assert mail == NotifyTable(
        on=(Kind.CHANGE,),
        command=("mail", "-s", "shop", "ann@example.com"),
        command_input="text",
        changes=(ChangeStatus.CHANGED, ChangeStatus.GONE),
        fields=("title", "fields.price"),
        url="/products/",
        least_size=0.05,
        least_pages=3,
        most_pages=10,
        interval_s=3600.0,
    )
    assert hook.on == tuple(Kind)
    assert hook.webhook_secret == "env:HOOK_SECRET"  # noqa: S105 - a name


def test_one_table_is_a_table_too() -> None:
    assert read_tables({"command": ["true"]}) == read_tables([{"command": ["true"]}])
    assert read_tables([]) == ()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mail", "expected tables; write [[job.NAME.notify]]"),
        (["mail"], "expected tables; write [[job.NAME.notify]]"),
        ([{}] * (MAX_TABLES + 1), "21 tables; a job takes 20"),
        ({"interval": "15m"}, 'unknown key "interval"; did you mean interval_s?'),
        ([{}, {"interval_s": "15m"}], "table 2: interval_s: expected float, got str"),
        ({"on": ["changes"]}, "on: expected a list of change, failure, silence, recovery"),
        ({"on": []}, "on: expected a list of change, failure, silence, recovery"),
        ({"changes": ["lost"]}, "changes: expected a list of new, changed, unchanged, gone, recovered"),
        ({"command": "mail ann"}, "command: expected a list of texts, such as"),
        ({"most_pages": 1000}, "most_pages: expected int <= 100"),
        ({"least_size": 5}, "least_size: expected float <= 1.0"),
        ({"webhook": 5}, "webhook: expected str, got int"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        read_tables(value)
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)
