"""Names of authors and publishers, out of what pages give for them.

A byline is written for readers: "By Ann Lee and Bob Ray, Staff Writers". What comes out are names alone,
one an entry: no "By", no role, no URL, e-mail address or handle. Where a text can be read in two ways
("Johnson & Johnson", "Ministry of Health, Labour and Welfare") it stays whole.
"""

from __future__ import annotations

import html
import itertools
import re
from typing import TYPE_CHECKING, Any

from scraper.parse.text import field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_PERSONS = 1000
_MAX_NAME = 100  # characters; what is longer is a biography
_MAX_WORDS = 12
_MAX_BYLINE = 2000
_MAX_IN_ALL = 50_000  # characters of all texts
_MAX_NODES = 5000  # JSON-LD nodes and texts looked at

# Said before the name. Those that are also parts of names ("von Trier") need two words behind them.
_LABEL = re.compile(
    r"""(?:(?:(?:(?:written|posted|published|authored|words|text|story|reported|created|edited)\s+)?by
        |(?:geschrieben|verfasst|ein\sbeitrag|text)\s+von|écrit\s+par|publié\s+par|rédigé\s+par
        |escrito\s+por|publicado\s+por|scritto\s+da|geschreven\s+door)\b\s*:?
    |(?:authors?|autor(?:in|en|es|a|zy)?|auteure?s?|autore|autori|text[eo]?|by|von|par|por|door|story|words
        |skribent|kirjoittaja|yazar|penulis|автор[ыа]?|текст|작성자|글)\s*[:/\uff1a]
    |(?:作者|記者|记者|撰文|文|著者|執筆)\s*[:/\uff1a\uff0f])\s*""",
    re.IGNORECASE | re.VERBOSE,
).match
_PARTICLE_LABEL = re.compile(
    r"(?:von|par|por|door|av|af|di)\s(?!de[rmnl]?\s|la\s)(?=\S+\s\S)", re.IGNORECASE
).match
_CREDITS = re.compile(
    r"(?:photos?|photographs?|photography|fotos?|illustrations?|bilder|images?|video)\b", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*+>")
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*+[)\]]")
_HARD = re.compile(r"\s*[;|\u2022\u00b7\u3001\uff1b\n]\s*|\s+/\s+|\s+[-\u2013\u2014]\s+")
_SOFT = re.compile(
    r"\s+(?:&|\+|and|und|et|y|och|og|ja|en|e|i|и|ve|with|mit|avec|con)\s+|\s*\uff06\s*", re.IGNORECASE
)
_COMMA = re.compile(r"\s*[,\uff0c]\s*(?:(?:and|und|et|y|og|och|&)\s+)?", re.IGNORECASE)
_INITIALS = re.compile(r"[^\W\d_](?:\.?[\s-][^\W\d_]|\.[^\W\d_]){0,3}\.?").fullmatch
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}").fullmatch
_EDGES = ' \t,;:|/\\-\u2013\u2014\u00b7\u2022*"\u201c\u201d<>()[]\uff1a'

# fmt: off
_GENERATIONS = frozenset(("jr", "sr", "ii", "iii", "iv", "inc", "ltd", "llc", "llp", "corp", "co", "gmbh"))
_DEGREES = frozenset((
    "phd", "md", "dphil", "msc", "ma", "ba", "bsc", "mba", "mph", "jd", "esq", "rn", "rd", "rdn", "cpa",
    "dds", "dvm", "pharmd", "ms", "facs", "frcp", "cfa", "cfp", "do", "edd", "psyd", "lcsw", "pe", "llm",
))
_ABBREVIATIONS = _GENERATIONS | _DEGREES | {"dr", "prof", "st", "mr", "mrs"}
# A text that is one of these names nobody: accounts of the system, and placeholders.
_NOBODY = frozenset((
    "admin", "administrator", "administrador", "administrateur", "anonymous", "anonym", "anónimo", "author",
    "autor", "auteur", "contributor", "default", "editor", "editors", "the editors", "editorial",
    "editorial staff", "editorial team", "false", "guest", "guest author", "guest post", "n/a", "na", "nan",
    "nobody", "none", "null", "redaktion", "die redaktion", "redacción", "redacao", "redação", "rédaction",
    "la rédaction", "redazione", "redactie", "redakcja", "редакция", "root", "site admin", "staff",
    "super user", "superuser", "team", "test", "true", "undefined", "unknown", "unbekannt", "user",
    "webadmin", "webmaster", "wordpress", "wpadmin", "wp-admin", "編集部", "小编", "佚名",
))
_ROLE_ENDS = frozenset((
    "writer", "writers", "editor", "editors", "reporter", "reporters", "correspondent", "correspondents",
    "columnist", "contributor", "contributors", "journalist", "journalists", "producer", "photographer",
    "critic", "analyst", "intern", "redakteur", "redakteurin", "journaliste", "redactor", "redactora",
    "periodista", "giornalista", "redacteur", "korrespondent", "korrespondentin", "autorin", "корреспондент",
    "blogger", "moderator", "author",
))
_ROLE_STARTS = frozenset((
    "staff", "senior", "chief", "managing", "executive", "associate", "assistant", "deputy", "contributing",
    "guest", "political", "science", "health", "sports", "business", "technology", "tech", "news", "editor",
    "foreign", "freelance", "special", "principal", "lead", "reporter", "correspondent", "writer", "national",
))
_INSTITUTIONS = frozenset((
    "of", "ministry", "department", "university", "universität", "université", "universidad", "institute",
    "institut", "inc", "ltd", "llc", "gmbh", "company", "co", "corp", "corporation", "association", "society",
    "foundation", "office", "center", "centre", "bureau", "agency", "committee", "commission", "council",
    "school", "college", "bank", "news", "press", "group", "team", "sons", "partners", "ministère",
    "ministerio",
    "ministerium", "bundesministerium", "amt", "verein", "stiftung", "museum", "library", "trust", "union",
    "board", "service", "services", "media", "magazine", "journal", "times", "post", "network", "staff",
    "government", "authority", "federation", "organization", "organisation", "laboratory", "research",
))
# fmt: on


def persons(values: Iterable[Any], *, family_first: bool = False) -> list[str]:
    """Return the names in values, in order, each once whatever its case.

    Args:
        values: texts, and JSON-LD values: a Person or Organization (schema.org: ``name``, or ``givenName``
            and ``familyName``), lists of them, nested at will. Numbers and the like are passed over;
            references (``@id``) were resolved before.
        family_first: one comma sets the family name apart, "Lee, Ann": as in ``citation_author``
            (Google Scholar's inclusion guidelines) and ``dc.creator`` (DCMI User Guide).
    """
    found: dict[str, str] = {}
    read = 0
    for text, is_whole in _texts(values):
        read += min(len(text), _MAX_BYLINE)
        for name in [_cleaned(text)] if is_whole else _names(text, family_first=family_first):
            if name and _is_name(name):
                found.setdefault(name.casefold(), name)
        if len(found) >= MAX_PERSONS or read > _MAX_IN_ALL:
            break
    return list(found.values())[:MAX_PERSONS]


def _texts(values: Iterable[Any]) -> Iterable[tuple[str, bool]]:
    """Give the texts of JSON-LD values in order, and whether one is an organization's name."""
    waiting: list[tuple[Any, bool]] = [(list(itertools.islice(values, MAX_PERSONS)), False)]
    for _ in range(_MAX_NODES):
        if not waiting:
            break
        one, is_whole = waiting.pop()
        if isinstance(one, str):
            yield one, is_whole
        elif isinstance(one, list):
            waiting += [(each, is_whole) for each in reversed(one[:MAX_PERSONS])]
        elif isinstance(one, dict):
            waiting += _of_node(one, is_whole=is_whole)


def _of_node(node: Mapping[str, Any], *, is_whole: bool) -> list[tuple[Any, bool]]:
    name = node.get("name") or node.get("@value")
    types = node.get("@type")
    is_person = types is None or "Person" in (types if isinstance(types, list) else [types])
    if name:
        return [(name, is_whole or not is_person)]
    given, family = node.get("givenName"), node.get("familyName")
    full = " ".join(part for part in (given, family) if isinstance(part, str))
    return [(full, True)] if full else []


def _cleaned(text: str) -> str:
    """Leave out of a text what is no part of any name: markup, URLs, addresses, handles, labels."""
    if "&" in text and ";" in text:
        text = html.unescape(text[:_MAX_BYLINE])
    if "<" in text:
        text = _TAG.sub(" ", text[:_MAX_BYLINE])
    folded = field(text[:_MAX_BYLINE]) or ""
    if "@" in folded or "/" in folded or "www." in folded or "." in folded:
        folded = " ".join(word for word in folded.split() if not _is_address(word))
    for _ in range(3):  # "Author: By Ann Lee"
        label = _LABEL(folded) or _PARTICLE_LABEL(folded)
        if label is None:
            break
        folded = folded[label.end() :]
    return _trimmed(folded)


def _is_address(word: str) -> bool:
    bare = word.strip(_EDGES + ".")
    return (
        "@" in word
        or "://" in word
        or bare.startswith("www.")
        or bool(_DOMAIN(bare) and bare not in _DEGREES)
    )


def _trimmed(text: str) -> str:
    """Strip punctuation; the dot of an initial or an abbreviation stays."""
    text = text.strip(_EDGES) if not text.endswith((")", "]")) else text.lstrip(_EDGES)
    if text.endswith((")", "]")) and text.count("(") + text.count("[") == 0:
        text = text.strip(_EDGES)
    if text.endswith("."):
        last = text[:-1].rpartition(" ")[2]
        if len(last) > 1 and "." not in last and last.lower() not in _ABBREVIATIONS:
            text = text.rstrip(". ")
    return text


def _names(text: str, *, family_first: bool) -> list[str]:
    """Take a byline apart."""
    names: list[str] = []
    cleaned = _cleaned(text)
    if "(" in cleaned or "[" in cleaned:
        cleaned = _trimmed(_BRACKETS.sub("", cleaned)) or _trimmed(cleaned.strip("()[] "))
    for piece in _HARD.split(cleaned):
        part = _trimmed(piece)
        if not part or _CREDITS.match(part):
            continue
        if "," in part or "\uff0c" in part:
            names += _at_commas(part, family_first=family_first)
        else:
            names += _at_conjunctions(part)
        if len(names) >= MAX_PERSONS:
            break
    return [_without_role(name) for name in names]


def _at_conjunctions(text: str) -> list[str]:
    """Split at "and" where whole names stand on both sides: "Johnson & Johnson" stays."""
    parts = _SOFT.split(text)
    if len(parts) == 1 or _is_institution(text):
        return [text]
    if all(" " in part or not part.isascii() for part in parts):
        return parts
    return [text]


def _at_commas(text: str, *, family_first: bool) -> list[str]:
    parts = [part for part in map(_trimmed, _COMMA.split(text)) if part]
    parts = [part for part in parts if part == parts[0] or _letters(part) not in _DEGREES]
    at = 1
    while at < len(parts):  # "Bob Smith, Jr.", "Acme, Inc."
        if _letters(parts[at]) in _GENERATIONS:
            parts[at - 1 : at + 1] = [f"{parts[at - 1]}, {parts[at]}"]
        else:
            at += 1
        if at > _MAX_WORDS * 10:
            break
    if len(parts) < 2:  # noqa: PLR2004
        return [name for part in parts for name in (_at_conjunctions(part) if "," not in part else [part])]
    if _is_institution(parts[0]):
        return [text]
    named = [part for part in parts if not _is_role(part) and not _CREDITS.match(part)]
    if len(named) == 2 and _is_turned(named, family_first=family_first):  # noqa: PLR2004
        given, comma, generation = named[1].partition(", ")
        return [f"{given} {named[0]}{comma}{generation}"]
    if len(named) > 2 and not len(named) % 2 and all(map(_INITIALS, named[1::2])):  # noqa: PLR2004
        return [f"{given} {family}" for family, given in zip(named[::2], named[1::2], strict=True)]
    if " " in named[0] if named else False:  # "Ann Lee, BBC News": the house she writes for
        named = [part for at, part in enumerate(named) if not at or not _is_institution(part)]
    return [name for part in named for name in _at_conjunctions(part)]


def _is_turned(parts: list[str], *, family_first: bool) -> bool:
    """Whether two parts are a family name and a given one."""
    family, given = parts
    if _INITIALS(given):
        return True
    if family_first:  # not "Lee A., Ray B.", nor "Ann Lee, BBC News"
        return not family.endswith(".") and ", " not in family and not _is_institution(given)
    # "Lee, Ann" but not "Reuters, AP", and not "Ann Lee, Reuters".
    return " " not in family and " " not in given and not (family.isupper() or given.isupper())


def _letters(text: str) -> str:
    return text.replace(".", "").replace(" ", "").lower() if len(text) < 12 else text  # noqa: PLR2004


def _is_institution(text: str) -> bool:
    return not _INSTITUTIONS.isdisjoint(text.lower().replace(".", "").replace(",", "").split())


def _is_role(text: str) -> bool:
    lower = text.casefold()
    if lower in _NOBODY:
        return True
    words = lower.split()
    return words[-1] in _ROLE_ENDS and (len(words) == 1 or words[0] in _ROLE_STARTS or len(words) > 2)  # noqa: PLR2004


def _without_role(name: str) -> str:
    """Leave out a role behind a name: "Ann Lee Staff Writer"."""
    words = name.split()
    if len(words) < 3 or words[-1].casefold() not in _ROLE_ENDS:  # noqa: PLR2004
        return name
    words.pop()
    while len(words) > 2 and words[-1].casefold() in _ROLE_STARTS:  # noqa: PLR2004
        words.pop()
    return " ".join(words)


def _is_name(name: str) -> bool:
    if len(name) > _MAX_NAME or name.startswith(("@", "{", "%", "/", "#")) or "://" in name:
        return False
    words = name.split()
    if len(words) > _MAX_WORDS or not any(map(str.isalpha, name)):
        return False
    lower = name.casefold()
    if lower in _NOBODY:
        return False
    return not (
        words[-1].casefold() in _ROLE_ENDS and (len(words) == 1 or words[0].casefold() in _ROLE_STARTS)
    )
