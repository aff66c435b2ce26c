"""Users' own fields from the command line to the record, in one process and in several."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import scraper
from scraper.cli.main import main
from tests.support.crawling import crawled
from tests.support.polite_site import NOT_FOUND, Answer, Ask, Site, page, serving, serving_in_thread
from tests.support.processes import scrape, write_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HTML = (("Content-Type", "text/html; charset=utf-8"),)
HOOK = """
import threading

def product(page):
    if page.url.endswith("/raises"):
        raise KeyError("sku")
    if page.url.endswith("/hangs"):
        threading.Event().wait()
    if page.url.endswith("/nonsense"):
        return 5
    price = page.record.fields["price"]
    return {"title": page.record.title, "rows": len(page.soup.select("p")), "price": price + 1}

async def awaited(page):
    return product(page)
"""
SELECT = {"price": {"css": ".price", "type": "float"}, "links[]": {"css": "a::attr(href)", "type": "url"}}


def script(ask: Ask) -> Answer:
    if ask.target == "/robots.txt":
        return NOT_FOUND
    body = page("b?c=1", head="<p class=price>1.299,50 \u20ac</p>", title=ask.target).body
    return Answer(body, 404 if ask.target == "/missing" else 200, HTML)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving_in_thread(script) as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(HOOK, encoding="utf-8")
    return tmp_path


@pytest.fixture
def own_modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in the folder, and forget what was imported from it."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    sys.modules.pop("shop", None)


def urls(site: Site, *names: str) -> list[str]:
    return [site.url("127.0.0.1", f"/{name}") for name in names]


def told(out: str) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Fields and their errors by the last part of the URL."""
    records = [json.loads(line) for line in out.splitlines()]
    return {
        one["url"].rpartition("/")[2]: (one.get("fields", {}), one.get("field_errors", {})) for one in records
    }


@pytest.mark.parametrize(
    ("function", "further"),
    [("product", ()), ("awaited", ("--processes", "2", "--parser", "beautifulsoup"))],
)
def test_selectors_and_a_function_from_the_command_line(
    function: str, further: tuple[str, ...], folder: Path, site: Site
) -> None:
    lines = urls(site, "fine", "raises", "nonsense", "missing")
    (folder / "s.toml").write_text('[parse.select]\nprice = { css = ".price", type = "float" }\n', "utf-8")
    words = ("--config", "s.toml", "--select", "links[]=a::attr(href)", "--extractor", f"shop:{function}")
    source = write_list(folder / "urls.txt", lines)
    done = scrape("crawl", source, "--quiet", "--delay", "0", *words, *further, cwd=folder)
    assert (done.code, done.err) == (0, "")
    selected = {"price": 1299.5, "links": ["b?c=1"]}
    assert told(done.out) == {
        "fine": ({**selected, "title": "/fine", "rows": 1, "price": 1300.5}, {}),
        "raises": (selected, {"extractor": "KeyError: 'sku' (shop.py:6)"}),
        "nonsense": (selected, {"extractor": "it returned int, not a dict"}),
        "missing": ({}, {}),
    }


@pytest.mark.parametrize("processes", ["0", "2"])
def test_fields_that_fail_on_every_page_are_told_and_strict_tells_a_script(
    processes: str, folder: Path, site: Site
) -> None:
    (folder / "shop.py").write_text("def product(page):\n    raise KeyError('sku')\n", "utf-8")
    source = write_list(folder / "urls.txt", urls(site, "a", "b", "c"))
    words = ("--select", "price=.price", "--select", "nowhere=.nowhere", "--extractor", "shop:product")
    files = ("-o", "out.jsonl", "--log-json", "log", "--delay", "0", "--processes", processes)
    done = scrape("crawl", source, *files, *words, "--strict", cwd=folder)
    assert done.code == 3
    assert "extractor: 3 of 3 pages failed, first: KeyError: 'sku' (shop.py:2)" in done.err
    assert "Found on none of 3 pages: nowhere" in done.err
    assert re.search(r"^price +3 +0 +0 *$", done.err, flags=re.MULTILINE)
    events = [json.loads(line) for line in (folder / "log").read_text("utf-8").splitlines()]
    assert [one["field_errors"] for one in events if one["event"] == "written"] == [["extractor"]] * 3


@pytest.mark.parametrize("processes", [0, 1])
def test_a_function_that_hangs_costs_a_field_and_the_run_ends(
    processes: int, folder: Path, site: Site
) -> None:
    source = write_list(folder / "urls.txt", urls(site, "hangs"))
    select = 'parse.select={"price": {"css": ".price", "type": "float"}}'
    words = ("--set", select, "--extractor", "shop:product", "--set", "parse.deadline_s=0.5")
    done = scrape("crawl", source, "-q", "--delay", "0", "--processes", str(processes), *words, cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert told(done.out)["hangs"] == ({"price": 1299.5}, {"extractor": "not done within 0.5 s"})


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--select", "a=p["), "parse.select.a: 'p[': "),
        (("--select", "a=p["), "parse.select.a: 'p[': expected an identifier at position 2\n"),
        (("--select", "a=p:no"), "parse.select.a: 'p:no': unknown pseudo-class at position 4\n"),
        (("--select", "a=p::text()"), "parse.select.a: 'p::text()': write ::text, without parentheses\n"),
        (("--select", "a= //p"), "parse.select.a: '//p': this is no CSS; if it is XPath, write xpath://p\n"),
        (
            ("--select", "a=../p"),
            "parse.select.a: '../p': this is no CSS; if it is XPath, write xpath:../p\n",
        ),
        (
            ("--select", 'a=p:contains("x")'),
            "parse.select.a: 'p:contains(\"x\")': CSS does not look for texts; XPath does: xpath://p[contains(",
        ),
        (
            ("--select", "a=p::text, a::text"),
            "parse.select.a: 'p::text, a::text': ::text or ::attr(NAME) may",
        ),
        (("--select", "a=a::attr()"), "parse.select.a: 'a::attr()': ::text or ::attr(NAME) may stand once"),
        (
            ("--select", "a=a::attr('b')"),
            "parse.select.a: \"a::attr('b')\": at the end there may be ::text or",
        ),
        (("--select", "a=xpath://["), "parse.select.a: 'xpath://[': Invalid expression"),
        (("--select", "a=p", "--select", "a=q"), "parse.select.a (--select): given twice"),
        (("--select", "a"), 'parse.select (--select): "a" is no NAME=CSS'),
        (("--select", ""), "--select is empty: write NAME=CSS, or leave it out"),
        (
            ("--set", 'parse.select={"a": {"css": "p", "type": "number"}}'),
            'parse.select.a.type = "number" (--set): expected one of str, int, float, date, url, json',
        ),
        (
            ("--set", 'parse.select={"a": {"css": "p", "pattern": "("}}'),
            'parse.select.a.pattern = "(" (--set): not a regular expression',
        ),
        (("--extractor", "shop.py"), 'parse.extractor = "shop.py" (--extractor): expected package.module:'),
        (("--extractor", "shop.py:product"), "parse.extractor = shop.py:product: a module is named without"),
        (("--extractor", "shop:KeyError"), "parse.extractor = shop:KeyError: KeyError is not there in shop"),
        (("--extractor", "shop:nothing"), "parse.extractor = shop:nothing: nothing is not there in shop"),
        (
            ("--extractor", "market:f", "--processes", "2"),
            "parse.extractor = market:f: there is no module market in the ",
        ),
        (("--extractor", "market:f"), "parse.extractor = market:f: there is no module market in the "),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_asked_or_written(
    words: tuple[str, ...], line: str, own_modules: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(site.log)
    source = write_list(own_modules / "urls.txt", urls(site, "fine"))
    code = main(["crawl", str(source), "-o", "out.jsonl", *words])
    said = capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(f"scraper: {line}")
    assert len(site.log) == before
    assert sorted(path.name for path in own_modules.iterdir()) == ["shop.py", "urls.txt"]


@pytest.mark.usefixtures("own_modules")
async def test_the_library_has_them_by_its_settings() -> None:
    rules = {"price": scraper.FieldRule(css=".price", type="float"), "a": scraper.FieldRule(xpath="//a")}
    parse: dict[str, Any] = {"select": rules, "extractor": "shop:product"}
    async with serving(script) as own:
        lines = [own.url("127.0.0.1", f"/{number}") for number in range(8)]
        alone = await crawled(lines, parse=parse)
        shared = await crawled(lines, parse={**parse, "parser": "beautifulsoup"}, run={"processes": 2})
    assert [record.fields for record in alone] == [
        {"price": 1300.5, "a": "to b?c=1", "title": f"/{number}", "rows": 1} for number in range(8)
    ]
    assert [record.fields for record in shared] == [record.fields for record in alone]
    assert Counter(record.outcome for record in shared) == {scraper.Outcome.OK: 8}


async def test_the_library_refuses_what_is_no_selector() -> None:
    parse = scraper.ParseSettings(select={"a": scraper.FieldRule(css="p[")})
    with pytest.raises(scraper.SettingsError, match=r"\Aparse\.select\.a: "):
        async with scraper.crawl([], settings=scraper.Settings(parse=parse)):
            pass


async def test_the_library_refuses_a_function_in_place_of_its_name() -> None:
    parse = scraper.ParseSettings(extractor=write_list)  # type: ignore[arg-type]  # the mistake itself
    told = (
        "parse.extractor: expected 'module:function', such as 'tests.support.processes:write_list', found a"
    )
    with pytest.raises(scraper.SettingsError, match=told):
        async with scraper.crawl([], settings=scraper.Settings(parse=parse)):
            pass
