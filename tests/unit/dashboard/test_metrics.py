from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from scraper.dashboard.metrics import Metrics
from scraper.schedule.model import RunState
from tests.support.fake_daemon import FakeDaemon, run, sample, sample_live

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def daemon(tmp_path: Path) -> FakeDaemon:
    return sample(NOW, tmp_path)[0]


def figures(metrics: Metrics) -> dict[str, float]:
    """By name with labels, as they stand in the text."""
    text = metrics.page()[0].decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}"] = one.value
    return found


def test_it_says_how_jobs_and_queues_stand(daemon: FakeDaemon) -> None:
    told = figures(Metrics(daemon))
    assert told["scraper_job_late_seconds{job=shop}"] == 2.4
    assert told["scraper_job_running{job=news}"] == 1
    assert told["scraper_job_paused{job=docs-of-a-very-long-name-indeed}"] == 1
    assert told["scraper_job_silent{job=docs-of-a-very-long-name-indeed}"] == 1
    assert told["scraper_job_silent{job=shop}"] == 0
    newest = next(job for job in daemon.jobs() if job.name == "shop").recent[0]
    assert newest.ended
    success = "scraper_job_last_success_timestamp_seconds{job=shop}"
    assert told[success] == newest.ended.timestamp()
    assert "scraper_job_last_success_timestamp_seconds{job=fresh}" not in told
    assert told["scraper_run_urls_waiting{job=news}"] == 1180 - 431
    assert told["scraper_run_hosts_held{job=news}"] == 3
    assert told["scraper_run_hosts_backed_off{job=news}"] == 1
    assert told["scraper_answer_seconds_bucket{job=news,le=0.1}"] == 220
    assert told["scraper_answer_seconds_count{job=news}"] == 431
    assert told["scraper_answer_seconds_sum{job=news}"] == 160.5


def test_what_had_ended_before_is_not_counted(daemon: FakeDaemon) -> None:
    told = figures(Metrics(daemon))
    assert "scraper_records_total{job=shop,outcome=ok}" not in told
    assert told["scraper_records_total{job=news,outcome=timeout}"] == 9


def test_counters_never_go_back_and_take_each_run_once(daemon: FakeDaemon) -> None:
    metrics = Metrics(daemon)
    name = "scraper_records_total{job=news,outcome=ok}"
    seen = [figures(metrics)[name]]
    row = next(job for job in daemon.jobs() if job.name == "news").recent[0]
    daemon.show(sample_live(NOW, row, done=700), "news")
    seen.append(figures(metrics)[name])
    took = (900, *[10] * 9)
    daemon.put(msgspec.structs.replace(row, outcomes={"ok": 1000}, took=took, took_s=200.0))
    daemon.end("news")
    seen += [figures(metrics)[name] for _ in range(2)]
    assert seen == [388, 657, 1000, 1000]
    assert figures(metrics)["scraper_runs_total{job=news,state=complete}"] == 1
    # A run that began and ended between two questions.
    daemon.put(run("news", NOW, outcomes={"ok": 5}))
    told = figures(metrics)
    assert told[name] == 1005
    assert told["scraper_runs_total{job=news,state=complete}"] == 2
    assert told["scraper_answer_seconds_count{job=news}"] == 990
    assert told["scraper_answer_seconds_sum{job=news}"] == 200.0


def test_a_job_that_is_gone_is_forgotten(daemon: FakeDaemon) -> None:
    metrics = Metrics(daemon)
    del daemon._jobs["news"]
    assert not [name for name in figures(metrics) if "job=news" in name]


def test_names_are_as_prometheus_has_them(daemon: FakeDaemon) -> None:
    daemon.put(run("shop", NOW, state=RunState.FAILED))
    for name in figures(Metrics(daemon)):
        assert re.fullmatch(r"scraper_[a-z_]+\{.*\}", name)
