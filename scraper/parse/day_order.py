"""Whether a page's language writes the day before the month, where the year comes last (CLDR, dates)."""

from __future__ import annotations

# fmt: off
_DAY_FIRST = frozenset((
    "ar", "az", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "fi", "fr", "he", "hr", "id", "is",
    "it", "lv", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "tr", "uk", "vi",
))
"""Languages that do so everywhere. English does both, by region."""
_MONTH_FIRST_REGIONS = frozenset(("as", "gu", "mh", "mp", "ph", "pr", "um", "us", "vi"))
_DAY_FIRST_REGIONS = frozenset((
    "001", "150", "ag", "au", "bb", "bs", "bw", "bz", "cm", "cy", "dm", "fj", "gb", "gd", "gg", "gh", "gi",
    "gm", "gy", "hk", "ie", "il", "im", "in", "je", "jm", "ke", "kn", "lc", "lk", "ls", "mt", "mu", "mw",
    "my", "na", "ng", "nz", "pg", "pk", "rw", "sc", "sg", "sl", "sz", "tt", "tz", "ug", "vc", "za", "zm",
    "zw",
))
# fmt: on


def writes_day_first(lang: str) -> bool:
    """Tell whether all who write a language do so; ``lang`` is a lower-case tag (BCP 47)."""
    return lang.partition("-")[0] in _DAY_FIRST and not lang.endswith("-us")


def is_day_first_in_english(lang: str) -> bool | None:
    """Tell the order by the region of a tag of English, ``None`` without one, or one that does both."""
    language, *subtags = lang.replace("_", "-").split("-")
    if language == "en":
        for subtag in subtags:
            if subtag in _DAY_FIRST_REGIONS or subtag in _MONTH_FIRST_REGIONS:
                return subtag in _DAY_FIRST_REGIONS
    return None
