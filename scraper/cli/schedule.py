"""``scraper schedule``: jobs that run by themselves, and what has come of them."""

from __future__ import annotations

import functools
import os
import shlex
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from scraper.cli.exits import Exit
from scraper.cli.main import one_line
from scraper.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scraper.dashboard.access import Access
    from scraper.schedule.daemon import Daemon
    from scraper.schedule.job import Job

DEFAULT_JOBS: Final = Path("config", "jobs.toml")

config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_JOBS,
    show_default=True,
    metavar="TOML",
    help="The file of jobs.",
)
format_option: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or one JSON object a line.",
)


@click.group()
def schedule() -> None:
    """Scrape again and again: jobs of a file, a daemon that runs them, and their history.

    \b
      scraper config check config/jobs.toml
      scraper schedule run
      scraper schedule list
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled


@schedule.command()
@config_option
@click.option(
    "--web",
    metavar="ADDRESS",
    help="Serve the dashboard there: 127.0.0.1:8600. An address that others can reach needs a token in"
    " SCRAPER_WEB_TOKEN.",
)
@click.option(
    "--web-name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A host name by which the dashboard is reached, behind a proxy; may repeat.",
)
def run(*, config: Path, web: str | None, names: tuple[str, ...]) -> Exit:
    """Run the jobs when they are due, until a signal ends it.

    SIGTERM or SIGINT drains the runs that go on, which the next start goes on with; a second one gives up
    what they are at. SIGHUP, or a change of the file, reads the jobs again; a bad file changes nothing.
    What happens is told on standard error, a line each.
    """
    from scraper import loop  # noqa: PLC0415 - help needs none of it
    from scraper.cli.open_files import allow_many_open_files  # noqa: PLC0415 - the same

    if sys.platform == "win32":
        raise UsageError("`scraper schedule run` needs Linux, macOS or another POSIX system")
    allow_many_open_files()  # also for the processes of the runs
    if web is None and names:
        raise UsageError("--web-name says how the dashboard is called: give --web too")
    access = None
    if web is not None:
        from scraper.dashboard.access import access_of  # noqa: PLC0415 - few ask for it

        access = access_of(web, os.environ, names)
    loop.run(_run(config, access))
    return Exit.COMPLETE


async def _run(config: Path, access: Access | None) -> None:
    from scraper.cli.signals import signals_stop  # noqa: PLC0415 - as above
    from scraper.clock import SystemClock  # noqa: PLC0415 - the same
    from scraper.notify.outbox import Outbox  # noqa: PLC0415 - the same
    from scraper.schedule.daemon import Daemon  # noqa: PLC0415 - the same
    from scraper.schedule.notices import Notices  # noqa: PLC0415 - the same
    from scraper.schedule.sd_notify import ServiceManager  # noqa: PLC0415 - the same

    clock = SystemClock()
    say = functools.partial(_say, clock.utc)
    async with Outbox.open({}, environment=os.environ, clock=clock, log=say) as outbox:
        daemon = Daemon(
            config,
            clock=clock,
            say=say,
            service=ServiceManager(),
            environment=os.environ,
            listener=Notices(outbox, clock=clock),
        )
        with signals_stop(daemon), _reloads(daemon):
            if access is None:
                await daemon.attend()
            else:
                await _attend_with_dashboard(daemon, access, say)


async def _attend_with_dashboard(daemon: Daemon, access: Access, say: Callable[[str], None]) -> None:
    from scraper.dashboard.kept_pages import KeptPages  # noqa: PLC0415 - as above
    from scraper.dashboard.server import dashboard  # noqa: PLC0415 - the same

    async with dashboard(daemon, KeptPages(), access) as url:
        say(f"dashboard: {url}")
        await daemon.attend()


def _say(now: Callable[[], datetime], text: str) -> None:
    """Write a line of the log. Where it goes may be full, or gone: no job stops for that."""
    try:
        print(f"{now():%Y-%m-%dT%H:%M:%SZ} {one_line(text)}", file=sys.stderr, flush=True)  # noqa: T201 - the log
    except (OSError, ValueError):
        return


class _reloads:  # noqa: N801 - a context manager that is used as a function
    """Let SIGHUP have the jobs read again while the block lasts."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def __enter__(self) -> None:
        import asyncio  # noqa: PLC0415 - help needs none of it

        self._loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            self._loop.add_signal_handler(signal.SIGHUP, self._daemon.reload)

    def __exit__(self, *_: object) -> None:
        if hasattr(signal, "SIGHUP"):
            self._loop.remove_signal_handler(signal.SIGHUP)


@schedule.command("list")
@config_option
@format_option
def list_jobs(*, config: Path, form: str) -> None:
    """Show the jobs: how each stands, its last run and when it is due next."""
    from scraper.schedule.overview import job_rows  # noqa: PLC0415 - as above

    rows = job_rows(_jobs(config), now=datetime.now(UTC))
    if form == "json":
        _echo_json(rows)
        return
    table = [("job", "state", "schedule", "zone", "last run", "began", "next due")]
    for row in rows:
        last = row.recent[0] if row.recent else None
        table.append(
            (
                row.name,
                f"{row.state}, silent" if row.silent_since else row.state.value,
                row.schedule,
                row.zone,
                last.state.value if last else "-",
                _moment(last.started or last.due) if last else "-",
                _moment(row.next_due),
            )
        )
    _echo_table(table)
    for row in rows:
        if row.problem:
            click.echo(one_line(f"{row.name}: {row.problem}"), err=True)


@schedule.command("next")
@click.argument("names", nargs=-1, metavar="[JOB]...")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="So many of each.")
@config_option
@format_option
def next_due(*, names: tuple[str, ...], count: int, config: Path, form: str) -> None:
    """Show when jobs are due next, in their zone and in UTC.

    The jitter is in it: a run begins at the time that is shown last.
    """
    from scraper.schedule.overview import due_times, job_rows  # noqa: PLC0415 - as above

    jobs, now = _chosen(config, names), datetime.now(UTC)
    times = [time for job in jobs for time in due_times(job, now, count)]
    if form == "json":
        _echo_json(times)
        return
    rows = [("job", "due there", "due", "begins")]
    for time in times:
        there = f"{time.there:%a %Y-%m-%d %H:%M:%S %z}"
        rows.append((time.job, there, _moment(time.due), _moment(time.begins)))
    _echo_table(rows)
    for job in job_rows(jobs, now=now):
        if job.next_due is None:
            told = f"{job.name}: is paused; none of these begins before `{_resuming(job.name, config)}`"
            click.echo(told, err=True)


@schedule.command()
@click.argument("name", metavar="JOB")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The latest so many."
)
@config_option
@format_option
def history(*, name: str, limit: int, config: Path, form: str) -> None:
    """Show what has become of a job's runs, the newest first: also those that were skipped or missed."""
    from scraper.schedule.durations import shown_duration  # noqa: PLC0415 - as above
    from scraper.schedule.overview import runs_of  # noqa: PLC0415 - the same

    (job,) = _chosen(config, (name,))
    rows = runs_of(job, limit)
    if form == "json":
        _echo_json(rows)
        return
    table = [("run", "cause", "state", "late", "missed", "took", "lines", "failed", "files or error")]
    for row in rows:
        took = shown_duration(row.ended - row.started) if row.ended and row.started else "-"
        table.append(
            (
                row.id,
                row.cause.value,
                row.state.value,
                shown_duration(row.late_s),
                str(row.missed),
                took,
                str(row.lines),
                str(row.failed),
                row.error or (str(row.folder) if row.folder else "removed"),
            )
        )
    _echo_table(table)


@schedule.command()
@click.argument("name", metavar="JOB")
@config_option
def trigger(*, name: str, config: Path) -> None:
    """Have the daemon begin a run of a job now."""
    from scraper.schedule.control_socket import Asked, ask  # noqa: PLC0415 - as above

    (job,) = _chosen(config, (name,))
    answer = ask(job.output, Asked(do="trigger", job=name)) if job.output.is_dir() else None
    if answer is None:
        raise UsageError(
            f"no daemon runs the jobs of {config}: begin one with `scraper schedule run --config {config}`"
        )
    if answer.error:
        raise UsageError(answer.error)
    if answer.run is not None:
        click.echo(answer.run.id)


@schedule.command()
@click.argument("name", metavar="JOB")
@config_option
def pause(*, name: str, config: Path) -> None:
    """Begin no more runs of a job until it is resumed; one that goes on is not stopped."""
    _set_paused(config, name, is_paused=True)


@schedule.command()
@click.argument("name", metavar="JOB")
@config_option
def resume(*, name: str, config: Path) -> None:
    """Begin the runs of a paused job again; what was due meanwhile is not made up for."""
    _set_paused(config, name, is_paused=False)


def _set_paused(config: Path, name: str, *, is_paused: bool) -> None:
    from scraper.schedule.overview import due_times, set_paused  # noqa: PLC0415 - as above

    (job,) = _chosen(config, (name,))
    set_paused(job, is_paused=is_paused, now=datetime.now(UTC))
    if is_paused:
        told = f"is paused: none of its runs begins before `{_resuming(name, config)}`"
    else:
        due = due_times(job, datetime.now(UTC), 1)
        told = f"is resumed, and due next {_moment(due[0].due if due else None)}"
    click.echo(f"{name}: {told}", err=True)


def _resuming(name: str, config: Path) -> str:
    own = ["--config", str(config)] if config != DEFAULT_JOBS else []
    return shlex.join(["scraper", "schedule", "resume", name, *own])


@schedule.command()
@config_option
def health(*, config: Path) -> Exit:
    """Say whether a daemon runs the jobs and none is silent; the exit code is 1 if not.

    For health checks of containers and monitoring.
    """
    from scraper.schedule.control_socket import Asked, ask  # noqa: PLC0415 - as above

    jobs, ill = _jobs(config), None
    for job in jobs:
        try:
            answer = ask(job.output, Asked(do="health", job=job.name)) if job.output.is_dir() else None
        except UsageError as error:
            ill = str(error)
            continue
        ill = "no daemon runs them" if answer is None else answer.error
        if answer is not None:
            break
    click.echo(one_line(f"{config}: {ill or 'healthy'}"))
    return Exit.BROKEN if ill else Exit.COMPLETE


@schedule.command("notify-test")
@click.argument("name", metavar="JOB")
@config_option
def notify_test(*, name: str, config: Path) -> Exit:
    """Send a test message to everyone who is told of a job, each once; the exit code is 1 if one fails.

    No daemon is needed. The secrets are looked for in this command's environment.
    """
    from scraper import loop  # noqa: PLC0415 - as above
    from scraper.clock import SystemClock  # noqa: PLC0415 - the same
    from scraper.notify.targets import send_test  # noqa: PLC0415 - the same

    (job,) = _chosen(config, (name,))
    if not job.notify:
        raise UsageError(f"nobody is told of {name}: write [[job.{name}.notify]]")
    sent = loop.run(send_test(name, job.notify, environment=os.environ, clock=SystemClock()))
    for one in sent:
        click.echo(one_line(f"{one.target}: {f'not delivered: {one.error}' if one.error else 'delivered'}"))
    return Exit.BROKEN if any(one.error for one in sent) else Exit.COMPLETE


def _jobs(config: Path) -> Sequence[Job]:
    from scraper.schedule.jobs_file import read_jobs  # noqa: PLC0415 - as above

    found = read_jobs(config)  # the daemon's environment may well be another than ours
    for problem in found.problems[1:]:
        click.echo(one_line(problem), err=True)
    if found.problems:
        raise UsageError(found.problems[0])
    return found.jobs


def _chosen(config: Path, names: Sequence[str]) -> list[Job]:
    jobs = {job.name: job for job in _jobs(config)}
    for name in names:
        if name not in jobs:
            raise UsageError(f"no job is called {name!r}; {config} has {', '.join(jobs)}")
    return [jobs[name] for name in names] or list(jobs.values())


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if moment else "-"


def _echo_json(rows: Sequence[Any]) -> None:
    import msgspec  # noqa: PLC0415 - as above

    for row in rows:
        click.echo(msgspec.json.encode(row, enc_hook=str).decode())


def _echo_table(rows: Sequence[Sequence[str]]) -> None:
    from scraper.observe.printable import printable  # noqa: PLC0415 - as above

    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for number, row in enumerate(shown):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(line if number else click.style(line, bold=True))
