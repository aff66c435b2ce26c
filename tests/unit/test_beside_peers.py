"""What the comparison with other programs is made of, without a run of it."""

from __future__ import annotations

import hashlib
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from scraper.robots.rules import RobotsRules
from tests.benchmarks import beside_peers, contenders, corpus, measuring, web_server
from tests.benchmarks.benchmark_page import Machine, Measured, benchmark_page, markdown
from tests.benchmarks.chart import chart
from tests.benchmarks.contenders import CONTENDERS, Essence, VoidError, checked, chosen, differing
from tests.benchmarks.figures import HEAD, NONE, Figure, Run, figure, rounded
from tests.benchmarks.measuring import FailedError, Took
from tests.benchmarks.real_pages import COUNT, MEAN_BYTES, real_page

DOCS, TINY = corpus.KINDS["docs"], corpus.KINDS["tiny"]
REAL_PAGE_3 = "c10e0b57e3400b16b70230eea6f85c42095ff6f7ae26336430bf569012cca4f2"


def run(rate: float, *, pages: int = 100, processor_s: float = 1.0, peak_mib: float = 50.0) -> Run:
    return Run(pages, Took(pages / rate, processor_s, peak_mib))


def a_figure(label: str, rate: float) -> Figure:
    return Figure(label, rate, rate / 2, rate * 2, 0.5, 1.25, 64.4, 0.3)


def test_a_ratio_is_taken_within_its_round() -> None:
    # The medians of each side alone would say 100 / 200.
    rounds = [
        {"ours": run(100), "bare": run(100)},
        {"ours": run(50, processor_s=3.0, peak_mib=70), "bare": run(200)},
        {"ours": run(400), "bare": run(500)},
    ]
    found = figure("scraper", "ours", rounds, yardstick="bare", start_s=0.5)
    assert found is not None
    assert (found.rate, found.least_rate, found.most_rate) == (100, 50, 400)
    assert found.ratio == 0.8
    assert (found.processor_ms, found.peak_mib, found.start_s) == (10.0, 70, 0.5)


def test_void_runs_are_left_out() -> None:
    rounds = [{"bare": run(100)}, {"ours": run(30)}, {"ours": run(10), "bare": run(100)}]
    found = figure("scraper", "ours", rounds, yardstick="bare", start_s=0.0)
    assert found is not None
    assert (found.rate, found.ratio) == (20, 0.1)
    assert figure("Scrapy", "scrapy", rounds, yardstick="bare", start_s=0.0) is None
    alone = figure("scraper", "ours", rounds[1:2], yardstick="bare", start_s=0.0)
    assert alone is not None
    assert alone.row[HEAD.index("of bare")] == NONE


@pytest.mark.parametrize(
    ("rate", "shown"), [(9.96, "10.0"), (99.94, "99.9"), (100.4, "100"), (1234.5, "1234")]
)
def test_rates_have_the_digits_that_mean_something(rate: float, shown: str) -> None:
    assert rounded(rate) == shown


def test_a_table_has_a_cell_for_each_column() -> None:
    lines = markdown([a_figure("scraper", 120.0), a_figure("Scrapy", 40.0)]).splitlines()
    assert {line.count("|") for line in lines} == {len(HEAD) + 1}
    assert lines[2] == "| scraper | 120 | 60.0 | 240 | 0.50 | 1.25 | 64 | 0.30 |"


def test_the_page_tells_of_the_machine_and_of_what_is_missing() -> None:
    group = Measured("real", 3000, 50, 150, 198_000.0, [a_figure("scraper", 120.0)])
    machine = Machine(
        "Fast CPU", 2, "Debian", "nginx 1.22.1", {"python": "3.11.7", "uvloop": "0.23"}, {"python": "3.11.7"}
    )
    page = benchmark_page([group], machine, rounds=3, remarks=["Left out: Scrapy"])
    for told in (
        "Fast CPU, 2 cores, Debian, nginx 1.22.1",
        "Python 3.11.7, uvloop 0.23",
        "3,000 lines over 150 pages at 50 hosts",
        "198 KB",
        "3 rounds",
        "- Left out: Scrapy",
        "| scraper | 120 |",
    ):
        assert told in page
    assert not re.search(r"\b20[2-9]\d\b", page)  # no date: it is generated


def test_the_chart_is_well_formed_and_to_scale() -> None:
    figures = [a_figure("scraper & <b>", 100.0), a_figure("Scrapy", 25.0)]
    tree = ET.fromstring(chart([("Real <pages>", figures), ("None", [])]))  # noqa: S314 - it is ours
    space = "{http://www.w3.org/2000/svg}"
    bars = tree.findall(f"{space}rect")
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[0] == 4 * widths[1]
    assert bars[0].attrib["fill"] != bars[1].attrib["fill"]  # ours is told apart
    texts = [text.text for text in tree.findall(f"{space}text")]
    assert texts == ["Real <pages>", "scraper & <b>", "100", "Scrapy", "25.0", "None"]
    right = max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars)
    assert right < float(tree.attrib["width"])
    assert max(float(bar.attrib["y"]) for bar in bars) < float(tree.attrib["height"])
    assert "Scrapy 25.0" in tree.findtext(f"{space}desc", "")


def test_real_pages_are_the_same_everywhere() -> None:
    assert real_page(3) == real_page(3)
    assert real_page(3) != real_page(4)
    # The sum of this page; it changes only when the generator is changed, and then all figures do.
    assert hashlib.sha256(real_page(3)).hexdigest() == REAL_PAGE_3


def test_real_pages_have_the_weight_of_real_ones() -> None:
    numbers = range(0, COUNT, 15)
    pages = [real_page(number).decode() for number in numbers]
    mean = statistics.mean(map(len, pages))
    assert 0.7 * MEAN_BYTES < mean < 1.3 * MEAN_BYTES
    scripts = [sum(map(len, re.findall(r"<(?:script|style).*?</", page, re.DOTALL))) for page in pages]
    assert 0.15 < sum(scripts) / sum(map(len, pages)) < 0.4
    assert 200 < statistics.mean(page.count("<a ") for page in pages) < 400
    assert 1500 < statistics.mean(len(re.findall(r"<[a-z]", page)) for page in pages) < 3000
    for page in pages:
        data = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
        state = re.search(r'<script id="__STATE__" type="application/json">(.*?)</script>', page)
        assert data is not None
        assert state is not None
        assert json.loads(data[1])["@graph"]
        assert json.loads(state[1])["props"]["items"]
        for tag in ("div", "ul", "li", "section", "table", "a", "span", "p", "svg"):
            assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag


def test_tiny_pages_have_a_kibibyte() -> None:
    assert {len(corpus.tiny_page(number)) for number in (0, 9, 99, 499)} == {1024}


def test_documentation_is_found_where_it_is(tmp_path: Path) -> None:
    assert corpus.docs_folder(tmp_path) is None
    assert list(corpus.pages(DOCS, packages=tmp_path)) == []
    for version in ("python3.9", "python3.11"):
        folder = tmp_path / version / "html" / "library"
        folder.mkdir(parents=True)
        (folder.parent / "index.html").write_text(version)
        (folder / "all.html").write_bytes(b"x" * (corpus.MOST_DOCS_BYTES + 1))
        (folder / "empty.html").touch()
    assert corpus.docs_folder(tmp_path) == tmp_path / "python3.11" / "html"
    assert list(corpus.pages(DOCS, packages=tmp_path)) == [b"python3.11"]


def test_a_list_has_each_url_once_and_takes_hosts_in_turn(tmp_path: Path) -> None:
    laid = corpus.laid_out(TINY, tmp_path, most=7)
    assert laid is not None
    urls = laid.urls(8080, scale=0.05)
    assert len(urls) == len(set(urls)) == 1000
    asked = [url.split("/")[2] for url in urls]
    assert len(set(asked)) == 500
    assert asked[500:] == asked[:500]
    paths = {url.split("8080")[1].split("?")[0] for url in urls}
    assert {path.removeprefix("/") for path in paths} == {
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")
    }
    assert len(laid.urls(8080, scale=0.00001)) == 1


def test_a_kind_without_pages_is_not_laid_out(tmp_path: Path) -> None:
    assert corpus.laid_out(DOCS, tmp_path, packages=tmp_path / "none") is None


def test_all_hosts_are_loopback_addresses() -> None:
    names = corpus.hosts(500)
    assert len(set(names)) == 500
    assert all(re.fullmatch(r"127\.9\.[1-9]\.\d{1,3}", name) for name in names)
    assert corpus.hosts(50) == names[:50]


def test_the_server_listens_only_where_it_is_told(tmp_path: Path) -> None:
    text = web_server.config(tmp_path, addresses=["127.9.1.1", "127.9.1.2"], port=8080)
    assert re.findall(r"listen ([^ ;]+)", text) == ["127.9.1.1:8080", "127.9.1.2:8080"]
    assert text.count("{") == text.count("}")
    paths = re.findall(r"(?:pid|error_log|root|_path) ([^ ;]+)", text)
    assert len(paths) >= 8
    assert all(path.startswith(f"{tmp_path}/") for path in paths)


def test_its_robots_txt_closes_no_page_of_the_corpus() -> None:
    text = web_server.ROBOTS.replace("\\n", "\n")
    rules = RobotsRules.parse(text.encode(), token="scraper")  # noqa: S106 - the name in a user agent
    assert rules.judge("http://127.9.1.1/real/001.html?n=1").allowed
    assert not rules.judge("http://127.9.1.1/private/x").allowed


def test_without_nginx_it_says_how_to_have_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web_server, "_PLACES", ("/nowhere",))
    assert beside_peers.main(["--pages", "tiny", "--scale", "0.01", "--only", "ours"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == web_server.REMEDY


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def test_records_say_what_they_found(tmp_path: Path) -> None:
    records = [
        {"url": "http://a/", "status": 200, "title": "A", "headings": [{"level": 1, "text": "x"}]},
        {"url": "http://b/", "status": 200, "title": ""},
    ]
    said = checked(written(tmp_path / "out", records), ["http://a/", "http://b/"])
    assert said == {"http://a/": Essence("A", 1), "http://b/": Essence(None, 0)}
    assert differing(said, {"http://a/": Essence("A", 2), "http://c/": Essence(None, 0)}) == ["http://a/"]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([("http://a/", 200)], "1 records of 2 lines"),
        ([("http://a/", 200), ("http://b/", 404)], "http://b/ has the status 404"),
        ([("http://a/", 200), ("http://a/", 200)], "1 lines have no record, such as http://b/"),
        ([("http://a/", 200), ("http://b/", 200), ("http://c/", 200)], "3 records of 2 lines"),
    ],
)
def test_a_run_counts_only_with_a_record_for_each_line(
    tmp_path: Path, records: list[tuple[str, int]], why: str
) -> None:
    output = written(tmp_path / "out", [{"url": url, "status": status} for url, status in records])
    with pytest.raises(VoidError, match=re.escape(why)):
        checked(output, ["http://a/", "http://b/"])


@pytest.mark.parametrize("content", [None, b"", b'{"url":"http://a/"'])
def test_a_torn_or_missing_output_does_not_count(tmp_path: Path, content: bytes | None) -> None:
    output = tmp_path / "out"
    if content is not None:
        output.write_bytes(content)
    with pytest.raises(VoidError, match="not whole"):
        checked(output, ["http://a/"])


def test_programs_are_chosen_by_pattern() -> None:
    assert [one.key for one in chosen("scrapy, bare")] == ["bare", "scrapy"]
    ours = [one.key for one in chosen("ours*")]
    assert ours[0] == "ours"
    assert len(ours) == sum(one.key.startswith("ours") for one in CONTENDERS)
    with pytest.raises(ValueError, match="nobody is called 'curl'"):
        chosen("ours,curl")


def test_every_script_is_there_and_every_key_is_one() -> None:
    assert len({one.key for one in CONTENDERS}) == len({one.label for one in CONTENDERS}) == len(CONTENDERS)
    scripts = [Path(one.command[-1]) for one in CONTENDERS if one.command[-1].endswith(".py")]
    assert len(scripts) == 5
    assert all(script.exists() for script in scripts)
    ours = next(one for one in CONTENDERS if one.key == "ours-links")
    words = ours.words(Path("in.txt"), Path("out.jsonl"))
    assert words[-1] == "--links"
    assert words[words.index("--robots") + 1] == "obey"


def test_who_is_not_installed_is_left_out_with_a_line() -> None:
    there, remarks = beside_peers.present(chosen("bare,ours,scrapy"), {"scrapy": "2.19"})
    assert [one.key for one in there] == ["ours", "scrapy"]
    assert len(remarks) == 1
    assert "selectolax" in remarks[0]
    assert contenders.versions("/nowhere/python") == {}


@pytest.mark.parametrize(
    "words", [["--rounds", "0"], ["--scale", "0"], ["--only", "curl"], ["--pages", "large"]]
)
def test_wrong_options_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        beside_peers.arguments(words)
    assert words[0] in capsys.readouterr().err.splitlines()[-1]


def test_a_run_is_measured_with_its_children() -> None:
    busy = "import time\nheld = b'x' * 30_000_000\nwhile time.process_time() < 0.3: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    took = measuring.run((sys.executable, "-c", child))
    assert took.elapsed_s >= took.processor_s / 2 >= 0.15
    if Path("/proc/self/status").exists():
        assert took.peak_mib > 30


def test_a_program_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(FailedError, match="ended with 3: no such thing"):
        measuring.run(
            (
                sys.executable,
                "-c",
                "import sys; print('| no such thing\\n+---', file=sys.stderr); sys.exit(3)",
            )
        )
