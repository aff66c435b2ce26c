"""trafilatura: what an article says of itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from trafilatura.metadata import extract_metadata

from tests.fidelity.peers.answering import answer


def read(html: str, url: str) -> dict[str, Any]:
    """Return what it says.

    Its title is that of the article, and counts for the document's as well; its tags are keywords and tags
    in one; its first category counts for the section. A site's name that is only the host is no finding. Its
    license is a name, which the record has no field for, and the types of articles in JSON-LD are articles.
    """
    found = extract_metadata(html, default_url=url)
    host = urlsplit(url).hostname or ""
    site_name = found.sitename
    if site_name and host.removeprefix("www.").endswith(site_name.removeprefix("www.")):
        site_name = None
    tags = [word for tag in found.tags or [] for word in _listed(tag, ",")]
    page_type = (found.pagetype or "").lower()
    if page_type.endswith(("article", "blogposting")):
        page_type = "article"
    return {
        "title": found.title,
        "headline": found.title,
        "description": found.description,
        "canonical": found.url,
        "site_name": site_name,
        "author": _listed(found.author or "", ";"),
        "published": found.date,
        "section": next(iter(found.categories or []), None),
        "tags": tags,
        "keywords": tags,
        "image": found.image,
        "page_type": page_type,
    }


def _listed(text: str, separator: str) -> list[str]:
    return [word.strip() for word in text.split(separator) if word.strip()]


_FIELDS = (
    "title", "headline", "description", "canonical", "site_name", "author", "published", "section", "tags",
    "keywords", "image", "page_type",
)  # fmt: skip

if __name__ == "__main__":
    answer("trafilatura", _FIELDS, read, lent=("tags", "keywords"))
