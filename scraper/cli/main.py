"""The command ``scraper``: which subcommands there are, and how errors become exit codes.

A subcommand's module is imported when it is called, not before, so that shell completion answers at once:
only click is loaded for it. For ``scraper --help`` and ``--version`` alone not even that is
(``scraper.cli.overview``).
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from scraper import __version__
from scraper.cli.exits import Exit
from scraper.cli.overview import SUBCOMMANDS, Subcommand, overview
from scraper.errors import RunError, ScraperError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class LazyGroup(click.Group):
    """A group that lists its commands from a table and imports the one that is called."""

    def __init__(self, *, subcommands: dict[str, Subcommand], **attributes: object) -> None:
        # The commands here stand in for the real ones wherever only name and summary matter: in the
        # help, in completion, in "did you mean".
        stand_ins = {name: click.Command(name, short_help=sub.summary) for name, sub in subcommands.items()}
        super().__init__(commands=stand_ins, **attributes)  # type: ignore[arg-type]  # click's own keywords
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the table's order: the most used first."""
        return list(self._subcommands)

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 - click's signature
        """Return what is also said where click is not loaded."""
        return overview()

    def invoke(self, ctx: click.Context) -> object:
        """Carry a command out; see ``click.Group.invoke``.

        A reader that has gone is seen to here: click would make an exit code of its own of it.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return reader_left()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, and import it.

        Raises:
            click.UsageError: There is none by that name.
        """
        if args[0] not in self._subcommands and _may_be_source(args[0]):
            raise click.UsageError(
                f"{args[0]!r} is no command: `scraper crawl {args[0]}` crawls it.", ctx=ctx
            )
        name, command, rest = super().resolve_command(ctx, args)
        if name in self._subcommands:
            module, _, attribute = self._subcommands[name].target.partition(":")
            command = getattr(importlib.import_module(module), attribute)
        return name, command, rest


cli = LazyGroup(
    name="scraper",
    subcommands=SUBCOMMANDS,
    help="Page metadata for a list of URLs: one typed record a line, politely, and also over kill -9.",
    params=[],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
cli = click.version_option(__version__, prog_name="scraper", message="%(prog)s %(version)s")(cli)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``scraper`` and return its exit code (``scraper.cli.exits``).

    A ``UsageError`` or ``RunError``, alone or as the only kind in a group, becomes one line on
    standard error. Anything else is a bug and is raised.

    Args:
        arguments: The command line without the program's name; ``None`` for the process's own.
    """
    try:
        result = cli.main(args=arguments, prog_name="scraper", standalone_mode=False)
        sys.stdout.flush()  # a reader that left shows now, while it can still be caught
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except BrokenPipeError:
        return reader_left()
    except (click.ClickException, click.Abort, ScraperError, BaseExceptionGroup) as error:
        explained = _explained(error)
        if explained is None:
            raise
        message, code = explained
        if isinstance(error, click.ClickException):
            message = _without_words(message, sys.argv[1:] if arguments is None else arguments)
        click.echo(f"scraper: {one_line(message)}", err=True)
        return code
    return result if isinstance(result, int) else Exit.COMPLETE


def _may_be_source(word: str) -> bool:
    """Whether a word in a command's place looks like what is to be crawled."""
    return word.lower().startswith(("http://", "https://", "sitemap:")) or os.path.isfile(word)  # noqa: PTH113 - also what is too long for a name


def one_line(text: str) -> str:
    """Return a text that is safe on a terminal: one line, control characters as escapes, no secrets."""
    from scraper.observe.printable import without_secrets  # noqa: PLC0415 - the URL parser, only for errors

    folded = without_secrets(" ".join(text.split()))
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in folded
    )


def _without_words(message: str, words: Sequence[str]) -> str:
    """Mask what click repeats of the command line, where it may be a URL with a password, in any spelling."""
    from scraper.redaction import redact  # noqa: PLC0415 - as above

    for word in words:
        for given in (word, word.partition("=")[2], word[2:]):
            if (shown := redact(given)) != given:
                message = message.replace(given, shown).replace(repr(given)[1:-1], shown)
    return message


def _explained(error: BaseException) -> tuple[str, Exit] | None:
    """Return what to tell the user and the exit code; ``None`` for what is a bug."""
    match error:
        case BaseExceptionGroup():
            told = [_explained(leaf) for leaf in _leaves(error)]
            return told[0] if None not in told else None
        case click.UsageError(ctx=ctx):
            path = ctx.command_path if ctx else "scraper"
            return f"{error.format_message()} See `{path} --help`.", Exit.USAGE
        case click.ClickException():
            return error.format_message(), Exit.USAGE
        case UsageError():
            return str(error), Exit.USAGE
        case RunError():
            return str(error), Exit.BROKEN
    return ("interrupted", Exit.INTERRUPTED) if isinstance(error, click.Abort) else None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def reader_left() -> Exit:
    """Return the exit code for a reader of standard output that has gone, and be silent about it."""
    # What is still buffered would raise once more when the interpreter flushes at its end; the
    # Python manual's remedy (library/signal, "Note on SIGPIPE") is to send it nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.READER_LEFT
