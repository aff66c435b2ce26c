"""What ``scraper --help`` and ``--version`` say: the list of commands, as plain text.

Nothing is loaded for it. click alone takes three to four times as long to import as Python to start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from scraper import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


class Subcommand(NamedTuple):
    """Where a subcommand is, and what the list of commands says of it."""

    target: str
    """``module:attribute``."""
    summary: str


SUBCOMMANDS: Final = {
    "crawl": Subcommand("scraper.cli.crawl:crawl", "Fetch every URL of a list: one JSON record a line."),
    "plan": Subcommand("scraper.cli.plan:plan", "Say what a crawl would be, before it is begun."),
    "retry": Subcommand("scraper.cli.retry:retry", "Ask again for what failed, and put that into the run."),
    "extract": Subcommand("scraper.cli.extract:extract", "Make records of archives (WARC) or saved pages."),
    "show": Subcommand("scraper.cli.show:show", "Show the records of a run as a table."),
    "diff": Subcommand("scraper.cli.diff:diff", "Say what has changed between two runs."),
    "compare": Subcommand("scraper.cli.compare:compare", "Time one page at a time against many at once."),
    "demo": Subcommand("scraper.cli.demo:demo", "Serve a sample site on this machine and crawl it."),
    "export": Subcommand("scraper.cli.export:export", "Write a run's records in other formats."),
    "report": Subcommand("scraper.cli.report:report", "Make one HTML page of a run."),
    "schedule": Subcommand(
        "scraper.cli.schedule:schedule", "Run jobs again and again, and say what came of it."
    ),
    "config": Subcommand("scraper.cli.config:config", "Show the settings, or check a settings file."),
    "schema": Subcommand("scraper.cli.schema:schema", "Print the JSON Schema of a record."),
}
_ABOVE_COMMANDS: Final = """\
Usage: scraper [OPTIONS] COMMAND [ARGS]...

  Page metadata for a list of URLs: one typed record a line, politely, and
  also over kill -9.

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
"""


def answer(arguments: Sequence[str]) -> str | None:
    """Return what is printed for a command line that only asks for help or version, else ``None``."""
    match arguments:
        case ["--version"]:
            return f"scraper {__version__}"
        case [("-h" | "--help")]:
            return overview()
    return None


def overview() -> str:
    """Return the program's help, as click would write it for a terminal of 80 columns."""
    lines = (f"  {name:<9} {subcommand.summary}" for name, subcommand in SUBCOMMANDS.items())
    return _ABOVE_COMMANDS + "\n".join(lines)
