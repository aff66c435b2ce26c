"""The JSON-LD nodes that tell of the page as a whole, and what kind of page they make it.

A page's blocks name much that it is not: its site, the articles it links to, the products it recommends.
"""

from __future__ import annotations

import html
import itertools
import re
from typing import TYPE_CHECKING, Any, TypeVar

from scraper.parse.dates import iso_date
from scraper.parse.jsonld import Graph, types_of
from scraper.parse.text import MAX_TEXT, field
from scraper.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_T = TypeVar("_T")

MAX_VALUES = 1000
MAX_TRIED = 20
"""Values looked at for one field of one source."""

_PLACE = "place"
"""A business describes itself on each of its pages. Only what names the page as its own counts, or is the
front page's."""

# fmt: off
# schema.org types by what readers call them, those of the page's subject first. A recipe or a product page
# often has an Article beside, a news page a VideoObject or a Review.
_KINDS = (
    ("recipe", "Recipe"),
    ("product", "Product ProductGroup ProductModel IndividualProduct Vehicle Car"),
    ("article", ("Article NewsArticle BlogPosting ReportageNewsArticle AnalysisNewsArticle "
     "OpinionNewsArticle "
     "BackgroundNewsArticle ReviewNewsArticle AskPublicNewsArticle LiveBlogPosting TechArticle APIReference "
     "ScholarlyArticle MedicalScholarlyArticle SatiricalArticle AdvertiserContentArticle Report "
     "SocialMediaPosting")),
    ("discussion", "DiscussionForumPosting QAPage"),
    ("discussion", "Question"),  # what a QAPage is about
    ("event", ("Event BusinessEvent ComedyEvent DanceEvent EducationEvent ExhibitionEvent Festival FoodEvent "
     "MusicEvent ScreeningEvent SocialEvent SportsEvent TheaterEvent VisualArtsEvent")),
    ("job", "JobPosting"),
    ("course", "Course"),
    ("dataset", "Dataset"),
    ("software", "SoftwareApplication MobileApplication WebApplication VideoGame SoftwareSourceCode"),
    ("book", "Book Audiobook"),
    ("video", "VideoObject Movie TVEpisode TVSeries TVSeason Clip"),
    ("audio", "AudioObject PodcastEpisode PodcastSeries MusicRecording MusicAlbum MusicPlaylist"),
    ("howto", "HowTo"),
    ("review", "Review CriticReview"),
    ("faq", "FAQPage"),
    ("profile", "ProfilePage"),
    ("collection", "CollectionPage SearchResultsPage Blog"),
    (_PLACE, ("Place LocalBusiness Accommodation Apartment Bakery BarOrPub CafeOrCoffeeShop Campground "
     "CivicStructure FoodEstablishment Hostel Hotel House LandmarksOrHistoricalBuildings Library "
     "LodgingBusiness Museum Park Resort Restaurant Store TouristAttraction VacationRental")),
)
# fmt: on

_PAGES = frozenset(("WebPage", "ItemPage", "AboutPage", "ContactPage", "MedicalWebPage", "CheckoutPage"))
_SITES = frozenset(("WebSite", "Organization", "Corporation", "NewsMediaOrganization", "Person", "Brand"))
"""Whose URL a front page has too, and of which it is not the description."""
_RANK = {name: rank for rank, (_, names) in enumerate(_KINDS) for name in names.split()}
_KIND_OF = {name: kind for kind, names in _KINDS for name in names.split()}

_IMAGE_ENDINGS = frozenset(
    (
        "apng",
        "avif",
        "bmp",
        "gif",
        "heic",
        "ico",
        "jfif",
        "jpeg",
        "jpg",
        "jxl",
        "png",
        "svg",
        "tif",
        "tiff",
        "webp",
    )
)

_TAG = re.compile(r"</?[A-Za-z][^<>]*+>")


class MainNodes:
    """The JSON-LD nodes that tell of the page as a whole, the most specific first."""

    def __init__(self, objects: list[dict[str, Any]], *, url: str) -> None:
        """Pick them out of a page's objects."""
        self.kinds: list[str] = []
        """What the page is, by ``page_type``'s words."""
        self.graph = Graph(objects)
        pages = [node for node in objects if not _PAGES.isdisjoint(types_of(node))]
        candidates = [*objects, *self._main_entities(objects)]
        ranked: dict[int, list[dict[str, Any]]] = {}
        for node in candidates:
            rank = min((_RANK.get(name, 99) for name in types_of(node)), default=99)
            if rank < len(_KINDS):
                ranked.setdefault(rank, []).append(node)
        self._nodes: list[dict[str, Any]] = []
        for rank in sorted(ranked):
            # A front page has many articles, and none of them is the page.
            is_sole = len(ranked[rank]) == 1 and (_KINDS[rank][0] != _PLACE or "/" not in _place(url))
            one = ranked[rank][0] if is_sole else _about(ranked[rank], url=url)
            if one is not None:
                self.kinds.append(_KINDS[rank][0])
                self._nodes.append(one)
        if not pages and not self._nodes:
            # Of a type that is no kind of page here, but said to be this one: a government's service.
            about = _about([node for node in objects if _SITES.isdisjoint(types_of(node))], url=url)
            pages = [about] if about else []
        self._pages = pages[:1]
        self._has_any = bool(self._nodes or pages)  # pages without JSON-LD are many
        self.organizations = self.graph.find("Organization", "NewsMediaOrganization", "Corporation")

    def _main_entities(self, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what the objects are about and is none of them, each once.

        A reference to another object would make two of that one, and none would be the sole one of its
        kind. Nor may what is referred to a hundred thousand times be looked at as often.
        """
        named = {_identity(node) for node in objects}
        found: dict[str | int, dict[str, Any]] = {}
        for node in objects:
            # Of the questions of a FAQPage none is the page, and there may be but one.
            is_one = "mainEntity" in node and "FAQPage" not in types_of(node)
            for one in self.graph.values(node, "mainEntity") if is_one else ():
                if isinstance(one, dict) and (identity := _identity(one)) not in named:
                    found.setdefault(identity, one)
        return list(found.values())

    def values(self, *names: str, is_subject: bool = False) -> Iterator[list[Any]]:
        """Give the values of a property node by node; ``is_subject`` leaves out those of the web page."""
        for node in self._nodes if is_subject else self._nodes + self._pages:
            for name in names:
                if name in node and (values := self.graph.values(node, name)):
                    yield values[:MAX_VALUES]

    def text(self, *names: str, is_subject: bool = False) -> str | None:
        """Return the first text of a property."""
        if not self._has_any:
            return None
        return first(
            text
            for values in self.values(*names, is_subject=is_subject)
            for value in values[:MAX_TRIED]
            if (text := text_of(value))
        )

    def date(self, *names: str, lang: str | None) -> str | None:
        """Return the first date of a property."""
        if not self._has_any:
            return None
        return first(
            date
            for values in self.values(*names)
            for value in values[:MAX_TRIED]
            if isinstance(value, (str, int, float)) and (date := iso_date(str(value), lang=lang, epoch=True))
        )

    def url(self, *names: str, base: str) -> str | None:
        """Return the first URL of a property: a text, or an ImageObject's or CreativeWork's."""
        if not self._has_any:
            return None
        return first(url for values in self.values(*names) if (url := self._url(values, base=base)))

    def publisher_logo(self, *, base: str) -> str | None:
        """Return the logo of the publisher, else of the first organization that has one."""
        of_publisher = (one for values in self.values("publisher") for one in values)
        nodes = itertools.chain(of_publisher, self.organizations)
        # Of a thousand publishers each may refer to the same thousand logos.
        for node in itertools.islice(nodes, MAX_VALUES):
            logos = self.graph.values(node, "logo", most=MAX_TRIED) if isinstance(node, dict) else []
            if url := self._url(logos, base=base):
                return url
        return None

    def _url(self, values: list[Any], *, base: str) -> str | None:
        for value in values[:MAX_TRIED]:
            places = [value]
            if isinstance(value, dict):
                named = ("url", "contentUrl", "@id", "thumbnailUrl")
                places = [one for name in named for one in self.graph.values(value, name, most=MAX_TRIED)]
            for place in places:
                if isinstance(place, str) and "#" not in place[:1] and (url := absolute(place, base=base)):
                    return url
        return None


def first(values: Iterable[_T | None]) -> _T | None:
    """Return the first value that is not empty."""
    return next((value for value in values if value), None)


def text_of(value: Any) -> str | None:
    """Return a JSON-LD value as a text; the markup and references in it are a CMS's."""
    if isinstance(value, dict):
        value = value.get("name")
    if not isinstance(value, str):
        return None
    value = value[: 4 * MAX_TEXT]
    if "&" in value and ";" in value:
        value = html.unescape(value)
    return field(_TAG.sub(" ", value) if "<" in value else value)


def _identity(node: dict[str, Any]) -> str | int:
    """Return what tells a node from others: its name in the graph, else which object it is."""
    name = node.get("@id")
    return name if isinstance(name, str) else id(node)


def _about(nodes: list[dict[str, Any]], *, url: str) -> dict[str, Any] | None:
    """Return the node that names the page's URL as its own."""
    wanted = _place(url)
    for node in nodes:
        for name in ("url", "@id", "mainEntityOfPage"):
            value = node.get(name)
            if isinstance(value, dict):
                value = value.get("@id") or value.get("url")
            if isinstance(value, str) and _place(value) == wanted:
                return node
    return None


def _place(url: str) -> str:
    """Return a URL without what differs between forms of one page: scheme, www, fragment, last slash."""
    return url.partition("#")[0].partition("://")[2].removeprefix("www.").rstrip("/")


def absolute(text: str, *, base: str) -> str | None:
    """Resolve what is a URL, a path or the name of an image file; "CC BY 4.0" and "cover" are texts."""
    place = text.strip()
    is_url = place[:8].lower().startswith(("http://", "https://", "//", "/", "./", "../"))
    is_file = "/" in place and " " not in place and ":" not in place.partition("/")[0]
    return resolve(base, place) if is_url or is_file or _is_image_name(place) else None


def _is_image_name(text: str) -> bool:
    """Whether a text is a bare file name that ends as images do."""
    name, _, ending = text.partition("?")[0].partition("#")[0].rpartition(".")
    return bool(name) and ending.lower() in _IMAGE_ENDINGS and ":" not in name and len(text.split()) == 1
