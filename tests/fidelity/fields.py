"""The record's fields that are scored, in the record's groups, each with what it holds."""

from __future__ import annotations

from typing import Final

from tests.fidelity.kinds import Kind

GROUPS: Final[dict[str, dict[str, Kind]]] = {
    "head": {
        "title": Kind.TEXT,
        "titles": Kind.NAMES,
        "description": Kind.TEXT,
        "keywords": Kind.TERMS,
        "canonical": Kind.OWN_URL,
        "canonical_header": Kind.URL,
        "base": Kind.URL,
        "lang": Kind.LANGUAGE,
        "viewport": Kind.TEXT,
        "generator": Kind.TEXT,
        "theme_color": Kind.EXACT,
        "amphtml": Kind.URL,
        "next": Kind.URL,
        "prev": Kind.URL,
        "hreflang": Kind.ENTRIES,
        "alternates": Kind.URLS,
        "feeds": Kind.ENTRIES,
        "icons": Kind.ENTRIES,
        "manifest": Kind.URL,
        "refresh": Kind.EXACT,
        "meta_robots": Kind.TERMS,
        "indexable": Kind.EXACT,
    },
    "social, structured": {
        "og": Kind.PROPERTIES,
        "twitter": Kind.PROPERTIES,
        "jsonld": Kind.OBJECTS,
        "microdata": Kind.OBJECTS,
        "dublin_core": Kind.PROPERTIES,
        "citation": Kind.PROPERTIES,
    },
    "article": {
        "headline": Kind.TEXT,
        "site_name": Kind.TEXT,
        "author": Kind.NAMES,
        "publisher": Kind.TEXT,
        "published": Kind.DATE,
        "modified": Kind.DATE,
        "section": Kind.TEXT,
        "tags": Kind.TERMS,
        "image": Kind.URL,
        "logo": Kind.URL,
        "license": Kind.URL,
        "page_type": Kind.TYPE,
    },
    "encoding": {"charset": Kind.EXACT, "charset_source": Kind.EXACT},
}

KINDS: Final[dict[str, Kind]] = {field: kind for group in GROUPS.values() for field, kind in group.items()}
