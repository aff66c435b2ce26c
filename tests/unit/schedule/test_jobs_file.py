"""A file of jobs is good as a whole, or all that is wrong in it is told with line and name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from scraper.schedule.jobs_file import JobsFile, missing_sources, read_jobs

ROOT = Path(__file__).parents[3]
NO_ZONE = "no zone has that name; expected one such as UTC or Europe/Berlin"
GOOD = '[job.a]\nsources = "https://a.example/"\nschedule = "@daily"\n'


def read(folder: Path, text: str, **environment: str) -> JobsFile:
    path = folder / "jobs.toml"
    path.write_text(text, encoding="utf-8")
    return read_jobs(path, environment=environment)


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    return [line.replace(f"{folder}/", "") for line in read(folder, text, **environment).problems]


def test_the_example_is_good_and_says_all_there_is() -> None:
    found = read_jobs(ROOT / "config" / "jobs.toml")
    assert found.problems == ()
    (job,) = found.jobs
    assert (job.name, job.zone, job.jitter, job.deadline) == (
        "example",
        "Europe/Berlin",
        timedelta(minutes=10),
        timedelta(hours=2),
    )
    assert job.settings.politeness.delay_s == 1.0
    text = (ROOT / "config" / "jobs.toml").read_text(encoding="utf-8")
    assert all(
        f"{name} = " in text for name in job.__struct_fields__ if name not in {"name", "settings", "notify"}
    )


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (job,) = read(tmp_path, GOOD).jobs
    assert job.sources == ("https://a.example/",)
    assert (job.output, job.zone, job.keep, job.unfinished) == (Path("output/a"), "UTC", 30, "resume")


def test_the_environment_stands_above_a_jobs_settings(tmp_path: Path) -> None:
    text = f"{GOOD}[job.a.settings.fetch]\nread_s = 3\ntotal_s = 4\n"
    (job,) = read(tmp_path, text, SCRAPER_FETCH_READ_S="5").jobs
    assert (job.settings.fetch.read_s, job.settings.fetch.total_s) == (5.0, 4.0)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = """\
title = "mine"

[job.a]
sources = []
schedule = "61 * * * *"
zone = "Europe/Berlim"
jitter = 5
deadline = "0s"
outputs = "x"
[job.a.settings.fetch]
totl_s = 3
total_s = "x"

[job."b c"]
[job.c]
schedule = \"""
0 0 30 2 *\"""
sources = ["-"]
keep = true
alarm_after = -1
formats = [".xlsx"]
unfinished = "forget"
fetch.read_s = 3
[job.d]
"""
    assert problems(tmp_path, text) == [
        'jobs.toml:1: unknown table "title"; jobs are [job.NAME]',
        "jobs.toml:4: job.a: sources = []: expected a list of paths and URLs",
        'jobs.toml:5: job.a: schedule = "61 * * * *": minute: 61 is not from 0 to 59',
        f'jobs.toml:6: job.a: zone = "Europe/Berlim": {NO_ZONE}',
        'jobs.toml:7: job.a: jitter = 5: write the unit too: "5s"',
        'jobs.toml:8: job.a: deadline = "0s": no run would ever end in time',
        'jobs.toml:9: job.a: unknown key "outputs"; did you mean output?',
        "unknown setting fetch.totl_s (jobs.toml:11 job.a.settings); did you mean fetch.total_s?",
        'fetch.total_s = "x" (jobs.toml:12 job.a.settings): expected a number above 0 (seconds)',
        'jobs.toml:14: job name "b c": up to 64 letters, digits, - and _',
        'jobs.toml:16: job.c: schedule = "0 0 30 2 *": that day of the month never comes',
        'jobs.toml:18: job.c: sources = ["-"]: a daemon has no standard input; name a file',
        "jobs.toml:19: job.c: keep = true: expected an integer from 1 to 100000",
        "jobs.toml:20: job.c: alarm_after = -1: expected an integer from 0 to 1000",
        (
            'jobs.toml:21: job.c: formats = [".xlsx"]: '
            "expected a list of .json, .csv, .parquet, .sqlite, .warc.gz"
        ),
        'jobs.toml:22: job.c: unfinished = "forget": expected resume or abandon',
        'jobs.toml:23: job.c: unknown key "fetch"; settings stand in [job.NAME.settings.fetch]',
        "jobs.toml:24: job.d: sources is missing",
        "jobs.toml:24: job.d: schedule is missing",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no job"),
        ("job = 1", "no job"),
        ("[job]\na = 1", "job.a is a table, not a value"),
        ("[job.a", "not TOML"),
        (f"{GOOD}settings = 3", "job.a: settings is a table"),
        (f"{GOOD}jitter = '1d'", "jitter = 1d: it is to be shorter than what lies between two due times, "),
        (f"{GOOD}jitter = '6'", "write the unit too"),
        (f"{GOOD}formats = ['.csv', '.csv']", "one is named twice"),
        (f"{GOOD}output = 'x'\n{GOOD.replace('job.a', 'job.b')}output = './x'", "job.a has that folder"),
        (f"{GOOD}output = 'x'\n{GOOD.replace('job.a', 'job.b')}output = 'x/y'", "job.a has that folder"),
        (f"{GOOD}[[job.a.notify]]\ncommand = ['no-such-program']", "there is no program 'no-such-program'"),
        (f"{GOOD}[[job.a.notify]]\nwebhook = 'env:NONE'", "the environment variable NONE is not set"),
        (f"{GOOD}[[job.a.notify]]\nweb = 1", "unknown key"),
    ],
)
def test_what_is_wrong_is_told(text: str, problem: str, tmp_path: Path) -> None:
    (told,) = problems(tmp_path, text)
    assert problem in told


def test_an_unknown_variable_is_one_problem_however_many_jobs_there_are(tmp_path: Path) -> None:
    text = GOOD + GOOD.replace("job.a", "job.b")
    (told,) = problems(tmp_path, text, SCRAPER_FETCH_TOTL_S="1")
    assert "unknown environment variable SCRAPER_FETCH_TOTL_S" in told


def test_no_secret_of_the_file_is_told(tmp_path: Path) -> None:
    text = f"""\
{GOOD}keep = "https://ann:hunter2@a.example/"
sources = 3
[job.a.settings.fetch]
proxy = "ftp://ann:hunter2@a.example"
headers = {{ Authorization = 3 }}
[[job.a.notify]]
webhook_secret = "hunter2"
webhook = "https://a.example/hunter2"
""".replace('sources = "https://a.example/"\n', "")
    told = problems(tmp_path, text)
    assert len(told) == 5
    assert "hunter2" not in "\n".join(told)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (told,) = read_jobs(tmp_path / "jobs.toml").problems
    problem, _, remedy = told.partition("; ")
    assert problem == f"{tmp_path}/jobs.toml: can't read the jobs: No such file or directory"
    assert remedy.startswith("name yours with --config, or write [job.NAME]")


def test_a_list_that_is_not_there_is_no_problem_of_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD.replace("https://a.example/", "no-such.txt"))
    assert found.problems == ()
    (told,) = missing_sources(found.jobs)
    assert told.startswith("job.a: sources: no such file: 'no-such.txt'")


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ("shards = 2", None),
        ("shards = 2\nworkers = 1", None),
        (
            'engine = "dask"',
            "cluster.engine and cluster.scheduler run the parts of a list: add cluster.shards",
        ),
        ('shards = 2\nscheduler = "tcp://127.0.0.1:1"', "add --engine dask"),
        ('shards = 2\nengine = "dask"\nscheduler = "somewhere"', "is no address: write tcp://host:8786"),
        ("shards = 9999", "cluster.shards"),
    ],
)
def test_a_job_may_be_run_in_parts(tmp_path: Path, cluster: str, said: str | None) -> None:
    text = '[job.a]\nsources = ["x.txt"]\nschedule = "@daily"\n[job.a.settings.cluster]\n'
    found = problems(tmp_path, text + cluster)
    assert [(said or "") in problem for problem in found] == ([] if said is None else [True])
