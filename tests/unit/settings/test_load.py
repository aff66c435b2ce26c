"""The layers, their order, and what is said of a name or a value that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import SettingsError
from scraper.settings.load import Given, load, problems_in
from scraper.settings.model import Settings
from scraper.settings.options import options

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str, *, encoding: str = "utf-8") -> Path:
        path = tmp_path / "x.toml"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def refused(**layers: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**layers)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_layers_the_defaults_hold() -> None:
    loaded = load()
    assert loaded.settings == Settings()
    assert loaded.origins == dict.fromkeys(options(), "default")


def test_a_higher_layer_wins_and_is_the_origin(write: Any) -> None:
    path = write("[fetch]\ntotal_s = 1\nread_s = 1\nconnect_s = 1\ndns_s = 1\n")
    loaded = load(
        path,
        environment={f"SCRAPER_FETCH_{name}_S": "2" for name in ("TOTAL", "READ", "CONNECT")},
        assignments=["fetch.total_s=3", "fetch.read_s=3"],
        flags=[Given("fetch.total_s", "4", "--timeout", text=True)],
    )
    fetch = loaded.settings.fetch
    assert (fetch.dns_s, fetch.connect_s, fetch.read_s, fetch.total_s) == (1.0, 2.0, 3.0, 4.0)
    assert {name: origin for name, origin in loaded.origins.items() if origin != "default"} == {
        "fetch.dns_s": str(path),
        "fetch.connect_s": "environment SCRAPER_FETCH_CONNECT_S",
        "fetch.read_s": "--set",
        "fetch.total_s": "--timeout",
    }


def test_of_the_same_name_the_last_assignment_counts() -> None:
    assert load(assignments=["run.workers=3", "run.workers=4"]).settings.run.workers == 4


def test_the_file_can_be_named_by_the_environment(write: Any, tmp_path: Path) -> None:
    environment = {"SCRAPER_CONFIG": str(write("[run]\nworkers = 3"))}
    assert load(environment=environment).settings.run.workers == 3
    other = tmp_path / "other.toml"
    other.write_text("[run]\nworkers = 4")
    assert load(other, environment=environment).settings.run.workers == 4


def test_a_file_that_merely_lies_there_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scraper.toml").write_text("[run]\nworkers = 3")
    monkeypatch.chdir(tmp_path)
    assert load(environment={}).settings == Settings()


def test_headers_of_a_flag_come_on_top_of_those_below(write: Any) -> None:
    path = write('[fetch.headers]\nAccept = "a/b"\nCookie = "x"\n')
    loaded = load(path, flags=[Given("fetch.headers", "COOKIE: y", "--header", text=True, adds=True)])
    assert loaded.settings.fetch.headers == {"Accept": "a/b", "COOKIE": "y"}
    assert loaded.origins["fetch.headers"] == f"{path}, --header"


def test_headers_of_the_environment_replace_those_of_a_file(write: Any) -> None:
    path = write('[fetch.headers]\nAccept = "a/b"\n')
    loaded = load(path, environment={"SCRAPER_FETCH_HEADERS": "X-A: 1"})
    assert loaded.settings.fetch.headers == {"X-A": "1"}
    assert loaded.origins["fetch.headers"] == "environment SCRAPER_FETCH_HEADERS"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            {"SCRAPER_FETCH_TOTL_S": "1"},
            "unknown environment variable SCRAPER_FETCH_TOTL_S; did you mean SCRAPER_FETCH_TOTAL_S?",
        ),
        (
            {"SCRAPER_CONFG": "1"},
            "unknown environment variable SCRAPER_CONFG; did you mean SCRAPER_CONFIG?",
        ),
        (
            {"SCRAPER_ZZ": "1"},
            "unknown environment variable SCRAPER_ZZ; the names are SCRAPER_<SECTION>_<NAME>; unset this one",
        ),
        (
            {"SCRAPER_RUN_WORKERS": "x"},
            'run.workers = "x" (environment SCRAPER_RUN_WORKERS): expected an integer from 1 to 10000',
        ),
    ],
)
def test_a_wrong_variable_is_named_with_the_remedy(environment: dict[str, str], told: str) -> None:
    assert refused(environment=environment) == told


@pytest.mark.parametrize(
    "variable",
    [
        "_SCRAPER_COMPLETE",
        "SCRAPER_PORT",
        "SCRAPER_PORT_80_TCP",
        "SCRAPER_SERVICE_HOST",
        "SCRAPERS_X",
        "PATH",
    ],
)
def test_variables_of_others_are_none_of_ours(variable: str) -> None:
    assert load(environment={variable: "1"}).settings == Settings()


def test_an_empty_variable_is_not_set() -> None:
    assert load(environment={"SCRAPER_FETCH_TOTAL_S": "", "SCRAPER_CONFIG": ""}).settings == Settings()


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("fetch.totl_s=1", "unknown setting fetch.totl_s (--set); did you mean fetch.total_s?"),
        ("workers=1", "unknown setting workers (--set); did you mean run.workers?"),
        ("fetch.workers=1", "unknown setting fetch.workers (--set); did you mean run.workers?"),
        ("x\ny=1", 'unknown setting "x\\ny" (--set); `scraper config show` lists all'),
        ("run.workers", "--set takes section.name=value, such as --set fetch.total_s=30"),
        ("=1", "--set takes section.name=value, such as --set fetch.total_s=30"),
    ],
)
def test_a_wrong_assignment_is_named_with_the_remedy(assignment: str, told: str) -> None:
    assert refused(assignments=[assignment]) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[fetc]\nx = 1", "unknown section [fetc] (FILE); did you mean fetch?"),
        ("workers = 1", "unknown setting workers (FILE); did you mean run.workers?"),
        ("fetch = 1", "fetch (FILE) is a section, not a value; write [fetch]"),
        (
            "[fetch]\ntotal_s = 2026-01-31",
            "fetch.total_s = 2026-01-31 (FILE): expected a number above 0 (seconds)",
        ),
        ('[fetch]\ntotal_s = "1"', 'fetch.total_s = "1" (FILE): expected a number above 0 (seconds)'),
        ("[fetch", "FILE: not TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("x = " + "[" * 9999, "FILE: not TOML: "),
    ],
)
def test_a_wrong_file_is_named_with_the_remedy(write: Any, text: str, told: str) -> None:
    path = write(text)
    assert refused(config=path).replace(str(path), "FILE").startswith(told)


def test_a_file_that_is_not_text_is_refused(write: Any) -> None:
    path = write("# ä", encoding="latin-1")
    assert refused(config=path) == f"{path}: not UTF-8 at byte 2; save it as UTF-8"


def test_a_byte_order_mark_is_no_mistake(write: Any) -> None:
    assert load(write("[run]\nworkers = 3", encoding="utf-8-sig")).settings.run.workers == 3


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file or directory" in refused(config=tmp_path / "none.toml")
    assert "Is a directory" in refused(config=tmp_path)


def test_all_problems_of_a_file_are_found(write: Any) -> None:
    path = write("workers = 1\n[fetc]\nx = 1\n[fetch]\ntotal_s = -1\nheadrs = {}\n[run]\nworkers = 2\n")
    assert [problem.split(" (")[0] for problem in problems_in(path)] == [
        "unknown setting workers",
        "unknown section [fetc]",
        "fetch.total_s = -1",
        "unknown setting fetch.headrs",
    ]


def test_a_good_file_has_no_problems(write: Any) -> None:
    assert problems_in(write("[run]\nworkers = 2\n")) == []


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    (problem,) = problems_in(tmp_path / "none.toml")
    assert "No such file or directory" in problem


def test_every_setting_has_a_variable_of_its_own() -> None:
    variables = [option.variable for option in options().values()]
    assert len(set(variables)) == len(variables) == len(options())
