"""Whether a body without a media type is HTML: the HTML rows of the WHATWG MIME Sniffing Standard.

Section 7.1, "identifying a resource with an unknown MIME type". What a server does label is taken at
its word, also when it looks like something else.
"""

from __future__ import annotations

import re

_HEADER_BYTES = 1445
"""How much of a body the standard looks at (section 5.2, "resource header")."""

_HTML_BEGINS = re.compile(
    rb"[\t\n\x0c\r ]*<"
    rb"(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P|!--)"
    rb"[ >]",
    re.IGNORECASE,
)
"""White space, a tag that pages begin with, and a tag-terminating byte."""

_UNKNOWN = frozenset({None, "unknown/unknown", "application/unknown", "*/*"})
"""Labels that say nothing."""


def is_html(body: bytes, *, media_type: str | None, nosniff: bool) -> bool:
    """Return whether a body is an HTML document.

    Args:
        body: its beginning or all of it, after content decoding.
        media_type: the one the server names, lower case, without parameters; ``None`` without one.
        nosniff: the server forbids to guess (``X-Content-Type-Options: nosniff``).
    """
    if media_type in {"text/html", "application/xhtml+xml"}:
        return True
    if media_type not in _UNKNOWN or nosniff:
        return False
    return _HTML_BEGINS.match(body[:_HEADER_BYTES]) is not None
