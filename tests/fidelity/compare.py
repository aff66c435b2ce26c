"""Score the record's fields over the corpus, beside what other programs find on the same pages.

    python -m tests.fidelity.compare [--misses] [--page FILE]

``make fidelity`` installs the others first. One that is not there costs a line, not the table.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.parse.decode import decode
from tests.fidelity import ours, table
from tests.fidelity.corpus import pages
from tests.fidelity.page import fidelity_page
from tests.fidelity.peers.process import PEERS, PeerMissing, ask
from tests.support.fakes import response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.corpus import CorpusPage


def text_of(page: CorpusPage) -> str:
    """Return a page's text, decoded by the rules of browsers: no peer is judged by its guess."""
    charset = response(page.url, headers=page.headers).charset
    return decode(page.body, http_charset=charset).text


def own_columns(corpus: Sequence[CorpusPage]) -> list[table.Column]:
    """Return what this program says with either parser."""
    return [
        table.Column("scraper", ours.FIELDS, ours.records(corpus, parser="fast")),
        table.Column("scraper, beautifulsoup", ours.FIELDS, ours.records(corpus, parser="beautifulsoup")),
    ]


def peer_columns(corpus: Sequence[CorpusPage]) -> tuple[list[table.Column], list[str], list[str]]:
    """Return what the others say, their names with versions, and remarks for people."""
    columns: list[table.Column] = []
    versions: list[str] = []
    remarks: list[str] = []
    handed = [(page.url, text_of(page)) for page in corpus]
    for peer in PEERS:
        try:
            answers = ask(peer, handed)
        except PeerMissing as missing:
            remarks.append(f"Left out: {missing}")
            continue
        columns.append(table.Column(peer, answers.fields, answers.said, answers.lent))
        versions.append(f"{peer} {answers.version}")
        remarks += [
            f"{peer} failed at {page.name}: {error}"
            for page, error in zip(corpus, answers.errors, strict=True)
            if error
        ]
    return columns, versions, remarks


def _misses(column: table.Column, corpus: Sequence[CorpusPage]) -> str:
    lines: list[str] = []
    page = None
    for miss in table.misses(column, corpus):
        if miss.page != page:
            page = miss.page
            lines.append(f"\n{page}")
        lines.append(f"  {miss.field}: {miss.verdict.value}")
        lines += [f"    {label} {_short(value)}" for label, value in _told(miss)]
    return "\n".join(lines) if lines else "\nnothing is missed"


def _told(miss: table.Miss) -> list[tuple[str, Any]]:
    return [("expected", miss.expected), ("got     ", miss.got)]


def _short(value: Any) -> str:
    return textwrap.shorten(msgspec.json.encode(value).decode(), 400, placeholder=" ...")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, and write the page where one is asked for."""
    parser = argparse.ArgumentParser(
        prog="tests.fidelity.compare", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--misses", action="store_true", help="list all that the scraper does not get right")
    parser.add_argument(
        "--misses-of", metavar="NAME", action="append", default=[], help="the same of another program"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the tables there, in Markdown")
    chosen = parser.parse_args(arguments)
    corpus = pages()
    own = own_columns(corpus)
    peers, versions, remarks = peer_columns(corpus)
    columns = [*own, *peers]
    out = sys.stdout
    out.write(f"Pages that are right, of {len(corpus)}\n\n{table.plain(table.shares(columns, corpus))}\n\n")
    out.write(f"Values found\n\n{table.plain(table.findings(columns, corpus))}\n")
    if chosen.page and len(versions) == len(PEERS):
        chosen.page.write_text(fidelity_page(columns, corpus, versions), encoding="utf-8")
    elif chosen.page:
        remarks.append(f"{chosen.page} stays as it was: it is to have all programs")
    for column in columns:
        if column.name in chosen.misses_of or (chosen.misses and column in own):
            out.write(f"\nNot right, {column.name}\n{_misses(column, corpus)}\n")
    for remark in remarks:
        sys.stderr.write(f"{remark}\n")


if __name__ == "__main__":
    main()
