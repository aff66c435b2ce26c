"""What the record's fields hold, and when two values of one kind are the same. It does no I/O.

Programs write the same finding in several ways, so a field is compared by its kind, never by its spelling
alone. Where that needs a choice, it is the one that favours the program that is judged.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import msgspec

from scraper.errors import InvalidUrl
from scraper.urls import dedup_key

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(enum.Enum):
    """What a field holds, and so when two values of it are the same."""

    EXACT = "the same value; texts in any case"
    TEXT = "the same text, white space folded, typographic quotes as plain ones"
    URL = "the same resource, a relative URL taken as one of the page"
    OWN_URL = "as URL; the page's own one says nothing where none is expected"
    LANGUAGE = "the same tag in any case, or the language of it alone"
    DATE = "the same instant, or the same day where either says no more"
    TYPE = "the same type in any case; `video` is enough for `video.movie`, and the other way round"
    NAMES = "the same names in their order"
    TERMS = "the same terms in any order"
    URLS = "the same resources in any order"
    ENTRIES = "the same entries in any order, by the keys that are given; a lone URL is to be among them"
    PROPERTIES = "the same names in any case, each with the same values in their order"
    OBJECTS = "the same JSON objects, texts folded, one value like a list of one, @context aside"


def is_nothing(value: Any) -> bool:
    """Return whether a value says that there is none; ``False`` and 0 are something."""
    return value is None or (isinstance(value, str | list | dict) and not value)


_QUOTES: Final = str.maketrans(
    dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'")
    | dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"')
)
"""Some programs set all quotes typographically."""


def folded(value: Any) -> Any:
    """Return a text as it is compared; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    return " ".join(unicodedata.normalize("NFC", value).translate(_QUOTES).split())


def _exact(expected: Any, got: Any, _: str) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    return bool(_caseless(expected) == _caseless(got))


def _caseless(value: Any) -> Any:
    return folded(value).casefold() if isinstance(value, str) else value


def _text(expected: Any, got: Any, _: str) -> bool:
    return bool(folded(expected) == folded(got))


def url_key(value: Any, page_url: str) -> str | None:
    """Return what equal URLs have in common; ``None`` for what is none."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        absolute = urljoin(page_url, value.strip())
        return dedup_key(absolute)
    except (InvalidUrl, ValueError):
        return None


def _link(value: Any, page_url: str) -> str | None:
    """Return a URL's key, or that of another scheme (``android-app:``) as it is."""
    return url_key(value, page_url) or (value if isinstance(value, str) else None)


def _same_url(expected: Any, got: Any, page_url: str) -> bool:
    return isinstance(got, str) and _link(expected, page_url) == _link(got, page_url)


def _language(expected: Any, got: Any, _: str) -> bool:
    if not isinstance(got, str) or not isinstance(expected, str):
        return False
    wanted, told = (tag.strip().casefold().replace("_", "-") for tag in (expected, got))
    return told in {wanted, wanted.partition("-")[0]}


def _type(expected: Any, got: Any, _: str) -> bool:
    if not isinstance(got, str) or not isinstance(expected, str):
        return False
    wanted, told = expected.casefold(), got.strip().casefold()
    return wanted == told or wanted.partition(".")[0] == told or told.partition(".")[0] == wanted


_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PART: Final = re.compile(r"\d{4}(-\d{2}){0,2}")


def _date(expected: Any, got: Any, _: str) -> bool:
    if not isinstance(got, str) or not isinstance(expected, str):
        return False
    if _PART.fullmatch(expected):
        return got.startswith(expected)
    if _DAY.fullmatch(got):
        return expected.startswith(got)
    one, other = _instant(expected), _instant(got)
    return one == other if one and other else folded(expected) == folded(got)


def _instant(text: str) -> datetime | None:
    """Return a time; one without a zone is in UTC, for all alike."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(expected: Any, got: Any, _: str) -> bool:
    return [folded(name) for name in _listed(expected)] == [folded(name) for name in _listed(got)]


def _terms(expected: Any, got: Any, _: str) -> bool:
    return {_form(term) for term in _listed(expected)} == {_form(term) for term in _listed(got)}


def _form(value: Any) -> str:
    """Return a text as it is compared, or what stands for a value that should have been one."""
    return folded(value) if isinstance(value, str) else repr(value)


def _urls(expected: Any, got: Any, page_url: str) -> bool:
    one, other = ({_link(url, page_url) for url in _listed(urls)} for urls in (expected, got))
    return one == other


def _entries(expected: Any, got: Any, page_url: str) -> bool:
    """Compare by the keys of what is given: a program that knows only the URLs of feeds is right in them."""
    entries = _listed(got)
    if not all(isinstance(entry, dict) and "url" in entry for entry in entries):
        return False
    keys = sorted(set.intersection(*(set(entry) for entry in entries)))
    one, other = (
        {tuple(_entry(entry, key, page_url) for key in keys) for entry in wanted}
        for wanted in (_listed(expected), entries)
    )
    return one >= other if keys == ["url"] and len(entries) == 1 else one == other


def _entry(entry: dict[str, Any], key: str, page_url: str) -> Any:
    value = entry.get(key)
    return _link(value, page_url) if key == "url" else _form(_caseless(value))


def _properties(expected: Any, got: Any, page_url: str) -> bool:
    if not isinstance(got, dict):
        return False
    return _by_name(expected, page_url) == _by_name(got, page_url)


def _by_name(properties: dict[str, Any], page_url: str) -> dict[str, list[Any]]:
    named: dict[str, list[Any]] = {}
    for name, values in properties.items():
        kept = [folded(value) for value in _listed(values)]
        if name.lower() in _LINKED:
            kept = [_link(value, page_url) for value in kept]
        named.setdefault(name.lower(), []).extend(value for value in kept if not is_nothing(value))
    return {name: values for name, values in named.items() if values}


_LINKED: Final = frozenset(
    ("url", "image", "image:url", "image:secure_url", "video", "video:url", "audio", "pdf_url")
)
"""Properties of OpenGraph, Twitter cards and citations that are URLs: a key for equal ones, not a text."""


def _objects(expected: Any, got: Any, _: str) -> bool:
    one, other = (Counter(_canonical(entry) for entry in _listed(objects)) for objects in (expected, got))
    return one == other


def _canonical(value: Any) -> str:
    return msgspec.json.encode(_normal(value), order="sorted").decode()


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _normal(kept) for name, kept in value.items() if name != "@context" and not is_nothing(kept)
        }
    if isinstance(value, list):
        kept = [_normal(entry) for entry in value]
        return kept[0] if len(kept) == 1 else kept
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return folded(value)


_SAME: Final[dict[Kind, Callable[[Any, Any, str], bool]]] = {
    Kind.EXACT: _exact,
    Kind.TEXT: _text,
    Kind.URL: _same_url,
    Kind.OWN_URL: _same_url,
    Kind.LANGUAGE: _language,
    Kind.DATE: _date,
    Kind.TYPE: _type,
    Kind.NAMES: _names,
    Kind.TERMS: _terms,
    Kind.URLS: _urls,
    Kind.ENTRIES: _entries,
    Kind.PROPERTIES: _properties,
    Kind.OBJECTS: _objects,
}


def are_same(kind: Kind, expected: Any, got: Any, *, page_url: str) -> bool:
    """Return whether two values are the same; neither is nothing. ``got`` may be of any form."""
    return _SAME[kind](expected, got, page_url)
