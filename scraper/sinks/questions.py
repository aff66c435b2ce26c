"""The usual questions to a run, as views of its SQLite database."""

from __future__ import annotations

from typing import Final

_TARGET = "substr(links.url, 1, instr(links.url || '#', '#') - 1)"
"""A link's URL as it is asked for: without its fragment."""
_THERE = "('ok', 'not_modified')"
_FINE = "('ok', 'not_modified', 'duplicate', 'filtered', 'robots_denied')"

QUESTIONS: Final = (
    "CREATE INDEX records_by_url ON records (url)",
    # How it went, by what came of it.
    """CREATE VIEW outcomes AS
    SELECT outcome, count(*) AS records FROM records GROUP BY outcome ORDER BY records DESC""",
    # What can't be had, and the page that led to it first.
    f"""CREATE VIEW broken AS
    SELECT page.seq, page.url, page.input, page.outcome, page.status,
        json_extract(page.error, '$.message') AS message, page.parent, parent.url AS parent_url
    FROM records AS page LEFT JOIN records AS parent ON parent.seq = page.parent
    WHERE page.outcome NOT IN {_FINE}""",  # noqa: S608 - constants
    # Every page that links to it; needs the links (--links).
    f"""CREATE VIEW broken_links AS
    SELECT page.seq, page.url AS page_url, links.url, links.text, target.outcome, target.status
    FROM links JOIN records AS target ON target.url = {_TARGET} JOIN records AS page ON page.seq = links.seq
    WHERE target.outcome NOT IN {_FINE}""",  # noqa: S608 - constants
    """CREATE VIEW not_indexable AS
    SELECT seq, url, final_url, status, indexable_reason, canonical FROM records WHERE indexable = 0""",
    # A row for each page whose title another page has too, and how many there are.
    f"""CREATE VIEW duplicate_titles AS SELECT * FROM (
        SELECT title, count(*) OVER (PARTITION BY title) AS pages, seq, url
        FROM records WHERE outcome IN {_THERE} AND title IS NOT NULL
    ) WHERE pages > 1 ORDER BY title, seq""",  # noqa: S608 - constants
    # The same of the visible text.
    f"""CREATE VIEW duplicate_texts AS SELECT * FROM (
        SELECT text_sha256, count(*) OVER (PARTITION BY text_sha256) AS pages, seq, url, title
        FROM records WHERE outcome IN {_THERE} AND text_sha256 IS NOT NULL AND word_count > 0
    ) WHERE pages > 1 ORDER BY text_sha256, seq""",  # noqa: S608 - constants
    """CREATE VIEW slowest AS
    SELECT seq, url, elapsed, json_extract(timing, '$.first_byte') AS first_byte, wire_size
    FROM records WHERE elapsed IS NOT NULL ORDER BY elapsed DESC LIMIT 100""",
)
"""SQL, in the order in which it is to be executed."""
