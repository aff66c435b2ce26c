"""Every metric that the dashboard tells Prometheus of, and what it means: what ``/metrics`` is made by.

A counter begins at 0 when the dashboard does, which Prometheus expects of a program that begins anew.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

_JOB: Final = ("job",)


class Metric(NamedTuple):
    """One metric."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    """As Prometheus has it; its unit, if it has one, ends it."""
    labels: tuple[str, ...]
    meaning: str
    told_of: str = "all"
    """Which jobs have it."""


METRICS: Final = (
    Metric("counter", "scraper_records_total", ("job", "outcome"), "Records written."),
    Metric("counter", "scraper_runs_total", ("job", "state"), "Runs that ended, skipped ones too, by how."),
    Metric("histogram", "scraper_answer_seconds", _JOB, "How long answers took, to the last byte."),
    Metric(
        "gauge",
        "scraper_job_late_seconds",
        _JOB,
        "How late the last run began.",
        "those that have begun a run",
    ),
    Metric(
        "gauge",
        "scraper_job_last_success_timestamp_seconds",
        _JOB,
        "When a run last was complete, as a Unix time.",
        "those with a complete run among the last thirty",
    ),
    Metric(
        "gauge",
        "scraper_job_next_due_timestamp_seconds",
        _JOB,
        "When the next run is due, as a Unix time.",
        "those that are not paused",
    ),
    Metric("gauge", "scraper_job_silent", _JOB, "1 when it has not succeeded for too long, else 0."),
    Metric("gauge", "scraper_job_paused", _JOB, "1 when it is paused, else 0."),
    Metric("gauge", "scraper_job_running", _JOB, "1 while a run goes on, else 0."),
    Metric(
        "gauge",
        "scraper_run_urls_waiting",
        _JOB,
        "URLs that the run has not finished.",
        "those whose run goes on",
    ),
    Metric(
        "gauge", "scraper_run_pages_per_second", _JOB, "Pages a second, of late.", "those whose run goes on"
    ),
    Metric(
        "gauge",
        "scraper_run_hosts_ready",
        _JOB,
        "Hosts that may be asked now and have URLs.",
        "those whose run goes on",
    ),
    Metric("gauge", "scraper_run_hosts_held", _JOB, "Hosts that have to wait.", "those whose run goes on"),
    Metric(
        "gauge",
        "scraper_run_hosts_backed_off",
        _JOB,
        "Of the fifty busiest hosts, those that are left alone.",
        "those whose run goes on",
    ),
)
