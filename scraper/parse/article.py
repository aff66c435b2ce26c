"""What a page is as a publication: headline, authors, dates, publisher and the like.

Pure: ``Evidence`` in, ``Article`` out. For each field the sources are asked in a fixed order, that of the
record's documentation; the first that gives a usable value counts. JSON-LD is asked for what the page is
about, not for everything that it mentions: see ``MainNodes``.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.parse.dates import iso_date
from scraper.parse.main_nodes import MAX_TRIED, MAX_VALUES, MainNodes, absolute, first, text_of
from scraper.parse.persons import persons
from scraper.parse.text import field
from scraper.record import Article
from scraper.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# fmt: off
_OG_TYPES = {
    "article": "article", "blog": "website", "book": "book", "books": "book", "music": "audio",
    "news": "article", "og": "product", "product": "product", "products": "product", "profile": "profile",
    "video": "video", "website": "website", "movie": "video", "recipe": "recipe", "event": "event",
    "song": "audio", "album": "audio", "blogpost": "article", "post": "article", "place": "place",
    "business": "place", "restaurant": "place",
}
_PUBLISHED = (
    "date", "dc.date", "dc.date.issued", "dcterms.issued", "dcterms.date", "dc.date.created",
    "dcterms.created", "citation_publication_date", "citation_date", "citation_online_date", "pubdate",
    "publish-date", "publishdate", "publish_date", "publication_date", "parsely-pub-date", "sailthru.date",
    "datepublished",
)
_MODIFIED = ("last-modified", "dcterms.modified", "dc.date.modified", "revised", "modified", "datemodified")
_NAMES = (
    "article:published_time", "article:modified_time", "article:author", "article:publisher",
    "article:section", "article:tag", "author", "dc.creator", "dcterms.creator", "citation_author",
    "parsely-author", "sailthru.author", "byl", "parsely-section", "application-name", "dc.publisher",
    "dcterms.publisher", "citation_publisher", "news_keywords", "parsely-tags", "sailthru.tags",
    "citation_keywords", "dcterms.license", "dc.rights",
)
# fmt: on
_IMAGES = ("image", "primaryImageOfPage", "thumbnailUrl")
META_NAMES = frozenset((*_PUBLISHED, *_MODIFIED, *_NAMES))
"""The ``meta`` that ``Evidence.meta`` has to hold."""
LINK_RELS = frozenset(("author", "license", "copyright", "tag"))
"""What is looked for among the relations of ``a`` elements."""

_SEPARATOR = re.compile(
    r"\s[|\-\u2013\u2014\u00b7\u2022:~/\u00bb\u00ab]{1,3}\s|\s?[|\uff5c\u00bb\u00ab]\s?|:\s|_"
)
_SITE_BEHIND = re.compile(r"\s?[|\uff5c]\s?[^|\uff5c]+").fullmatch
_WORDS = re.compile(r"[^\W_]+").findall
_GENERIC_LABELS = frozenset(("www", "com", "org", "net", "edu", "gov", "blog", "news", "shop", "www2", "amp"))


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of itself, as it was gathered. Names are in lower case."""

    url: str
    """The final URL."""
    base: str
    """What relative URLs are resolved against."""
    lang: str | None = None
    jsonld: list[dict[str, Any]] = []
    """The objects of the page, of ``@graph`` too."""
    og: dict[str, list[str]] = {}
    """By name without ``og:``."""
    twitter: dict[str, str] = {}
    """By name without ``twitter:``."""
    meta: dict[str, list[str]] = {}
    """All other ``meta`` by ``name`` or ``property``: ``author``, ``article:section``, ``dc.date`` ..."""
    links: dict[str, list[tuple[str, str]]] = {}
    """``href`` and text of ``link`` and ``a`` by ``rel``: author, image_src, license, tag."""
    items: list[dict[str, Any]] = []
    """The page's microdata, in the shape of JSON-LD's objects (``microdata.as_nodes``)."""
    times: list[tuple[str, str]] = []
    """Of each ``time`` its ``datetime``, else its text; its marks: ``class``, ``itemprop``, ``pubdate``."""
    titles: list[str] = []
    h1s: list[str] = []


def description_of(nodes: MainNodes, items: MainNodes | None = None) -> str | None:
    """Return the description that JSON-LD or microdata give of the page: the last ones of ``description``."""
    return nodes.text("description") or (items.text("description") if items else None)


def article_of(
    evidence: Evidence, *, nodes: MainNodes | None = None, items: MainNodes | None = None
) -> Article:
    """Apply the fallbacks to what was gathered; microdata is the last of each field's but for dates.

    Args:
        evidence: all that the document says.
        nodes: those of ``evidence.jsonld``, when the caller has them already.
        items: the same of ``evidence.items``.
    """
    og, meta, base = evidence.og, evidence.meta, evidence.base
    nodes = nodes or MainNodes(evidence.jsonld, url=evidence.url)
    if not (evidence.jsonld or evidence.items or meta or evidence.links or evidence.times):
        # Many pages have none of it: a fifth of the time.
        return _of_cards(evidence, nodes=nodes)
    items = items or MainNodes(evidence.items, url=evidence.url)
    publisher = first(name for values in nodes.values("publisher") for name in persons(values))
    site_name = _site_name(*og.get("site_name", ())[:1], publisher, *meta.get("application-name", ())[:1])
    return Article(
        headline=_headline(evidence, nodes=nodes, names=(site_name, publisher)),
        site_name=site_name,
        author=_author(evidence, nodes=nodes, items=items),
        publisher=publisher
        or first(
            _persons(meta, "article:publisher", "dc.publisher", "dcterms.publisher", "citation_publisher")
        )
        or first(name for values in items.values("publisher") for name in persons(values)),
        published=nodes.date("datePublished", "uploadDate", "dateCreated", lang=evidence.lang)
        or _date(evidence, names=("article:published_time", *_PUBLISHED))
        or items.date("datePublished", lang=evidence.lang)
        or _marked(evidence, marks={"pubdate", "datepublished", "published", "dt-published", "entry-date"}),
        modified=nodes.date("dateModified", lang=evidence.lang)
        or _date(evidence, names=("article:modified_time",))
        or _shared_change(og)
        or _date(evidence, names=_MODIFIED)
        or items.date("dateModified", lang=evidence.lang)
        or _marked(evidence, marks={"datemodified", "updated", "modified", "dt-updated"}, but="published"),
        section=nodes.text("articleSection")
        or _named(meta, "article:section", "parsely-section")
        or items.text("articleSection"),
        tags=_tags(evidence, nodes=nodes, items=items),
        image=_shared_image(evidence)
        or nodes.url(*_IMAGES, base=base)
        or _linked(evidence, "image_src")
        or items.url(*_IMAGES, base=base),
        logo=nodes.publisher_logo(base=base) or _shared_logo(evidence) or items.publisher_logo(base=base),
        license=_linked(evidence, "license")
        or nodes.url("license", base=base)
        or first(
            url
            for one in _named_all(meta, "dcterms.license", "dc.rights")
            if (url := absolute(one, base=base))
        )
        or items.url("license", base=base),
        page_type=_page_type(evidence, nodes=nodes) or first(items.kinds),
    )


def _of_cards(evidence: Evidence, *, nodes: MainNodes) -> Article:
    """Return what titles, OpenGraph and Twitter card say, where a page has nothing else."""
    site_name = _site_name(*evidence.og.get("site_name", ())[:1])
    return Article(
        headline=_headline(evidence, nodes=nodes, names=(site_name,)),
        site_name=site_name,
        modified=_shared_change(evidence.og),
        image=_shared_image(evidence),
        logo=_shared_logo(evidence),
        page_type=_page_type(evidence, nodes=nodes),
    )


def _site_name(*names: str | None) -> str | None:
    """Return the first that is a name, and no handle or address."""
    return first(name for name in names if name and not name.startswith(("@", "http:", "https:")))


def _shared_change(og: dict[str, list[str]]) -> str | None:
    return first(date for one in og.get("updated_time", ()) if (date := iso_date(one, epoch=True)))


def _shared_image(evidence: Evidence) -> str | None:
    base = evidence.base
    return first(url for one in _images(evidence) if (url := resolve(base, one.strip())))


def _shared_logo(evidence: Evidence) -> str | None:
    logos = evidence.og.get("logo", ())[:MAX_TRIED]
    return first(url for one in logos if (url := resolve(evidence.base, one.strip())))


def _named_all(meta: dict[str, list[str]], *names: str) -> Iterator[str]:
    for name in names:
        yield from meta.get(name, ())[:MAX_TRIED]


def _named(meta: dict[str, list[str]], *names: str) -> str | None:
    return first(map(field, _named_all(meta, *names))) if meta else None


def _persons(meta: dict[str, list[str]], *names: str) -> list[str]:
    return first(persons(meta[name]) for name in names if name in meta) or []


def _author(evidence: Evidence, *, nodes: MainNodes, items: MainNodes) -> list[str]:
    meta = evidence.meta
    if found := _stated_author(nodes):
        return found
    if found := _persons(meta, "author", "article:author"):
        return found
    for name in ("dc.creator", "dcterms.creator", "citation_author"):
        if name in meta and (found := persons(meta[name], family_first=True)):
            return found
    return (
        _persons(meta, "parsely-author", "sailthru.author", "byl")
        or persons(text for _, text in evidence.links.get("author", ()))
        or _stated_author(items)
    )


def _stated_author(nodes: MainNodes) -> list[str]:
    return first(persons(values) for values in nodes.values("author")) or []


def _date(evidence: Evidence, *, names: tuple[str, ...]) -> str | None:
    meta, lang = evidence.meta, evidence.lang
    for name in names if meta else ():
        for text in meta.get(name, ())[:MAX_TRIED]:
            if date := iso_date(text, lang=lang, epoch=name.startswith("article:")):
                return date
    return None


def _marked(evidence: Evidence, *, marks: set[str], but: str = "") -> str | None:
    tried = 0
    for text, said in evidence.times[:MAX_VALUES]:
        words = said.lower().split()
        # WordPress: "entry-date published updated" is the one date of a post that never changed.
        if not marks.isdisjoint(words) and but not in words:
            tried += 1
            if (date := iso_date(text, lang=evidence.lang)) or tried == MAX_TRIED:
                return date
    return None


def _images(evidence: Evidence) -> Iterator[str]:
    for name in ("image", "image:secure_url", "image:url"):
        yield from evidence.og.get(name, ())[:MAX_TRIED]
    for name in ("image", "image:src"):
        if name in evidence.twitter:
            yield evidence.twitter[name]


def _linked(evidence: Evidence, rel: str) -> str | None:
    places = evidence.links.get(rel, ())[:MAX_TRIED]
    return first(resolve(evidence.base, href.strip()) for href, _ in places if href.strip())


def _tags(evidence: Evidence, *, nodes: MainNodes, items: MainNodes) -> list[str]:
    meta = evidence.meta
    names = ("article:tag", "news_keywords", "parsely-tags", "sailthru.tags", "citation_keywords")
    sources: Iterable[list[str]] = (
        *_keywords(nodes),
        *(meta[name] for name in names if name in meta),
        [text for _, text in evidence.links.get("tag", ())],
        *_keywords(items),
    )
    for texts in sources:
        pieces = (
            piece
            for text in texts[:MAX_VALUES]
            for piece in re.split("[,;\uff0c]", text, maxsplit=MAX_VALUES)
        )
        found: dict[str, str] = {}
        for piece in itertools.islice(pieces, 5 * MAX_VALUES):
            if (tag := field(piece)) and len(found) < MAX_VALUES:
                found.setdefault(tag.casefold(), tag)
        if found:
            return list(found.values())
    return []


def _keywords(nodes: MainNodes) -> Iterator[list[str]]:
    for values in nodes.values("keywords", is_subject=True):
        yield [text for value in values if (text := text_of(value))]


def _page_type(evidence: Evidence, *, nodes: MainNodes) -> str | None:
    if nodes.kinds:
        return nodes.kinds[0]
    for value in evidence.og.get("type", ())[:1]:
        word = re.split(r"[.:]", value.strip().lower(), maxsplit=1)
        return _OG_TYPES.get(word[-1]) or _OG_TYPES.get(word[0])
    return None


def _headline(evidence: Evidence, *, nodes: MainNodes, names: tuple[str | None, ...]) -> str | None:
    sites = [words for name in names if name and (words := _site_words(name))]
    sole = evidence.h1s[0] if len(evidence.h1s) == 1 else None
    own = nodes.text("headline")
    if not own and nodes.kinds[:1] != ["place"]:  # whose name is that of the house, on a page with a title
        own = nodes.text("name", is_subject=True)
    elif own and sole and nodes.text("name", is_subject=True) == sole and own.casefold() != sole.casefold():
        own = sole  # Wikipedia's headline is a description
    shared = first(evidence.og.get("title", ())) or evidence.twitter.get("title")
    if own and shared and own.endswith(("\u2026", "...")) and shared.startswith(own.rstrip(". \u2026")):
        own = None  # cut for the 110 characters that search engines once allowed
    for title in (own, shared, sole, *evidence.titles[:1]):
        if title:
            if sole and _SITE_BEHIND(title[len(sole) :]) and title.startswith(sole):
                return sole  # a site of which the page does not say the name
            return _without_site(title, sites=sites, url=evidence.url)
    return None


def _site_words(name: str) -> list[str]:
    words = _WORDS(name.casefold()[:200])
    return words[1:] if words[:1] == ["the"] and len(words) > 1 else words


def _site_hosts(url: str) -> list[str]:
    """Return what a site is called by its host: ``www.big-news.example`` is ``big-news``."""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    hosts = [host.removeprefix("www."), *(label for label in host.split(".")[:-1] if len(label) > 2)]  # noqa: PLR2004
    return [one for one in hosts if one not in _GENERIC_LABELS]


def _without_site(title: str, *, sites: list[list[str]], url: str) -> str:
    """Cut the site's name off a title's end or beginning; a title that is nothing else stays."""
    gaps = list(_SEPARATOR.finditer(title))
    if not gaps:
        return title
    hosts = _site_hosts(url)
    last, first = gaps[-1], gaps[0]
    if _is_site(title[last.end() :], sites=sites, hosts=hosts, is_last=":" not in last[0]):
        title = title[: last.start()].rstrip() or title
    elif _is_site(title[: first.start()], sites=sites, hosts=hosts, is_last=False):
        title = title[first.end() :].lstrip() or title
    return title


def _is_site(part: str, *, sites: list[list[str]], hosts: list[str], is_last: bool) -> bool:
    """Whether a part of a title is the site's name, or at the end one that begins like it."""
    words = _site_words(part)
    if not words or len(words) > 8:  # noqa: PLR2004
        return False
    joined = "".join(words)
    if joined in {"".join(_WORDS(host)) for host in hosts} or words in sites:
        return True
    initials = ["".join(word[0] for word in site) for site in sites if len(site) > 2]  # noqa: PLR2004
    if joined in initials or joined in ["".join(site) for site in sites]:
        return True
    return is_last and any(words[: len(site)] == site or site[: len(words)] == words for site in sites)
