"""Rules for users' fields: where they may be given, and what is said of each mistake in them."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli import main as program
from scraper.errors import SettingsError
from scraper.settings.describe import default_toml
from scraper.settings.field_rules import checked_rules
from scraper.settings.load import load, problems_in
from scraper.settings.model import FieldRule
from scraper.settings.options import options
from scraper.settings.values import shown

if TYPE_CHECKING:
    from pathlib import Path

SELECT = options()["parse.select"]
NESTED = """
[parse.select]
name = "h1"
"tags[]" = "xpath: //li"
[parse.select.price]
css = ".price"
type = "float"
required = true
pattern = '(\\d+)'
[parse.select.since]
css = "time"
default = 2026-01-02
"""
AS_JSON = json.dumps(
    {
        "name": "h1",
        "tags[]": "xpath: //li",
        "price": {"css": ".price", "type": "float", "required": True, "pattern": r"(\d+)"},
        "since": {"css": "time", "default": "2026-01-02"},
    }
)
WANTED = {
    "name": FieldRule(css="h1"),
    "tags": FieldRule(xpath=" //li", many=True),
    "price": FieldRule(css=".price", type="float", required=True, pattern=r"(\d+)"),
    "since": FieldRule(css="time", default="2026-01-02"),
}


def problems(value: object, *, text: bool = False) -> list[str]:
    return checked_rules(value, SELECT, origin="x", text=text)[1]


def test_a_file_has_texts_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(NESTED)
    assert problems_in(path) == []
    assert load(path).settings.parse.select == WANTED


@pytest.mark.parametrize(
    "layer",
    [
        {"assignments": [f"parse.select={AS_JSON}"]},
        {"environment": {"SCRAPER_PARSE_SELECT": AS_JSON}},
    ],
)
def test_a_text_is_json(layer: dict[str, Any]) -> None:
    assert load(**layer).settings.parse.select == WANTED


def test_a_text_may_be_lines() -> None:
    text = "name = h1\n\ntags[]=a[href=x]\n"
    assert load(assignments=[f"parse.select={text}"]).settings.parse.select == {
        "name": FieldRule(css="h1"),
        "tags": FieldRule(css="a[href=x]", many=True),
    }
    assert load(assignments=["parse.select="]).settings.parse.select == {}


def test_a_line_may_have_a_type() -> None:
    text = "price:float=.p\nsizes[]:int=xpath://li\nog:title=meta\na:b:date=time"
    assert load(assignments=[f"parse.select={text}"]).settings.parse.select == {
        "price": FieldRule(css=".p", type="float"),
        "sizes": FieldRule(xpath="//li", type="int", many=True),
        "og:title": FieldRule(css="meta"),
        "a:b": FieldRule(css="time", type="date"),
    }


def test_a_layer_replaces_the_table_and_the_flag_adds_to_it(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('[parse.select]\na = "h1"\nb = "h2"\n')
    assert set(load(path, assignments=["parse.select=c=p"]).settings.parse.select) == {"c"}
    words = ["config", "show", "--json", "--config", str(path), "--select", "b=h3", "--select", "c=p\n > q"]
    done = CliRunner().invoke(program.cli, words, catch_exceptions=False)
    told = json.loads(done.stdout)["parse.select"]
    assert told["value"] == {"a": {"css": "h1"}, "b": {"css": "h3"}, "c": {"css": "p  > q"}}
    assert told["origin"] == f"{path}, --select"


def test_what_is_shown_can_be_read_back() -> None:
    again = tomllib.loads(f"x = {shown(WANTED, SELECT)}")["x"]
    assert checked_rules(again, SELECT, origin="x", text=False) == (WANTED, [])


def test_the_commented_example_of_the_file_can_be_used() -> None:
    lines = default_toml().splitlines()
    start = lines.index('# [parse.select."price"]')
    end = lines.index("", start)
    lines.remove("select = {}")
    lines[start - 1 : end - 1] = [line.removeprefix("# ") for line in lines[start - 1 : end - 1]]
    assert tomllib.loads("\n".join(lines))["parse"]["select"] == SELECT.example
    assert problems(SELECT.example) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": {}}, "parse.select.a (x): give css or xpath, one of them"),
        ({"a": {"css": " "}}, "parse.select.a (x): give css or xpath, one of them"),
        ({"a": "xpath:"}, "parse.select.a (x): give css or xpath, one of them"),
        ({"a": {"css": "p", "xpath": "//p"}}, "parse.select.a (x): give css or xpath, one of them"),
        (
            {"a": {"css": "p", "required": True, "default": 0}},
            "parse.select.a (x): what has a default is never missing: give required or default",
        ),
        ({"a": {"css": "p", "typ": "int"}}, "unknown setting parse.select.a.typ (x); did you mean type?"),
        (
            {"a": {"css": "p", "type": "number"}},
            'parse.select.a.type = "number" (x): expected one of str, int, float, date, url, json',
        ),
        ({"a": {"css": "p", "many": "yes"}}, 'parse.select.a.many = "yes" (x): expected true or false'),
        (
            {"a[]": {"css": "p", "many": False}},
            "parse.select.a.many = false (x): [] behind the name says true",
        ),
        (
            {"a": {"css": "p", "pattern": "("}},
            (
                'parse.select.a.pattern = "(" (x):'
                " not a regular expression: missing ), unterminated subpattern at position 0"
            ),
        ),
        ({"a[]": {"css": "p", "default": {1, 2}, "type": "int"}}, None),
        ({"a": {"css": "p", "default": 5, "type": "float"}}, None),
        ({"a": {"css": "p", "default": "2026-05", "type": "date"}}, None),
        ({"a": {"css": "p", "default": "https://a.example/", "type": "url"}}, None),
        ({"a": {"css": "p", "default": {"b": [1]}, "type": "json"}}, None),
        (
            {"a": {"css": "p", "default": "x", "type": "int"}},
            'parse.select.a (x): default = "x": expected a whole number, as type and many say',
        ),
        (
            {"a": {"css": "p", "default": True, "type": "float"}},
            "parse.select.a (x): default = true: expected a number, as type and many say",
        ),
        (
            {"a": {"css": "p", "default": 0}},
            "parse.select.a (x): default = 0: expected a text, as type and many say",
        ),
        (
            {"a": {"css": "p", "default": "today", "type": "date"}},
            (
                'parse.select.a (x): default = "today": expected a date such as 2026-05-04,'
                " as type and many say"
            ),
        ),
        (
            {"a": {"css": "p", "default": "/b", "type": "url"}},
            'parse.select.a (x): default = "/b": expected an absolute URL, as type and many say',
        ),
        (
            {"a[]": {"css": "p", "default": "b"}},
            'parse.select.a (x): default = "b": expected a list of texts, as type and many say',
        ),
        (
            "price=.price",
            (
                'parse.select = "price=.price" (x): expected a table, in a file [parse.select] and below it'
                ' lines such as price = ".price"'
            ),
        ),
        ({"a": {"css": "p", "default": object()}}, "parse.select.a.default (x): JSON can't hold it"),
        (
            {"a": 3},
            (
                "parse.select.a = 3 (x): expected a selector, or a table such as"
                ' { "css" = "span.price::text", "type" = "float", "required" = true }'
            ),
        ),
        ({"": "p"}, 'parse.select."" (x): a field needs a name'),
        ({"[]": "p"}, 'parse.select."" (x): a field needs a name'),
        (
            {"a\tb": "p"},
            'parse.select."a\\tb" (x): a name is one line of printable characters, 100 at the most',
        ),
        (
            {"extractor": "p"},
            "parse.select.extractor (x): the errors of parse.extractor go by this name: take another",
        ),
        ({"a": "p", "a[]": "q"}, "parse.select.a (x): given twice, with and without []"),
    ],
)
def test_a_mistake_is_told_by_its_own_name(value: object, told: str | None) -> None:
    assert problems(value) == ([told] if told else [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a=p\na=q", "parse.select.a (x): given twice"),
        ("a:int=p\na=q", "parse.select.a (x): given twice"),
        ("a:int=p\na[]:int=q", "parse.select.a (x): given twice, with and without []"),
        ("a:flaot=p", 'parse.select (x): "a:flaot": the types are str, int, float, date, url, json'),
        ("a:number=p", 'parse.select (x): "a:number": the types are str, int, float, date, url, json'),
        ("a:int[]=p", 'parse.select (x): "a:int[]": write [] behind the name, a[]:int'),
        (":int=p", 'parse.select."" (x): a field needs a name'),
        ('{"a": "p", "a": "q"}', "parse.select.a (x): given twice"),
        ('{"a": {"css": "p", "css": "q"}}', "parse.select.a.css (x): given twice"),
        ("a", 'parse.select (x): "a" is no NAME=CSS, such as price=span.price::text'),
        ("=p", 'parse.select (x): "=p" is no NAME=CSS, such as price=span.price::text'),
        ("a=", 'parse.select (x): "a=" is no NAME=CSS, such as price=span.price::text'),
        ("{", None),
        ('{"a": ' * 100_000, None),
    ],
)
def test_a_mistake_in_a_text_is_told(text: str, told: str | None) -> None:
    (line,) = problems(text, text=True)
    assert line == told or (told is None and line.startswith('parse.select = "{'))
    assert "\n" not in line


def test_a_single_rule_can_t_be_set() -> None:
    with pytest.raises(SettingsError, match=r"give the table whole: parse\.select="):
        load(assignments=["parse.select.price=p"])


@pytest.mark.parametrize("text", ["", "a:b", "shop.pages:Page.read", "a_1:b2", "größe:preis"])
def test_a_function_is_named_by_module_and_name(text: str) -> None:
    assert load(assignments=[f"parse.extractor={text}"]).settings.parse.extractor == text


@pytest.mark.parametrize("text", ["a", "a.py", "a:", ":b", "a:b:c", "a/b:c", "1a:b", "a.:b", "a:b()"])
def test_what_names_no_function_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"expected package\.module:function, or nothing\Z"):
        load(assignments=[f"parse.extractor={text}"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b[]", *FieldRule.__struct_fields__]) | st.text(), inner)
        ),
        max_leaves=10,
    ),
    st.booleans(),
)
def test_anything_is_taken_or_refused_on_one_line(value: object, text: bool) -> None:  # noqa: FBT001
    rules, told = checked_rules(value, SELECT, origin="x", text=text)
    assert all("\n" not in problem and "parse.select" in problem for problem in told)
    assert told or checked_rules(rules, SELECT, origin="x", text=False)[0].keys() == rules.keys()
