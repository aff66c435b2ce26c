"""Vocabularies that libraries and journals describe a document with, in ``meta`` elements.

- Dublin Core: ``DC.title`` and ``DCTERMS.issued`` (DCMI, "Expressing Dublin Core metadata using HTML/XHTML
  meta and link elements"; ISO 15836), also as RDFa properties, ``dcterms:title``.
- Highwire Press: ``citation_title``, as Google Scholar's inclusion guidelines have them; those of BE Press,
  ``bepress_citation_title``, are the same by another name.

This module does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scraper.parse.bounds import MAX_ENTRIES, MAX_KEYS
from scraper.parse.text import MAX_NAME, Texts, fold

if TYPE_CHECKING:
    from collections.abc import Iterable


_CITATION = "citation_"
_BEPRESS = "bepress_citation_"
_DUBLIN_CORE = ("dc.", "dc:", "dcterms.", "dcterms:", "dct.", "dct:")
PREFIXES = (*_DUBLIN_CORE, _CITATION, _BEPRESS)
"""What the lower-case names of these vocabularies begin with, for ``str.startswith``."""

# fmt: off
_TERMS = {name.lower(): name for name in (
    "accessRights", "accrualMethod", "accrualPeriodicity", "accrualPolicy", "bibliographicCitation",
    "conformsTo", "dateAccepted", "dateCopyrighted", "dateSubmitted", "educationLevel", "hasFormat",
    "hasPart", "hasVersion", "instructionalMethod", "isFormatOf", "isPartOf", "isReferencedBy",
    "isReplacedBy", "isRequiredBy", "isVersionOf", "rightsHolder", "tableOfContents",
)}
# fmt: on
"""The terms with capitals (DCMI Metadata Terms); pages write them in any case."""


class Vocabularies(NamedTuple):
    """What a page says in each, by name without prefix; values in document order."""

    dublin_core: dict[str, list[str]]
    """``title``, ``isPartOf``; with a refinement ``date.issued``. A value that comes twice, as ``DC`` and
    ``DCTERMS``, is there once."""
    citation: dict[str, list[str]]
    """``title``, ``author``, ``author_institution``. Repetitions stay: the institutions of the authors
    correspond by their order."""
    cut: set[str]
    """Which of the two has more than is kept."""


def read_vocabularies(metas: Iterable[tuple[str, str]], *, texts: Texts | None = None) -> Vocabularies:
    """Read what of ``meta`` elements is of these vocabularies.

    Names are not case-sensitive. ``scheme`` and ``link rel=schema.dc`` are of no use to a reader of JSON.

    Args:
        metas: ``name`` or ``property``, and ``content``, in document order; others are passed over. To be
            called with those that begin with ``PREFIXES``, or not at all, is quicker.
        texts: what makes fields.
    """
    texts = texts or Texts()
    dublin_core, citation, bepress = _Values(texts), _Values(texts), _Values(texts)
    for written, content in metas:
        name = written[: 2 * MAX_NAME].strip().lower()
        if name.startswith(_CITATION):
            citation.add(name[len(_CITATION) :], content, once=False)
        elif name.startswith(_BEPRESS):
            bepress.add(name[len(_BEPRESS) :], content, once=False)
        elif name.startswith(_DUBLIN_CORE):
            dublin_core.add(_term(name), content, once=True)
    cut = {"citation"} if citation.is_cut or bepress.is_cut else set()
    if dublin_core.is_cut:
        cut.add("dublin_core")
    return Vocabularies(dublin_core.found, {**bepress.found, **citation.found}, cut)


def _term(name: str) -> str:
    """Return a Dublin Core name without its prefix, each part in the standard's spelling."""
    parts = name.replace(":", ".").split(".")[1:]
    return ".".join(_TERMS.get(part, part) for part in parts)


class _Values:
    """The values of one vocabulary by name."""

    def __init__(self, texts: Texts) -> None:
        self.found: dict[str, list[str]] = {}
        self.is_cut = False
        self._field = texts.field
        self._seen: set[tuple[str, str]] = set()

    def add(self, name: str, content: str, *, once: bool) -> None:
        key, text = fold(name[:MAX_NAME]).strip("."), self._field(content)
        if not key or text is None:
            return
        if len(name) > MAX_NAME:
            self.is_cut = True
        if once:
            if (key, text) in self._seen:
                return
            self._seen.add((key, text))
        values = self.found.get(key)
        if values is None and len(self.found) < MAX_KEYS:
            values = self.found[key] = []
        if values is None or len(values) == MAX_ENTRIES:
            self.is_cut = True
            return
        values.append(text)
