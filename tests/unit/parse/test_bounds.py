"""What a document says is cut to what a record holds, whatever takes the room, and the cutting ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.parse import PageParser, bounds
from scraper.parse.bounds import MAX_PAGE_BYTES, bounded
from scraper.settings.model import ParseSettings

if TYPE_CHECKING:
    from scraper.record import Page

_encode = msgspec.json.encode
_TEXTS = st.lists(st.text(alphabet="ab\u20ac", max_size=40), max_size=12)
_SMALL = 200


def size_bytes(fields: dict[str, Any]) -> int:
    return sum(len(_encode(value)) for value in fields.values())


@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "title": st.text(max_size=_SMALL),
            "titles": _TEXTS,
            "tags": _TEXTS,
            "twitter": st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=8),
            "og": st.dictionaries(st.text(alphabet="a\u20ac", max_size=60), _TEXTS, max_size=3),
        },
    )
)
@example(fields={"titles": ["x" * 97, "x" * 94, ""]})  # one byte too much
@example(fields={"og": {"\u20ac" * 20: ["x" * 60] * 3}})  # a name's bytes are more than its characters
@example(fields={"title": "x" * 300, "titles": []})  # nothing that might be cut
def test_cutting_ends_with_what_fits_or_with_nothing_left(fields: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "MAX_PAGE_BYTES", _SMALL)
        found, cut = bounded(fields)
    assert size_bytes(found) <= _SMALL or not any(found[name] for name in found if name != "title")
    assert cut == {name for name in fields if found[name] != fields[name]}


def parsed(html: str) -> Page:
    parser = PageParser(ParseSettings())
    return parser.parse(body=html.encode(), url="https://a.example/", content_type_charset="utf-8").page


def test_long_tags_are_cut_to_what_fits() -> None:
    piece = '<meta property="article:tag" content="{} {}">'
    page = parsed("".join(piece.format(number, "t" * 1500) for number in range(900)))
    assert page.cut == ["tags"]
    assert len(_encode(page)) <= MAX_PAGE_BYTES + 2000
    assert len(page.tags) > 300
