from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notify.digest import MAX_NAMES, Digest, digests, page_filter
from scraper.notify.notice import FieldChange, PageChange
from scraper.notify.table import NotifyTable
from scraper.record import ChangeStatus

AT = datetime(2026, 11, 29, tzinfo=UTC)
CHANGED, NEW, GONE = ChangeStatus.CHANGED, ChangeStatus.NEW, ChangeStatus.GONE


def changed(url: str = "https://example.com/", **fields: tuple[Any, Any]) -> PageChange:
    """Of fields by their names, with ``__`` for a dot."""
    return PageChange(
        url=url,
        status=CHANGED,
        fields=tuple(
            FieldChange(name=name.replace("__", "."), old=old, new=new) for name, (old, new) in fields.items()
        ),
    )


TITLE = changed(title=("abcd", "abce"))
PRICE = changed("https://example.com/p/7", fields__price=(100, 95), title=("abcd", "abce"))


@pytest.mark.parametrize(
    ("table", "page", "left"),
    [
        ({}, TITLE, ["title"]),
        ({}, PRICE, ["fields.price", "title"]),
        ({}, PageChange(url="https://example.com/", status=ChangeStatus.UNCHANGED), None),
        ({"changes": (ChangeStatus.UNCHANGED,)}, PageChange(url="u", status=ChangeStatus.UNCHANGED), []),
        ({"changes": (GONE,)}, TITLE, None),
        ({"changes": (GONE,)}, PageChange(url="u", status=GONE), []),
        ({"fields": ("title",)}, PRICE, ["title"]),
        ({"fields": ("fields",)}, PRICE, ["fields.price"]),
        ({"fields": ("fields.price",)}, PRICE, ["fields.price"]),
        ({"fields": ("fields.pric",)}, PRICE, None),
        ({"fields": ("description",)}, TITLE, None),
        ({"fields": ("description",)}, PageChange(url="u", status=NEW), []),
        ({"url": "/p/"}, PRICE, ["fields.price", "title"]),
        ({"url": "^/p/"}, PRICE, None),
        ({"url": "/p/"}, TITLE, None),
        ({"least_size": 0.4}, TITLE, ["title"]),
        ({"least_size": 0.41}, TITLE, None),
        ({"least_size": 0.05, "fields": ("fields.price",)}, PRICE, ["fields.price"]),
        ({"least_size": 0.06, "fields": ("fields.price",)}, PRICE, None),
        ({"least_size": 1.0}, PageChange(url="u", status=NEW), []),
    ],
)
def test_the_filter(table: dict[str, Any], page: PageChange, left: list[str] | None) -> None:
    filtered = page_filter(NotifyTable(command=("true",), **table))(page)
    if left is None:
        assert filtered is None
    else:
        assert filtered is not None
        assert (filtered.url, filtered.status) == (page.url, page.status)
        assert [field.name for field in filtered.fields] == left


def test_each_target_has_its_own_digest_of_one_pass() -> None:
    changes = [
        PRICE,
        TITLE,
        PageChange(url="https://example.com/p/8", status=NEW),
        PageChange(url="https://example.com/p/9", status=GONE),
    ]
    tables = [
        NotifyTable(most_pages=2),
        NotifyTable(url="/p/", most_pages=0),
        NotifyTable(least_pages=5),
        NotifyTable(fields=("title",), changes=(CHANGED,)),
    ]
    every, by_url, too_few, by_field = digests(tables, iter(changes), job="shop", run="r1", at=AT)
    assert every is not None
    assert (every.job, every.run, every.at) == ("shop", "r1", AT)
    assert every.total == 4
    assert every.statuses == {"changed": 2, "new": 1, "gone": 1}
    assert every.fields == {"title": 2, "fields.price": 1}
    assert [page.url for page in every.pages] == [PRICE.url, TITLE.url]
    assert by_url is not None
    assert (by_url.total, by_url.pages) == (3, ())
    assert too_few is None
    assert by_field is not None
    assert by_field.fields == {"title": 2}


def test_nothing_is_told_of_no_change() -> None:
    assert digests([NotifyTable()], [], job="shop", run="r1", at=AT) == [None]


PAGES = st.builds(
    PageChange,
    url=st.text(),
    status=st.sampled_from(ChangeStatus),
    fields=st.lists(
        st.builds(FieldChange, name=st.text(max_size=3), old=st.integers(), new=st.integers()), max_size=4
    ).map(tuple),
)


@given(st.lists(PAGES, max_size=60), st.integers(0, 10), st.integers(1, 5))
def test_a_digest_is_bounded_and_counts_all(changes: list[PageChange], most: int, least: int) -> None:
    table = NotifyTable(most_pages=most, least_pages=least)
    digest = Digest(table)
    for change in changes:
        digest.add(change)
    real = [change for change in changes if change.status is not ChangeStatus.UNCHANGED]
    notice = digest.notice(job="shop", run="r1", at=AT)
    if len(real) < least:
        assert notice is None
        return
    assert notice is not None
    assert notice.total == len(real)
    assert notice.statuses == Counter(change.status.value for change in real)
    assert len(notice.pages) == min(most, len(real))
    assert list(notice.pages) == real[:most]
    assert len(notice.fields) <= MAX_NAMES
    assert all(count <= notice.total for count in notice.fields.values())


def test_names_that_pages_make_up_are_not_gathered_without_end() -> None:
    digest = Digest(NotifyTable(most_pages=0))
    for number in range(10 * MAX_NAMES):
        digest.add(PageChange(url="u", status=CHANGED, fields=(FieldChange(name=f"og.{number}"),)))
    notice = digest.notice(job="shop", run="r1", at=AT)
    assert notice is not None
    assert len(notice.fields) == MAX_NAMES
    assert notice.total == 10 * MAX_NAMES
