"""What texts become: numbers as people write them, dates, URLs, JSON."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.field_types import Context, converted
from scraper.parse.jsonld import MAX_DEPTH

SITE = Context("https://site.example/dir/page")
NBSP, THIN = "\u00a0", "\u202f"


def value(text: str, kind: str, *, lang: str | None = None) -> Any:
    return converted(text, kind=kind, context=SITE._replace(lang=lang))


@pytest.mark.parametrize(
    ("text", "lang", "number"),
    [
        ("5", None, 5.0),
        ("1,299.00", None, 1299.0),
        ("1.299,00 €", None, 1299.0),
        ("$ 5", None, 5.0),
        ("from $1,299.50 to $2,000", None, 1299.5),
        ("1 299,50", None, 1299.5),
        ("1 299 000", None, 1_299_000.0),
        ("1'299.50", None, 1299.5),
        ("1\u2019299.50", None, 1299.5),
        ("1,299,000", None, 1_299_000.0),
        ("1.299.000", None, 1_299_000.0),
        ("12,34,567.89", None, 1_234_567.89),
        ("1,299", None, 1299.0),
        ("1,299", "en-GB", 1299.0),
        ("1,299", "de", 1.299),
        ("1.299", None, 1.299),
        ("1.299", "de-AT", 1299.0),
        ("1.299", "de-CH", 1.299),
        ("0,299", None, 0.299),
        ("0.299", "de", 0.299),
        ("12,5", None, 12.5),
        ("1234,567", None, 1234.567),
        ("Rs.500", None, 500.0),
        (".5", None, 0.5),
        ("-5", None, -5.0),
        ("\u22125.5", None, -5.5),
        ("-$5.50", None, -5.5),
        ("$-5.50", None, -5.5),
        ("EUR -5", None, -5.0),
        ("Rs500", None, 500.0),
        ("EUR1,299.00", None, 1299.0),
        ("US$5", None, 5.0),
        ("No. 5", None, 5.0),
        ("1299.00USD", None, 1299.0),
        ("120m2", None, 120.0),
        ("价格1299元", None, 1299.0),
        ("4th of 10", None, 4.0),
        ("3 may be had", None, 3.0),
        ("4.5/5", None, 4.5),
        ("2026", None, 2026.0),
        ("10-20", None, 10.0),
        ("2 5 7", None, 2.0),
        ("12%", None, 12.0),
        ("5kg", None, 5.0),
        ("5.", None, 5.0),
        ("1.5e-7", None, 1.5e-7),
        ("\u0661\u066c\u0662\u0663\u0664\u066b\u0665", "ar", 1234.5),
    ],
)
def test_a_float_is_read_as_people_write_it(text: str, lang: str | None, number: float) -> None:
    assert value(text, "float", lang=lang) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.299", 1299),
        ("1,299", 1299),
        ("1.299.000 views", 1_299_000),
        ("5.00", 5),
        ("1.299,00 €", 1299),
        ("-7", -7),
        ("1e3", 1000),
        (str(2**63 - 1), 2**63 - 1),
    ],
)
def test_an_int_is_a_whole_number(text: str, number: int) -> None:
    found = value(text, "int")
    assert (found, type(found)) == (number, int)


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("call us", "float", "expected a number, found 'call us'"),
        ("\u00b2", "float", "expected a number, found '\u00b2'"),
        ("1.2k", "float", "expected a number in full, found '1.2k'"),
        ("3M views", "int", "expected a number in full, found '3M views'"),
        ("1.2.3", "float", "expected a number, can't tell which '1.2.3' is"),
        ("1.299,500,500", "float", "expected a number, can't tell which '1.299,500,500' is"),
        ("1,299.00.5", "float", "expected a number, can't tell which '1,299.00.5' is"),
        ("1e999", "float", "expected a finite number, found '1e999'"),
        ("12.5", "int", "expected a whole number, found '12.5'"),
        ("1e-1", "int", "expected a whole number, found '1e-1'"),
        ("1e999", "int", "expected a whole number, found '1e999'"),
        (str(2**63), "int", f"expected a number of 64 bits, found '{2**63}'"),
        ("9" * 41, "float", f"expected a number of 40 digits at the most, found '{'9' * 41}'"),
        ("yesterday", "date", "expected a date, found 'yesterday'"),
        ("mailto:a@b.example", "url", "expected an http or https URL, found 'mailto:a@b.example'"),
        ("x" * 99, "float", f"expected a number, found '{'x' * 57}...'"),
    ],
)
def test_what_is_none_is_told(text: str, kind: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"\Aexpected ") as caught:
        value(text, kind)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (
            ("2026-05-04", "on 05/03/2026", "4.5.2026", "2026-05", "4 May 2026", "May 4, 2026", "mai 2026"),
            "a date",
        ),
        (("12:30", "at 7:05", "4:3"), "a time"),
        (
            ("SKU-12", "Model X200 costs 30", "COVID-19", "a_5", "1920x1080", "7fa3b2", "USD-5", "12h30"),
            "digits that letters stand beside",
        ),
    ],
)
def test_digits_that_are_no_number_are_told(texts: tuple[str, ...], told: str) -> None:
    for text in texts:
        for kind in ("int", "float"):
            with pytest.raises(ValueError, match=r"\Aexpected a number") as caught:
                value(text, kind)
            why = f"found {told} in {text!r}: a pattern can take the right one"
            assert str(caught.value) == f"expected a number, {why}"


@pytest.mark.parametrize("text", ["[1", "{'a': 1}", '{"a": 1e400}', '"\\ud800"', "NaN", "[" * 100_000])
def test_what_is_no_json_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\Aexpected JSON, found "):
        value(text, "json")


@pytest.mark.parametrize("pair", ["[]", '{"a":'])
def test_json_is_no_deeper_than_its_readers_take(pair: str) -> None:
    start, end = ("[", "]") if pair == "[]" else (pair, "}")
    for inner in ("1", "[]"):
        depth = MAX_DEPTH - (inner == "[]")
        text = start * depth + inner + end * depth
        assert value(text, "json") == msgspec.json.decode(text)
        with pytest.raises(ValueError, match="64 levels"):
            value(start + text + end, "json")


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("4 May 2026", "date", "2026-05-04"),
        ("2026-05-04T10:00:00Z", "date", "2026-05-04T10:00:00Z"),
        ("/a b", "url", "https://site.example/a%20b"),
        ("x?y=1", "url", "https://site.example/dir/x?y=1"),
        (' {"a": [1, 2.5, null]}\n', "json", {"a": [1, 2.5, None]}),
        ("as it is", "str", "as it is"),
    ],
)
def test_other_types(text: str, kind: str, wanted: object) -> None:
    assert value(text, kind) == wanted


@pytest.mark.parametrize(
    ("lang", "wanted"), [("de", "2026-03-05"), ("en-GB", "2026-03-05"), ("en-US", "2026-05-03")]
)
def test_the_language_settles_a_date(lang: str, wanted: str) -> None:
    assert value("05/03/2026", "date", lang=lang) == wanted


@pytest.mark.parametrize("lang", [None, "en", "ja"])
def test_a_date_that_the_language_does_not_settle_is_told(lang: str | None) -> None:
    told = "found '05/03/2026', which may be 2026-03-05 or 2026-05-03: the page's language does not tell"
    with pytest.raises(ValueError, match=told):
        value("05/03/2026", "date", lang=lang)


@given(
    st.integers(min_value=1000, max_value=10**12),
    st.integers(min_value=0, max_value=99),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), (NBSP, ","), (THIN, ","), ("'", "."), ("", ".")]),
    st.sampled_from(["{}", "${}", "€ {}", "{} €", "USD {}", "Price: {} incl. VAT", "{}kg"]),
    st.sampled_from([None, "en", "de"]),
)
def test_a_number_written_in_any_style_is_that_number(
    whole: int, cents: int, style: tuple[str, str], around: str, lang: str | None
) -> None:
    group, point = style
    written = f"{whole:,}".replace(",", group) + f"{point}{cents:02}"
    folded = " ".join(around.format(written).split())
    assert math.isclose(value(folded, "float", lang=lang), whole + cents / 100)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.sampled_from(["int", "float", "date", "url", "json"]),
)
def test_any_text_is_a_value_that_encodes_or_is_told(text: str, kind: str) -> None:
    try:
        found = value(text, kind)
    except ValueError as error:
        assert str(error).startswith("expected ")  # noqa: PT017 - most texts are none, some are
        return
    msgspec.json.encode(found)


@given(st.text("0123456789.,'-$ eEkM%", min_size=1, max_size=30))
def test_any_number_like_text_is_a_number_or_is_told(text: str) -> None:
    for kind, cls in (("int", int), ("float", float)):
        try:
            found = value(text, kind)
        except ValueError as error:
            assert str(error).startswith("expected ")  # noqa: PT017 - the same
        else:
            assert type(found) is cls
