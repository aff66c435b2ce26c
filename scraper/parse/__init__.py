"""The parse stage: bytes of a page in, the document's part of the record out.

bytes ──decode──► text ──document──► elements ──metadata, links, text──► Page
"""

from __future__ import annotations

from scraper.parse.document import BrokenDocument
from scraper.parse.page import PageParser

__all__ = ["BrokenDocument", "PageParser"]
