"""Every target over its seeds, over what once broke it, and over mutations: always the same ones."""

from __future__ import annotations

import importlib
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.campaign import HERE, TARGETS
from tests.fuzz.mutations import mutations, words_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MUTATIONS = 500
MOST_CORPUS_BYTES = 200_000


def inputs_of(folder: str, target: str) -> list[Path]:
    return sorted(path for path in (HERE / folder / target).glob("*") if path.is_file())


def fuzz_of(target: str) -> Callable[[bytes], None]:
    fuzz: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.targets.{target}").fuzz
    return fuzz


KEPT = [
    pytest.param(target, path, id=f"{target}-{folder}-{path.name}")
    for target in TARGETS
    for folder in ("corpus", "regressions")
    for path in inputs_of(folder, target)
]


@pytest.mark.parametrize(("target", "path"), KEPT)
def test_an_input_that_is_kept(target: str, path: Path) -> None:
    fuzz_of(target)(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_mutations_of_the_seeds(target: str) -> None:
    fuzz = fuzz_of(target)
    seeds = [path.read_bytes() for path in inputs_of("corpus", target)]
    words = words_of(HERE / "dictionaries" / f"{target}.dict")
    for data in mutations(seeds, count=MUTATIONS, chance=Random(target), words=words):  # noqa: S311 - repeatable
        try:
            fuzz(data)
        except BaseException as error:
            error.add_note(f"the input: {data!r}")
            raise


def test_no_folder_is_without_its_target() -> None:
    """A corpus under a misspelt name would never be run."""
    for kind in ("corpus", "regressions"):
        assert {path.name for path in (HERE / kind).glob("*") if path.is_dir()} <= set(TARGETS)


def test_the_seeds_are_small() -> None:
    assert (
        sum(path.stat().st_size for path in (HERE / "corpus").rglob("*") if path.is_file())
        < MOST_CORPUS_BYTES
    )
