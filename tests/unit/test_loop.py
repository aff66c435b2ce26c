"""What programs run on."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import clean_environment

_PROGRAM = """
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


def test_a_program_looks_for_garbage_a_few_times_while_beautiful_soup_builds_a_tree() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=clean_environment(), capture_output=True, text=True, check=True
    )
    by_default, in_a_program = map(int, ran.stdout.split())
    assert in_a_program * 3 < by_default
