"""``scraper demo``: a sample site on this machine, crawled for real."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from scraper import loop
from scraper.cli.exits import Exit
from scraper.cli.options import CLUSTER_FLAGS, SettingsCommand, loaded_from, settings_options_without
from scraper.cli.running import Talk, run_and_show
from scraper.demo.server import SampleServer, stop_asked
from scraper.demo.site import build_site
from scraper.errors import UsageError
from scraper.run.files import Mode, run_files
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from scraper.settings.load import Loaded
    from scraper.settings.model import Settings

_SERVED_AT = 8765
"""Another command's list of the site holds after a restart, too."""


@click.command(cls=SettingsCommand)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("output/demo"),
    show_default=True,
    help="Where urls.txt and pages.jsonl go; those of an earlier demo are replaced.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed gives another site.")
@click.option(
    "--pages",
    type=click.IntRange(200, 5000),
    default=240,
    show_default=True,
    help="How many ordinary pages the site has; some 170 URLs with slips and errors come on top.",
)
@click.option(
    "--day",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="The site as it is so many days later: some pages changed, some gone.",
)
@click.option("--serve", is_flag=True, help="Write the list and serve the site until stopped; crawl nothing.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where the site is, on each of its hosts.  [default: one that is free; 8765 with --serve]",
)
@settings_options_without(left_out=CLUSTER_FLAGS)
@click.pass_context
def demo(
    ctx: click.Context, *, folder: Path, seed: int, pages: int, day: int, serve: bool, port: int
) -> Exit:
    """Serve a sample site on loopback, crawl its list of URLs, and say where the results are.

    The site has pages in many languages and encodings, redirects, errors, slow and overloaded hosts,
    closed rooms (robots.txt), sitemaps and a dead port. Nothing leaves this machine.

    With --serve it stays, for commands of your own in another terminal; --day tells how it is later.

    \b
      scraper demo --serve
      scraper crawl output/demo/urls.txt -o output/pages.jsonl
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    loaded = loaded_from(ctx)
    _refuse_proxy(loaded)
    server = SampleServer(build_site(seed, pages, day=day), port=port or (_SERVED_AT if serve else 0))
    try:
        if serve:
            return loop.run(_served(server, folder / "urls.txt"))
        return loop.run(_demo(server, folder, loaded=loaded))
    except OSError as error:
        raise UsageError(f"can't serve the site: {error.strerror}; try another --port") from error


def _refuse_proxy(loaded: Loaded) -> None:
    """Refuse a proxy that was asked for here; one that holds for all commands is passed over.

    Raises:
        UsageError: It was given on the command line.
    """
    origin = loaded.origins["fetch.proxy"]
    if loaded.settings.fetch.proxy and origin in {"--proxy", "--set"}:
        raise UsageError(f"fetch.proxy ({origin}): the demo leaves this machine by no way; leave it out")


async def _served(server: SampleServer, listed: Path) -> Exit:
    stop = stop_asked()
    async with server:
        _write(listed, _MARK + server.list_text())
        click.echo(
            f"Serving {len(server.site.hosts)} hosts, the first at {server.url()}; the list: {listed}\n"
            "Press Ctrl-C to stop.",
            err=True,
        )
        await stop.wait()
    return Exit.COMPLETE


async def _demo(server: SampleServer, folder: Path, *, loaded: Loaded) -> Exit:
    listed, written = folder / "urls.txt", folder / "pages.jsonl"
    async with server:
        _write(listed, _MARK + server.list_text())
        click.echo(
            f"Serving {len(server.site.hosts)} hosts on port {server.port}; the list: {listed}", err=True
        )
        ending = await run_and_show(
            sources_from_arguments([str(listed)], loaded.settings.sources),
            run_files([written], ordered=loaded.settings.output.ordered),
            settings=_hurried(loaded),
            mode=Mode.FRESH,
            talk=Talk(),
        )
    click.echo(f"The list of URLs:  {listed}\nOne record a line: {written}", err=True)
    return ending


_MARK = "# The list of the sample site, written by `scraper demo`; the next demo here replaces it.\n"


def _write(listed: Path, text: str) -> None:
    try:
        if listed.exists() and not listed.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
            raise UsageError(f"{listed} is there and no demo wrote it: name another --folder")
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"can't write {listed}: {error.strerror}") from error


def _hurried(loaded: Loaded) -> Settings:
    """Return settings for hosts that are our own, which need little rest, unless the user has others."""
    settings = loaded.settings
    changes: dict[str, dict[str, Any]] = {
        "politeness": {"delay_s": 0.0, "per_host": 8, "max_delay_s": 0.1},
        "retry": {"base_s": 0.1},
    }
    # The demo leaves this machine by no way, whatever the environment says of proxies.
    settings = msgspec.structs.replace(settings, fetch=msgspec.structs.replace(settings.fetch, proxy=""))
    for section, values in changes.items():
        ours = {name: v for name, v in values.items() if loaded.origins[f"{section}.{name}"] == "default"}
        changed = msgspec.structs.replace(getattr(settings, section), **ours)
        settings = msgspec.structs.replace(settings, **{section: changed})
    return settings
