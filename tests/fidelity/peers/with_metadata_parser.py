"""metadata_parser: what ``meta`` and ``link`` elements say, by its strategies."""

from __future__ import annotations

from typing import Any

from metadata_parser import MetadataParser  # type: ignore[import-not-found,import-untyped,unused-ignore]

from tests.fidelity.peers.answering import answer

_META = {
    "viewport": "viewport",
    "generator": "generator",
    "theme_color": "theme-color",
    "section": "article:section",
}
"""Fields that are one ``meta`` element, by the name that its user would ask for."""


def read(html: str, url: str) -> dict[str, Any]:
    """Return what it says; of several places, those that the record looks at first are asked first."""
    parser = MetadataParser(html=html, url=url, search_head_only=False)
    found = parser.parsed_result

    def first(field: str, *strategy: str) -> str | None:
        value = found.select_first_match(field, strategy=list(strategy))
        return value if isinstance(value, str) else None

    def every(field: str, *strategy: str) -> list[str]:
        stores = found.get_metadatas(field, strategy=list(strategy)) or {}
        return [value for values in stores.values() for value in values]

    meta: dict[str, Any] = found.metadata["meta"]
    return {
        "title": first("title", "page", "og", "twitter", "meta"),
        "headline": first("title", "og", "twitter", "page", "meta"),
        "description": first("description", "meta", "og", "twitter"),
        "image": parser.get_metadata_link("image", strategy=["og", "twitter", "page"]),
        "canonical": parser.get_url_canonical(),
        "site_name": first("site_name", "og"),
        "page_type": first("type", "og"),
        "author": _split(every("author", "meta")[:1] or every("article:author", "meta")),
        "published": first("article:published_time", "meta") or first("date", "meta", "dc"),
        "modified": first("article:modified_time", "meta") or first("updated_time", "og"),
        "tags": every("article:tag", "meta"),
        "keywords": _split(every("keywords", "meta")[:1]),
        "meta_robots": [word.lower() for word in _split(every("robots", "meta"))],
        **{field: first(name, "meta") for field, name in _META.items()},
        "og": found.metadata["og"],
        "twitter": {
            name: value[0] if isinstance(value, list) else value
            for name, value in found.metadata["twitter"].items()
        },
        "dublin_core": _plain(found.metadata["dc"]),
        "citation": {
            name.removeprefix("citation_"): value
            for name, value in meta.items()
            if name.startswith("citation_")
        },
    }


def _split(contents: list[str]) -> list[str]:
    return [word.strip() for content in contents for word in content.split(",") if word.strip()]


def _plain(described: dict[str, Any]) -> dict[str, list[str]]:
    """Return the contents; it keeps language and scheme beside each."""
    return {
        name: [one["content"] for one in (values if isinstance(values, list) else [values])]
        for name, values in described.items()
    }


_FIELDS = (
    "title", "headline", "description", "image", "canonical", "site_name", "page_type", "author", "published",
    "modified", "tags", "keywords", "meta_robots", "og", "twitter", "dublin_core", "citation", *_META,
)  # fmt: skip

if __name__ == "__main__":
    answer("metadata_parser", _FIELDS, read)
