"""The user's own function: how it is found, what it is given, and that what it does costs fields alone."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import bs4
import msgspec
import pytest

from scraper.errors import SettingsError
from scraper.messages import OwnFields
from scraper.parse.bounds import MAX_PAGE_BYTES, bounded_record
from scraper.parse.fields import MAX_MESSAGE, Fields
from scraper.parse.named_function import load_target
from scraper.parse.visited_page import VisitedPage
from scraper.record import Heading, Outcome, Record
from scraper.visit.extractor import MAX_CALLS, MAX_LOST, Extractor, extended
from tests.support.fakes import response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scraper.visit import extractor as module

BODY = b"<!doctype html><title>T</title><p class='a b'>caf\xe9 <b>1</b></p>2<script>x</script>"
RECORD = Record(
    schema=1,
    run="r1",
    seq=0,
    input="https://a.example/",
    extra={},
    url="https://a.example/",
    final_url="https://a.example/",
    key="a.example/",
    duplicate_of=None,
    depth=0,
    parent=None,
    outcome=Outcome.OK,
    error=None,
    retryable=False,
    attempts=1,
    tries=[],
    title="T",
)


@pytest.fixture(autouse=True)
def _own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder of one's own, and forget what was imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    def written(text: str, name: str = "shop.py") -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")

    return written


async def said(text: str, *, deadline_s: float = 60.0, name: str = "f") -> Fields:
    """What a function says of the page."""
    with open("shop.py", "w", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a test's own folder
        file.write(textwrap.dedent(text))
    return await Extractor(f"shop:{name}", deadline_s=deadline_s).fields_of(page())


class Counted(Extractor):
    """Tells when all calls have come back that were given up."""

    def __init__(self, named: str, *, deadline_s: float) -> None:
        super().__init__(named, deadline_s=deadline_s)
        self.all_back = asyncio.Event()

    def _note_end(self, call: module._Call) -> None:
        super()._note_end(call)
        if not self._lost:
            self.all_back.set()


def page() -> VisitedPage:
    return VisitedPage(record=RECORD, url="https://a.example/", body=BODY, charset="latin1")


def test_a_page_has_what_it_says() -> None:
    one = page()
    assert one.html == BODY.decode("latin1")
    assert one.body is BODY
    assert one.text == "caf\xe9 1\n2"
    assert isinstance(one.soup, bs4.BeautifulSoup)
    assert one.soup.p is not None
    assert one.soup.p["class"] == ["a", "b"], "as Beautiful Soup has it"
    assert one.tree.xpath("//p/@class") == ["a b"]
    assert (one.soup is one.soup, one.tree is one.tree) == (True, True)
    assert one.record.title == "T"


@pytest.mark.parametrize(
    "text",
    [
        "def f(page): return {'a': page.record.title, 'b': [1, None], 'c': (2,)}",
        "async def f(page): return {'a': page.record.title, 'b': [1, None], 'c': [2]}",
        """
        import asyncio, functools
        async def g(title, page):
            await asyncio.sleep(0)
            return {'a': title, 'b': [1, None], 'c': [2]}
        f = functools.partial(g, 'T')
        """,
        """
        class F:
            async def __call__(self, page): return {'a': 'T', 'b': [1, None], 'c': [2]}
        f = F()
        """,
        """
        class F:
            def __call__(self, page): return {'a': 'T', 'b': [1, None], 'c': [2]}
        f = F()
        """,
        """
        async def g(page): return {'a': 'T', 'b': [1, None], 'c': [2]}
        f = lambda page: g(page)
        """,
    ],
)
async def test_whatever_can_be_called_is_called(text: str) -> None:
    assert await said(text) == Fields({"a": "T", "b": [1, None], "c": [2]})


async def test_one_that_may_block_does_so_in_a_thread() -> None:
    text = "import threading\ndef f(page): return {'name': threading.current_thread().name}"
    assert (await said(text)).values == {"name": "extractor"}
    text = "import threading\nasync def f(page): return {'name': threading.current_thread().name}"
    del sys.modules["shop"]
    assert (await said(text)).values == {"name": threading.current_thread().name}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(page):\n raise KeyError('sku')", "KeyError: 'sku' (shop.py:2)"),
        ("async def f(page):\n raise KeyError('sku')", "KeyError: 'sku' (shop.py:2)"),
        ("def f(page):\n\n return g()\ndef g():\n import json\n json.loads('[')", "JSONDecodeError: "),
        ("def f(page): raise ValueError", "ValueError (shop.py:1)"),
        ("def f(page): raise ValueError('a\\n\\x00b' * 9999)", "ValueError: a b"),
        ("def f(page): raise SystemExit(3)", "SystemExit: 3 (shop.py:1)"),
        ("async def f(page): raise SystemExit(3)", "SystemExit: 3 (shop.py:1)"),
        ("def f(page): raise KeyboardInterrupt", "KeyboardInterrupt (shop.py:1)"),
        ("async def f(page): raise TimeoutError('own')", "TimeoutError: own (shop.py:1)"),
        ("def f(page): raise TimeoutError('own')", "TimeoutError: own (shop.py:1)"),
        ("import asyncio\nasync def f(page): raise asyncio.CancelledError", "CancelledError (shop.py:2)"),
        ("def f(page): return [1]", "it returned list, not a dict"),
        ("async def f(page): return 'x'", "it returned str, not a dict"),
        ("def f(page): return page.soup.nothing.text", "AttributeError: "),
    ],
)
async def test_what_goes_wrong_in_it_is_told(text: str, told: str) -> None:
    found = await said(text)
    assert found.values == {}
    assert list(found.errors) == ["extractor"]
    assert found.errors["extractor"].startswith(told)
    assert len(found.errors["extractor"]) <= MAX_MESSAGE
    assert found.errors["extractor"].isprintable()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f(page):\n\n return g()\ndef g():\n import json\n json.loads('[')", "(shop.py:6)"),
        ("import parts.inner\ndef f(page):\n parts.inner.g()", "(parts/inner.py:2)"),
    ],
)
async def test_the_line_is_the_innermost_of_the_users_own(
    text: str, line: str, write: Callable[..., None]
) -> None:
    write("def g():\n import re; re.compile('(')\n", "parts/inner.py")
    assert (await said(text)).errors["extractor"].endswith(line)


async def test_a_library_s_lines_are_no_user_s_but_in_a_function_that_is_a_library_s(
    write: Callable[..., None], tmp_path: Path
) -> None:
    write("def g(page):\n raise ValueError('x')\n", "venv/site-packages/library/__init__.py")
    sys.path.append(str(tmp_path / "venv" / "site-packages"))
    found = await said("import library\ndef f(page):\n library.g(page)")
    assert found.errors["extractor"] == "ValueError: x (shop.py:3)"
    found = await Extractor("library:g", deadline_s=60).fields_of(page())
    assert found.errors["extractor"].startswith("ValueError: x (")
    assert found.errors["extractor"].endswith("library/__init__.py:2)")


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("{'a': object(), 'b': 1}", {"b": 1}, "JSON can't hold the value of 'a': "),
        ("{'a': '\\ud800', 'b': 1}", {"b": 1}, "JSON can't hold the value of 'a': "),
        ("{1: 2, 'b': 1}", {"b": 1}, "a field's name is int, not text"),
        ("{'a': loop, 'b': 1}", {"b": 1}, "JSON can't hold the value of 'a': "),
        ("{'a': {1}, 'b': (1, None), 'c': None}", {"a": [1], "b": [1, None]}, None),
        ("{'a': Decimal('1.50'), 'b': Box(2)}", {"a": "1.50", "b": {"size": 2}}, None),
        ("{'a': float('nan'), 'b': 1}", {"b": 1}, "JSON can't hold the value of 'a': it has nan in it"),
        ("{'a': [{'c': 1e999}]}", {}, "JSON can't hold the value of 'a': it has inf in it"),
        ("{'a': b'x'}", {}, "JSON can't hold the value of 'a': it has bytes in it, decode them"),
        ("{'a': Box(bytearray(1))}", {}, "JSON can't hold the value of 'a': it has bytes in it"),
        ("None", {}, None),
        ("{'a': date(2026, 5, 4)}", {"a": "2026-05-04"}, None),
    ],
)
async def test_values_are_as_json_gives_them_back(
    text: str, values: dict[str, Any], told: str | None
) -> None:
    found = await said(
        f"""
        from dataclasses import dataclass
        from datetime import date
        from decimal import Decimal
        @dataclass
        class Box:
            size: object
        loop = []
        loop.append(loop)
        def f(page): return {text}
        """
    )
    assert found.values == values
    assert found.errors.get("extractor", "None").startswith(str(told))


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasync def f(page): await asyncio.Event().wait()",
        "import threading\ndef f(page): threading.Event().wait()",
        "import asyncio\nasync def g(): await asyncio.Event().wait()\ndef f(page): return g()",
    ],
)
async def test_what_hangs_is_given_up(text: str) -> None:
    assert await said(text, deadline_s=0.02) == Fields({}, {"extractor": "not done within 0.02 s"})


async def test_calls_that_never_come_back_are_counted_and_some_day_no_more_made(
    write: Callable[..., None],
) -> None:
    write(
        """
        import threading
        go, calls = threading.Event(), []
        def f(page):
            calls.append(page)
            go.wait()
            return {"came": "back"}
        """
    )
    one = Counted("shop:f", deadline_s=0.05)
    shop = sys.modules["shop"]
    async with asyncio.TaskGroup() as tasks:
        ends = [
            tasks.create_task(one.fields_of(page()), name=f"call-{n}") for n in range(MAX_CALLS + MAX_LOST)
        ]
    told = Counter(end.result().errors["extractor"] for end in ends)
    given_up = told.pop("not done within 0.05 s")
    assert set(told) == {f"not called: {MAX_LOST} calls have not come back at all"}
    assert MAX_LOST <= given_up == len(shop.calls) < MAX_LOST + MAX_CALLS
    assert (await one.fields_of(page())).errors["extractor"].startswith("not called: ")
    assert given_up == len(shop.calls)
    shop.go.set()
    await one.all_back.wait()
    one._deadline_s = 60.0
    assert (await one.fields_of(page())).values == {"came": "back"}


async def test_who_leaves_a_visit_leaves_the_call(write: Callable[..., None]) -> None:
    write("import threading\ngo = threading.Event()\ndef f(page): go.wait()\n")
    one = Extractor("shop:f", deadline_s=60.0)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(one.fields_of(page()), name="call")
        await asyncio.sleep(0)
        call.cancel()
    assert call.cancelled()
    assert one._lost == 1
    sys.modules["shop"].go.set()


async def test_there_may_be_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    found = await said("def f(page): return {}")
    assert found.errors["extractor"] == "RuntimeError: can't start new thread"


@pytest.mark.parametrize(
    ("text", "named", "told"),
    [
        ("", "shop:f", "parse.extractor = shop:f: f is not there in shop"),
        ("", "shop.py:f", "parse.extractor = shop.py:f: a module is named without its ending, shop:f"),
        ("class f: pass", "shop:f", "parse.extractor = shop:f: f is a class, not a function"),
        *(
            (text, "shop:f", "parse.extractor = shop:f: f is a generator: return a dict in place of yield")
            for text in (
                "def f(page): yield {}",
                "async def f(page): yield {}",
                "import functools\ndef g(a, page): yield {}\nf = functools.partial(g, 1)",
                "class F:\n def __call__(self, page): yield {}\nf = F()",
            )
        ),
        *(
            (
                text,
                "shop:f",
                f"parse.extractor = shop:f: f is called with a page and nothing else, and it takes {takes}",
            )
            for text, takes in (
                ("def f(): return {}", "()"),
                ("async def f(): return {}", "()"),
                ("f = lambda a, b: {}", "(a, b)"),
                ("def f(*, page): return {}", "(*, page)"),
            )
        ),
        ("f = 3", "shop:f", "parse.extractor = shop:f: f is no function in shop"),
        ("class A: pass", "shop:A.f", "parse.extractor = shop:A.f: A.f is not there in shop"),
        (
            "",
            "shopp:f",
            "parse.extractor = shopp:f: there is no module shopp in the working directory, nor installed",
        ),
        (
            "",
            "shopp.pages:f",
            (
                "parse.extractor = shopp.pages:f:"
                " there is no module shopp in the working directory, nor installed"
            ),
        ),
        (
            "",
            "shop.pages:f",
            (
                "parse.extractor = shop.pages:f:"
                " there is no module shop.pages in the working directory, nor installed"
            ),
        ),
        (
            "import nothing_of_the_kind",
            "shop:f",
            (
                "parse.extractor = shop:f: can't import shop:"
                " ModuleNotFoundError: No module named 'nothing_of_the_kind' (shop.py:1)"
            ),
        ),
        (
            "\n1 / 0",
            "shop:f",
            "parse.extractor = shop:f: can't import shop: ZeroDivisionError: division by zero (shop.py:2)",
        ),
        ("\ndef f(:", "shop:f", "parse.extractor = shop:f: can't import shop: invalid syntax (shop.py:2)"),
        (
            "raise SystemExit(0)",
            "shop:f",
            "parse.extractor = shop:f: can't import shop: SystemExit: 0 (shop.py:1)",
        ),
    ],
)
def test_what_can_t_be_loaded_is_one_line(
    text: str, named: str, told: str, write: Callable[..., None]
) -> None:
    write(text)
    with pytest.raises(SettingsError) as caught:
        load_target(named)
    assert str(caught.value) == told


def test_the_working_directory_comes_first_and_then_last(write: Callable[..., None], tmp_path: Path) -> None:
    before = list(sys.path)
    write("import sys\nfound = sys.path[0]\ndef f(page): return {}", "colorsys.py")
    sys.modules.pop("colorsys", None)
    target = load_target("colorsys:f")
    assert target.home == tmp_path / "colorsys.py"
    assert sys.modules["colorsys"].found == str(tmp_path)
    assert sys.path == [*before, str(tmp_path)]
    load_target("colorsys:f")
    assert sys.path == [*before, str(tmp_path)]


async def test_the_function_wins_and_clears_the_error_of_what_it_found(
    write: Callable[..., None],
) -> None:
    write("def f(page): return {'a': page.record.fields['a'] + 1, 'b': 2}")
    selected = Fields({"a": 1, "c": 3}, {"b": "missing", "d": "missing"}, is_cut=True)
    one = Extractor("shop:f", deadline_s=60.0)
    found, own = await extended(RECORD, selected, extractor=one, response=response(body=BODY))
    assert own == OwnFields(found=("a", "c", "b"), wrong=("d",), given=2)
    assert found.fields == {"a": 2, "c": 3, "b": 2}
    assert found.field_errors == {"d": "missing"}
    assert found.cut == ["fields"]


async def test_without_fields_a_record_is_as_it_was() -> None:
    record, own = await extended(RECORD, Fields(), extractor=None, response=response())
    assert record is RECORD
    assert own is None


async def test_a_none_of_the_function_leaves_what_a_selector_found(write: Callable[..., None]) -> None:
    write("def f(page): return {'a': None, 'b': None, 'c': None}")
    selected = Fields({"a": 1}, {"b": "expected a number, found 'x'"})
    one = Extractor("shop:f", deadline_s=60.0)
    record, _ = await extended(RECORD, selected, extractor=one, response=response(body=BODY))
    assert (record.fields, record.field_errors) == (selected.values, selected.errors)


async def test_what_came_of_the_fields_is_told(write: Callable[..., None]) -> None:
    selected = Fields(
        {"a": 1, "default": 0, "part": [1], "mended": 0, "list": []},
        {"part": "2 values of 3 are wrong", "b": "expected a number", "c": "required", "d": "required"},
        absent=("default", "c", "mended", "list", "d"),
    )
    _, own = await extended(RECORD, selected, extractor=None, response=response())
    assert own == OwnFields(found=("a",), wrong=("part", "b"), lacking=("c", "d"))
    write("def f(page): return {'mended': 1, 'd': 2, 'e': 3, 'x' * 200: 4, 5: 6}")
    one = Extractor("shop:f", deadline_s=60.0)
    _, own = await extended(RECORD, selected, extractor=one, response=response(body=BODY))
    assert own == OwnFields(
        found=("a", "mended", "d", "e", "x" * 100),
        wrong=("part", "b"),
        lacking=("c",),
        given=4,
        failure="a field's name is int, not text",
    )
    assert own.errors == ("part", "b", "c", "extractor")


async def test_nothing_found_is_told_too() -> None:
    _, own = await extended(RECORD, Fields(absent=("a",)), extractor=None, response=response())
    assert own == OwnFields()


async def test_the_fields_share_the_page_s_room(write: Callable[..., None]) -> None:
    write(f"def f(page): return {{'a': 1, 'b': ['x' * 1000] * 600, 'c': 'x' * {2 * MAX_PAGE_BYTES}}}")
    headings = [Heading(level=1, text="h" * 400)] * 1000
    record = msgspec.structs.replace(RECORD, headings=headings)
    one = Extractor("shop:f", deadline_s=60.0)
    found, _ = await extended(record, Fields(), extractor=one, response=response(body=BODY))
    assert len(msgspec.json.encode(found)) < MAX_PAGE_BYTES + 2000
    assert "fields" in found.cut
    assert found.fields["a"] == 1
    assert found.headings


def test_errors_without_number_are_cut_too() -> None:
    errors = {f"field {number}": "x" * MAX_MESSAGE for number in range(5000)}
    found = bounded_record(msgspec.structs.replace(RECORD, field_errors=errors))
    assert len(msgspec.json.encode(found)) < MAX_PAGE_BYTES + 2000
    assert found.cut == ["field_errors"]
    assert len(found.field_errors) > 1000


def test_the_page_s_text_takes_no_room_of_the_fields() -> None:
    record = msgspec.structs.replace(RECORD, fields={"a": "b"}, text="x" * (MAX_PAGE_BYTES + 1))
    assert bounded_record(record) is record


def test_what_fits_is_left_alone() -> None:
    record = msgspec.structs.replace(RECORD, fields={"a": "x" * 1000})
    assert bounded_record(record) is record
