"""The language that a text is written in, guessed from the text itself.

By py3langid (extra ``language``), measured on a headline and two sentences in 24 languages: 23 and 24 right
in 0.1 and 0.3 ms, its model 0.8 s to load and 120 MB. lingua had all of them right, but took 210 and 2 ms,
1.1 GB, and is 96 MB to download; its light mode took the Russian headline for Macedonian.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from scraper.errors import UsageError
from scraper.parse.text_figures import BEGINNING
from scraper.record import Language

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHARACTERS = BEGINNING
"""So much of a text is looked at: more changes nothing, and costs 0.2 µs a character."""
MIN_LETTERS = 10
"""Below that a guess is a throw of dice. In Chinese and its like three characters do."""

_REMEDY = "needs py3langid: pip install py3langid"
_NO_LANGUAGE = frozenset(("zxx", "und", "mul"))
"""Subtags of ISO 639-2 that name none."""
_letters = re.compile(r"[^\W\d_]").findall
_DENSE = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""Of scripts that say much in three characters; compiled when a text needs it, since that takes 3 ms."""


def require_library(*, asked_by: str) -> None:
    """Look for the library without loading it, for the setting that needs it.

    Raises:
        UsageError: py3langid is missing.
    """
    if find_spec("py3langid") is None:
        raise UsageError(f"{asked_by} {_REMEDY}")


def language_detector() -> Callable[[str], Language | None]:
    """Return what guesses a text's language; see ``detected_language``.

    Raises:
        UsageError: py3langid is missing.
    """
    _classifier()
    return detected_language


def detected_language(text: str) -> Language | None:
    """Guess a text's language; ``None`` when there is too little of it, or it is none (figures, code).

    Raises:
        UsageError: py3langid is missing.
    """
    beginning = text[:MAX_CHARACTERS]
    letters = len(_letters(beginning))
    if letters < MIN_LETTERS and not (letters >= 3 and re.search(_DENSE, beginning)):  # noqa: PLR2004 - as documented
        return None
    code, confidence = _classifier()(beginning)
    if code in _NO_LANGUAGE:
        return None
    return Language(code=code, confidence=round(min(1.0, max(0.0, float(confidence))), 3))


@cache
def _classifier() -> Callable[[str], tuple[str, float]]:
    """Load the model, once a process."""
    try:
        from py3langid.langid import (  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, 120 MB
            MODEL_FILE,
            LanguageIdentifier,
        )
    except ImportError as error:
        raise UsageError(f"the language of texts {_REMEDY}") from error
    identifier: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    classify: Callable[[str], tuple[str, float]] = identifier.classify
    return classify
