"""What programs run on."""

from __future__ import annotations

import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from scraper import loop
from tests.support.processes import clean_environment

_COLLECTIONS = """
import gc
from bs4 import BeautifulSoup
from scraper import loop

PAGE = "<p class=a>text <b>bold</b></p>" * 1000

def collections(parse):
    before = sum(one["collections"] for one in gc.get_stats())
    parse()
    return sum(one["collections"] for one in gc.get_stats()) - before

def parse():
    BeautifulSoup(PAGE, "lxml")

async def main():
    parse()

print(collections(parse), collections(lambda: loop.run(main())))
"""


_FAULTS = """
import resource
from scraper import loop

def faults(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def work():
    for _ in range(20):
        pieces = [bytearray(64_000) for _ in range(100)]
        del pieces

async def main():
    work()

print(faults(work), faults(lambda: loop.run(main())))
"""


def test_a_program_looks_for_garbage_a_few_times_while_beautiful_soup_builds_a_tree() -> None:
    by_default, in_a_program = figures_of(_COLLECTIONS)
    assert in_a_program * 3 < by_default


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library does as it likes")
def test_a_program_uses_again_what_it_has_freed() -> None:
    by_default, in_a_program = figures_of(_FAULTS)
    assert in_a_program * 3 < by_default


def test_where_so_much_is_refused_glibc_goes_on_adapting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refusing(option: int, _: int) -> int:
        asked.append(option)
        return 0

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(mallopt=refusing))
    loop._keep_freed_memory()
    assert asked == [loop._M_MMAP_THRESHOLD]


_HINDERED = """
import sys
{hindrance}
from scraper import loop

async def main():
    return 7

print(loop.run(main()))
"""


@pytest.mark.parametrize(
    "hindrance",
    [
        "sys.modules['ctypes'] = None",  # as in a Python built without it
        "import ctypes; ctypes.CDLL = lambda name: open('/no such file')",
    ],
)
def test_a_program_runs_where_memory_can_not_be_set(hindrance: str) -> None:
    assert figures_of(_HINDERED.format(hindrance=hindrance)) == [7]


def figures_of(program: str) -> list[int]:
    ran = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True, check=True
    )
    return [int(figure) for figure in ran.stdout.split()]
