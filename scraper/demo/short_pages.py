"""Pages of a title and nothing else, for places where only the way to them matters."""

from __future__ import annotations

from html import escape

from scraper.demo.truth import Expected

HTML = ("Content-Type", "text/html; charset=utf-8")


def markup(title: str) -> str:
    """Write one; what follows it stands in its body."""
    text = escape(title)
    return f"<!doctype html><html lang=en><head><title>{text}</title></head><body><h1>{text}</h1>"


def seen(title: str) -> Expected:
    """What is found on a ``markup``."""
    return Expected(
        status=200,
        content_type="text/html",
        parsed=True,
        title=title,
        lang="en",
        headings=((1, title),),
        charset="utf-8",
        charset_source="header",
    )
