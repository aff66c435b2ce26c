"""Texts that are nearly the same have fingerprints that are."""

from __future__ import annotations

import random
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.parse.simhash import MAX_CHARACTERS, MAX_WORDS
from scraper.parse.simhash import simhash as simhash_of
from scraper.parse.text_figures import measured


def text(*, seed: int, words: int = 400, vocabulary: int = 3000) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - a text, no secret
    return [f"w{min(int(chance.paretovariate(0.5)), vocabulary)}" for _ in range(words)]


def distance(a: str, b: str) -> int:
    """In how many of the 64 bits two fingerprints differ: 0 alike, 3 near, 32 unrelated."""
    return (int(a, 16) ^ int(b, 16)).bit_count()


def simhash(of: str) -> str | None:
    return measured(of).figures.simhash


def fingerprint(words: list[str]) -> str:
    value = simhash_of(" ".join(words))
    assert value is not None
    return value


@pytest.mark.parametrize("nothing", ["", "  \n", "\0", "\xad", "\ud800"])
def test_no_word_has_no_fingerprint(nothing: str) -> None:
    assert simhash(nothing) is None


@pytest.mark.parametrize(
    ("of", "value"),
    [("a", "8fd3d586fa5d3753"), ("The council approved a new plan.", "0584c80000204728")],
)
def test_it_is_the_same_in_every_version(of: str, value: str) -> None:
    """Fingerprints are stored and compared with later ones."""
    assert simhash(of) == value


def plain(words: list[str]) -> str:
    """Vote by vote, as it is defined."""
    hashes = [crc32(word.encode()) * 0x9E3779B1 for word in words]

    def turned(at: int, by: int) -> int:
        here, behind = (hashes[place] if place < len(hashes) else 0 for place in (at, at + 1))
        return (here >> by | behind << 64 - by) & (1 << 64) - 1

    votes = [0] * 64
    for first in range(max(1, len(words) - 2)):
        value = hashes[first] ^ turned(first + 1, 5) ^ turned(first + 2, 11)
        for bit in range(64):
            votes[bit] += 1 if value >> bit & 1 else -1
    return f"{sum(1 << bit for bit in range(64) if votes[bit] > 0):016x}"


@given(st.lists(st.text("abcé", min_size=1, max_size=40), min_size=1, max_size=30))
def test_it_is_what_each_sequence_votes_for(words: list[str]) -> None:
    assert simhash(" ".join(words)) == plain(words)


@given(st.text())
def test_any_text_has_sixteen_digits(of: str) -> None:
    value = simhash(of)
    assert value is None or (len(value) == 16 and int(value, 16) >= 0)
    assert simhash(f"  {of}\n") == value
    assert simhash(of.replace(" ", " \t ")) == value


def test_case_and_break_hints_make_no_difference() -> None:
    assert simhash("The Coun\xadcil\u00a0agrees") == simhash("the council agrees")


@given(st.integers(0, 10_000))
def test_unrelated_texts_are_far(seed: int) -> None:
    # 32 on average with a deviation of 4; words that both have take it down a little.
    assert 10 <= distance(fingerprint(text(seed=seed)), fingerprint(text(seed=seed + 20_000))) <= 54


def test_unrelated_texts_are_32_apart_on_average() -> None:
    prints = [fingerprint([f"{seed}x{word}" for word in range(100)]) for seed in range(60)]
    apart = [distance(a, b) for a, b in pairwise(prints)]
    assert 29 < sum(apart) / len(apart) < 35


@given(st.integers(0, 10_000), st.integers(0, 399), st.sampled_from(["replace", "insert", "drop"]))
def test_a_word_edited_is_near(seed: int, at: int, kind: str) -> None:
    words = text(seed=seed)
    edited = words[:at] + ([] if kind == "drop" else ["edited"]) + words[at + (kind != "insert") :]
    assert distance(fingerprint(words), fingerprint(edited)) <= 9


def test_more_edits_are_further() -> None:
    means = []
    for edits in (1, 10, 100, 400):
        apart = []
        for seed in range(20):
            words = text(seed=seed)
            edited = list(words)
            for at in random.Random(seed).sample(range(400), edits):  # noqa: S311 - the same
                edited[at] = f"other{at}"
            apart.append(distance(fingerprint(words), fingerprint(edited)))
        means.append(sum(apart) / len(apart))
    assert means == sorted(means)
    assert means[0] < 3


def test_the_order_of_words_counts() -> None:
    words = [f"word{number}" for number in range(300)]
    assert distance(fingerprint(words), fingerprint(words[::-1])) > 15
    assert simhash("one two three") != simhash("three two one")


def test_a_letter_in_a_language_without_spaces_is_a_small_edit() -> None:
    chance = random.Random(3)  # noqa: S311 - the same
    han = "".join(chr(chance.randrange(0x4E00, 0x5200)) for _ in range(500))
    a, b = simhash(han), simhash(han[:250] + "一" + han[251:])
    assert a is not None
    assert b is not None
    assert a != simhash(han[::-1])
    assert distance(a, b) <= 9


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    words = [f"w{number}" for number in range(2 * MAX_WORDS)]
    assert fingerprint(words) == fingerprint(words[:MAX_WORDS]) != fingerprint(words[: MAX_WORDS // 2])
    letters = " ".join("x" * 500 + str(number) for number in range(MAX_WORDS))
    assert (
        simhash_of(letters)
        == simhash_of(letters[:MAX_CHARACTERS])
        != simhash_of(letters[: MAX_CHARACTERS // 2])
    )
    han = "".join(chr(0x4E00 + number) for number in range(2 * MAX_WORDS))
    assert simhash_of(han) == simhash_of(han[:MAX_WORDS]) != simhash_of(han[: MAX_WORDS // 2])


@given(st.text(st.characters()))
@example("a\ud800 \udcff")
def test_any_text_has_one(text: str) -> None:
    assert (simhash_of(text) is None) == (not text.encode(errors="surrogatepass").split())


def test_long_texts_are_measured_in_steps_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    of = " ".join(text(seed=5, words=100))
    expected = simhash(of)
    monkeypatch.setattr("scraper.parse.text_figures._STEP", 7)
    assert simhash(of) == expected
