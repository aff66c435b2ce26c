"""The report as one HTML page that stands alone: no request leaves it, and nothing foreign runs in it.

What comes from pages is text here: the templates escape it, the data for the script is JSON without a ``<``,
and the page's policy (Content Security Policy Level 3) lets only the one style and the one script run whose
digests it names, whatever else might get into it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2
import msgspec

from scraper.observe.counts import GOOD
from scraper.record import Outcome
from scraper.report.audit import DESCRIPTION_LENGTHS, FEW_WORDS, TITLE_LENGTHS
from scraper.report.charts import Bar, bars, moment_text, ranges, time_chart
from scraper.report.tables import FORMATS, PAGE_ROWS, may_be_link, tables_of
from scraper.version import VERSION

if TYPE_CHECKING:
    from scraper.report.model import Count, Report

_BAD = frozenset(Outcome) - GOOD
_ERRORS = 400


def render(report: Report) -> str:
    """Return the page, to be written as UTF-8."""
    environment = _environment()
    style, script = _style(), _part("script.js")
    tables = tables_of(report)
    statuses = frozenset(one.name for one in report.statuses if one.name >= str(_ERRORS))
    failing = frozenset(row.outcome for row in report.broken.shown)
    reasons = frozenset(row.reason for row in report.unlisted.shown)
    return environment.get_template("page.html").render(
        policy=_policy(style, script),
        style=style,
        script=script,
        data=_as_json(
            {
                "tables": {
                    name: {"columns": table.columns, "rows": table.rows} for name, table in tables.items()
                }
            }
        ),
        report=report,
        tables=tables,
        page_rows=PAGE_ROWS,
        version=VERSION,
        period=_period(report),
        rate=_rate(report),
        outcomes=bars(report.outcomes, report.records, bad=_BAD, queries=failing),
        statuses=bars(report.statuses, _sum(report.statuses), bad=statuses, queries=statuses),
        spread=bars(report.spread, _sum(report.spread)),
        reasons=bars(report.unlisted_reasons, report.records, queries=reasons),
        titles=_lengths(report.audit.titles),
        descriptions=_lengths(report.audit.descriptions),
        title_lengths=TITLE_LENGTHS,
        description_lengths=DESCRIPTION_LENGTHS,
        few_words=FEW_WORDS,
        languages=bars(report.languages, report.html_pages),
        media_types=bars(report.media_types, _sum(report.media_types)),
        fields=_fields(report),
        chart=time_chart(report.timeline),
        ranges=ranges(report.hosts.shown),
    )


def page_policy() -> str:
    """Return the page's content security policy, for the header of whoever serves it."""
    return _policy(_style(), _part("script.js"))


def tokens() -> str:
    """Return the colours and fonts of pages for people, in light and dark: custom properties of CSS."""
    return _part("tokens.css")


def _style() -> str:
    return tokens() + _part("style.css")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)};"
        " base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _as_json(value: Any) -> str:
    """Return JSON that can't end the element that it stands in."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c").replace("&", "\\u0026")


def _sum(counts: list[Count]) -> int:
    return sum(one.number for one in counts)


def _lengths(counts: list[Count]) -> list[Bar]:
    return bars(counts, _sum(counts), queries=frozenset({"too long", "too short"}))


def _fields(report: Report) -> list[Bar]:
    if report.changes is None:
        return []
    names = frozenset(one.name for one in report.changes.fields)
    return bars(report.changes.fields, report.changes.changed, queries=names)


def _period(report: Report) -> str:
    if report.first_s is None or report.last_s is None:
        return ""
    begins, ends = moment_text(report.first_s), moment_text(report.last_s)
    same_day = begins.partition(",")[0] == ends.partition(",")[0]
    return f"{begins} to {moment_text(report.last_s, with_day=not same_day)} UTC"


def _rate(report: Report) -> str:
    """Return answers a second while there were any."""
    steps = [step for stretch in report.timeline.stretches for step in stretch]
    took_s = len(steps) * report.timeline.step_s
    return f"{sum(step.answers for step in steps) / took_s:,.1f}" if took_s else "no"


def _part(name: str) -> str:
    # Not a template: a brace in it is a brace.
    return resources.files(__package__).joinpath("page", name).read_text("utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scraper.report", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FORMATS)
    environment.tests["link"] = may_be_link
    environment.globals["formats"] = FORMATS
    return environment
