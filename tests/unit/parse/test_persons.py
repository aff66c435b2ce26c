# ruff: noqa: RUF001 - dates and names in other letters
"""Bylines in, names out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.persons import MAX_PERSONS, persons


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ann Lee", ["Ann Lee"]),
        # Labels.
        ("By Ann Lee", ["Ann Lee"]),
        ("by: Ann Lee", ["Ann Lee"]),
        ("BY ANN LEE", ["ANN LEE"]),
        ("Written by Ann Lee", ["Ann Lee"]),
        ("Author: By Ann Lee", ["Ann Lee"]),
        ("von Anna Schmidt", ["Anna Schmidt"]),
        ("Text: Anna Schmidt", ["Anna Schmidt"]),
        ("par Anne Roy", ["Anne Roy"]),
        ("Por Ana Paz", ["Ana Paz"]),
        ("door Jan de Vries", ["Jan de Vries"]),
        ("Автор: Анна Ли", ["Анна Ли"]),
        ("作者：王小明", ["王小明"]),
        # What only looks like one.
        ("Von Trier", ["Von Trier"]),
        ("Von der Leyen", ["Von der Leyen"]),
        ("Byron Katie", ["Byron Katie"]),
        ("Parker Posey", ["Parker Posey"]),
        ("Autori Tanaka", ["Autori Tanaka"]),
        # Several.
        ("By Ann Lee and Bob Ray", ["Ann Lee", "Bob Ray"]),
        ("Ann Lee & Bob Ray", ["Ann Lee", "Bob Ray"]),
        ("Ann Lee, Bob Ray", ["Ann Lee", "Bob Ray"]),
        ("Ann Lee, Bob Ray, and Cy Dent", ["Ann Lee", "Bob Ray", "Cy Dent"]),
        ("Ann Lee, Bob Ray and Cy Dent", ["Ann Lee", "Bob Ray", "Cy Dent"]),
        ("Ann Lee; Bob Ray", ["Ann Lee", "Bob Ray"]),
        ("Anna Schmidt und Bernd Roth", ["Anna Schmidt", "Bernd Roth"]),
        ("Anne Roy et Luc Bon", ["Anne Roy", "Luc Bon"]),
        ("山田太郎、鈴木花子", ["山田太郎", "鈴木花子"]),
        ("Ann Lee | Bob Ray", ["Ann Lee", "Bob Ray"]),
        ("Ann Lee, ann lee, ANN LEE", ["Ann Lee"]),
        # One, whatever stands between.
        ("Johnson & Johnson", ["Johnson & Johnson"]),
        ("Ann and Bob Lee", ["Ann and Bob Lee"]),
        ("Ministry of Health, Labour and Welfare", ["Ministry of Health, Labour and Welfare"]),
        ("Department of Health and Social Care", ["Department of Health and Social Care"]),
        ("Bob Smith, Jr.", ["Bob Smith, Jr."]),
        ("Smith, Jr.", ["Smith, Jr."]),
        ("Acme, Inc.", ["Acme, Inc."]),
        ("Martin Luther King Jr.", ["Martin Luther King Jr."]),
        ("J. R. R. Tolkien", ["J. R. R. Tolkien"]),
        ("Jean-Luc Godard", ["Jean-Luc Godard"]),
        ("Conan O\u2019Brien", ["Conan O\u2019Brien"]),
        ("Booking.com", ["Booking.com"]),
        # The family name first.
        ("Lee, Ann", ["Ann Lee"]),
        ("Lee, A. B.", ["A. B. Lee"]),
        ("Lee, A., Ray, B.", ["A. Lee", "B. Ray"]),
        ("Reuters, AP", ["Reuters", "AP"]),
        # Roles, degrees, credits.
        ("Ann Lee, Staff Writer", ["Ann Lee"]),
        ("Ann Lee Staff Writer", ["Ann Lee"]),
        ("Ann Lee, Senior Political Correspondent", ["Ann Lee"]),
        ("Ann Lee (Reporter)", ["Ann Lee"]),
        ("Ann Lee, PhD", ["Ann Lee"]),
        ("Ann Lee, M.D., Ph.D.", ["Ann Lee"]),
        ("Ann Lee, BBC News", ["Ann Lee"]),
        ("Words by Ann Lee, photos by Bob Ray", ["Ann Lee"]),
        ("Staff Writer", []),
        ("Ann Lee.", ["Ann Lee"]),
        # Nobody.
        ("admin", []),
        ("Editorial Team", []),
        ("@annlee", []),
        ("https://www.facebook.com/annlee", []),
        ("www.example.com", []),
        ("example.com", []),
        ("ann@example.com", []),
        ("%author%", []),
        ("{{ author }}", []),
        ("-", []),
        ("12345", []),
        ("", []),
        ("x" * 101, []),
        # Names beside what is none.
        ("ann@example.com (Ann Lee)", ["Ann Lee"]),
        ("Ann Lee <ann@example.com>", ["Ann Lee"]),
        ("Ann Lee @annlee", ["Ann Lee"]),
        ("Ann Lee, https://example.com/ann", ["Ann Lee"]),
        ("<a href='/ann'>Ann Lee</a>", ["Ann Lee"]),
        ("Ann &amp; Bob", ["Ann & Bob"]),
        ("  Ann\n\tLee\0 ", ["Ann Lee"]),
    ],
)
def test_bylines(text: str, names: list[str]) -> None:
    assert persons([text]) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Garc\u00eda M\u00e1rquez, Gabriel", ["Gabriel Garc\u00eda M\u00e1rquez"]),
        ("van der Berg, Jan Piet", ["Jan Piet van der Berg"]),
        ("LEE, Ann", ["Ann LEE"]),
        ("Smith, John, Jr.", ["John Smith, Jr."]),
        ("Lee, Ann; Ray, Bob", ["Ann Lee", "Bob Ray"]),
        ("Lee A., Ray B.", ["Lee A.", "Ray B."]),
        ("Ann Lee", ["Ann Lee"]),
        ("Ministry of Health, Labour and Welfare", ["Ministry of Health, Labour and Welfare"]),
    ],
)
def test_bibliographies_put_the_family_name_first(text: str, names: list[str]) -> None:
    assert persons([text], family_first=True) == names


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"@type": "Person", "name": "Ann Lee"}, ["Ann Lee"]),
        ([{"name": "Ann Lee"}, "Bob Ray"], ["Ann Lee", "Bob Ray"]),
        ({"@type": "Person", "name": ["Ann Lee", "Bob Ray"]}, ["Ann Lee", "Bob Ray"]),
        ({"@type": "Person", "name": "Ann Lee, Bob Ray"}, ["Ann Lee", "Bob Ray"]),
        ({"@type": ["Organization"], "name": "Smith and Sons, Baker and Daughters"},
         ["Smith and Sons, Baker and Daughters"]),
        ({"@type": "Person", "name": {"@value": "Ann Lee", "@language": "en"}}, ["Ann Lee"]),
        ({"@type": "Person", "givenName": "Ann", "familyName": "Lee"}, ["Ann Lee"]),
        ({"@type": "Person", "name": "https://example.com/ann"}, []),
        ({"@type": "Person", "url": "https://example.com/ann"}, []),
        ({"@type": "Person", "name": 5}, []),
        (None, []),
        (7, []),
    ],
)  # fmt: skip
def test_json_ld(value: Any, names: list[str]) -> None:
    assert persons([value]) == names


def test_what_is_endless_ends() -> None:
    nested: Any = "Ann Lee"
    for _ in range(100_000):
        nested = [nested]
    assert persons([nested]) == []
    node: dict[str, Any] = {}
    node["name"] = node
    assert persons([node]) == []
    assert len(persons([f"Ann {'I' * at}a" for at in range(1, 60)] * 100)) <= 60
    assert len(persons([f"Ann Lee{chr(0x4E00 + at)}" for at in range(3000)])) == MAX_PERSONS


JSON = st.recursive(
    st.none() | st.floats() | st.text(), lambda values: st.lists(values) | st.dictionaries(st.text(), values)
)


@given(
    values=st.lists(JSON | st.text(st.sampled_from("AnnLeeBob ,;&.()@|-/by<>")), max_size=5),
    family_first=st.booleans(),
)
def test_whatever_comes_names_are_clean(values: list[Any], *, family_first: bool) -> None:
    names = persons(values, family_first=family_first)
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name == " ".join(name.split())
        assert "@" not in name
        assert "://" not in name
        assert len(name) <= 100
