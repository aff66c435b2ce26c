"""Large pages as sites of today send them, made up: the same ones on every machine.

What a page of the web weighs is not its text: here some 4,000 words, an eighth of the bytes. Scripts, styles
and attributes are three quarters; the pages
have some 2,500 elements and 300 links under a dozen wrappers, a menu, cards with responsive pictures and
icons, an article, a table, comments, JSON-LD, OpenGraph, and the state of a front-end framework. Sizes are
spread log-normally around the mean.
"""

from __future__ import annotations

import json
import math
import random
import statistics
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT: Final = 150
MEAN_BYTES: Final = 198_000
_SIGMA: Final = 0.45
"""Of the logarithm of a page's size: a tenth of the pages is below 100 KB, a tenth above 320."""
_STEP: Final = 67
"""Prime to ``COUNT``, so that pages of all sizes follow each other."""
_MENU, _CARDS, _PARAGRAPHS, _ROWS, _COMMENTS, _FOOTER = 110, 34, 52, 60, 24, 60
"""How many there are of each on a page of the mean size."""
_WIDTHS = (320, 640, 1280)
_SCRIPT_SHARE: Final = 0.17
"""The share of the state and the tracking scripts in a page, which fill it up to its size at least."""


_SKEW: Final = 4
"""How much more often the first words are taken, so that a page has about as many different ones as a real one."""


def _vocabulary(count: int) -> tuple[str, ...]:
    """Invent words of one to three syllables."""
    draw = random.Random("vocabulary")  # noqa: S311 - the same on every machine is the point
    syllables = [
        first + second for first in "bcdfghjklmnprstv" for second in ("a", "e", "i", "o", "u", "er", "an")
    ]
    ends = ("", "", "", "n", "s", "st", "nd")
    return tuple(
        "".join(draw.choices(syllables, k=draw.choice((1, 2, 2, 3)))) + draw.choice(ends)
        for _ in range(count)
    )


_WORDS: Final = _vocabulary(4000)


class _Writer:
    """What one page is drawn from: everything comes from its number."""

    def __init__(self, number: int) -> None:
        self.draw = random.Random(f"page {number}")  # noqa: S311 - the same on every machine is the point
        self.host = f"www.{self.word()}{self.word()}.example"

    def word(self) -> str:
        return _WORDS[int(self.draw.random() ** _SKEW * len(_WORDS))]

    def words(self, least: int, most: int) -> str:
        return " ".join(self.word() for _ in range(self.draw.randint(least, most)))

    def title(self, least: int = 3, most: int = 9) -> str:
        return self.words(least, most).capitalize()

    def slug(self) -> str:
        return f"{self.word()}-{self.word()}-{self.number(10_000, 999_999)}"

    def number(self, least: int, most: int) -> int:
        return self.draw.randint(least, most)

    def token(self, length: int) -> str:
        return f"{self.draw.getrandbits(4 * length):0{length}x}"

    def classes(self, block: str) -> str:
        """Names as component libraries and utility frameworks give them."""
        return f"{block} {block}--{self.word()} css-{self.token(6)}"

    def href(self) -> str:
        """Mostly to pages of the same site."""
        roll = self.draw.random()
        if roll < 0.12:
            return f"https://{self.word()}.example/{self.slug()}?utm_source={self.word()}&amp;utm_medium=web"
        if roll < 0.2:
            return f"https://{self.host}/{self.word()}/{self.slug()}"
        return f"/{self.word()}/{self.slug()}"

    def link(self, block: str, text: str) -> str:
        rel = ' rel="nofollow noopener"' if self.draw.random() < 0.1 else ""
        return f'<a class="{block}__link" href="{self.href()}" data-track="{self.token(4)}"{rel}>{text}</a>'

    def icon(self) -> str:
        path = " ".join(
            f"{self.draw.choice('MLHVC')}{self.number(0, 24)} {self.number(0, 24)}" for _ in range(7)
        )
        return (
            '<svg class="icon" width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">'
            f'<path fill="currentColor" d="{path}z"></path></svg>'
        )

    def picture(self, alt: str) -> str:
        image = f"https://cdn.{self.host}/i/{self.token(12)}"
        widths = ", ".join(f"{image}-{width}.webp {width}w" for width in _WIDTHS)
        return (
            f'<picture class="media"><source type="image/webp" sizes="(min-width: 60em) 33vw, 100vw" '
            f'srcset="{widths}"><img class="media__img" loading="lazy" decoding="async" width="640" height="360" '
            f'src="{image}-640.jpg" alt="{alt}"></picture>'
        )

    def prose(self, least: int, most: int) -> str:
        """Running text with what stands in it."""
        text = self.title(least, most)
        text += f" <span>{self.words(2, 6)}</span>, <b>{self.word()}</b> {self.words(3, 9)}"
        roll = self.draw.random()
        if roll < 0.4:
            text += f" {self.link('prose', self.words(1, 4))} {self.words(4, 12)}"
        elif roll < 0.6:
            text += f" <strong>{self.words(1, 3)}</strong> {self.words(3, 9)} <em>{self.word()}</em>"
        return f"{text}."


def _menu(of: _Writer, count: int) -> Iterator[str]:
    yield f'<header class="{of.classes("header")}"><a class="logo" href="/">{of.icon()}<span>{of.host}</span></a>'
    yield '<form class="search" action="/search" role="search"><input type="search" name="q"></form><nav><ul>'
    for number in range(count):
        if number % 10 == 0:
            yield f"{'</ul></li>' if number else ''}<li class='{of.classes('menu')}'><ul role='menu'>"
        yield f'<li class="menu__item" role="none">{of.link("menu", f"<span>{of.title(1, 3)}</span>")}</li>'
    yield "</ul></li></ul></nav></header>"


def _article(of: _Writer, count: int) -> Iterator[str]:
    yield f'<article class="{of.classes("article")}"><div class="prose">'
    for number in range(count):
        if number % 7 == 3:
            yield f'<h2 id="{of.slug()}" class="prose__heading">{of.title(2, 6)}</h2>'
        if number % 12 == 5:
            yield f"<figure>{of.picture(of.title(3, 8))}<figcaption>{of.title(5, 12)}</figcaption></figure>"
        yield f'<p class="prose__text" data-block="{of.token(6)}">{of.prose(8, 26)}</p>'
    yield "</div></article>"


def _table(of: _Writer, count: int) -> Iterator[str]:
    yield f'<table class="{of.classes("table")}"><tbody>'
    for _ in range(count):
        yield f'<tr class="table__row"><th scope="row">{of.title(1, 3)}</th><td>{of.words(1, 5)}</td><td>{of.number(1, 9999)}</td></tr>'
    yield "</tbody></table>"


def _cards(of: _Writer, count: int) -> Iterator[str]:
    yield f'<section class="{of.classes("grid")}"><h2>{of.title(1, 3)}</h2>'
    for _ in range(count):
        title = of.title(3, 9)
        yield (
            f'<div class="{of.classes("grid__cell")}"><div class="card" data-id="{of.token(10)}" '
            f'data-impression=\'{{"pos":{of.number(1, 99)},"list":"{of.word()}"}}\'><div class="card__media">'
            f'<a href="{of.href()}" tabindex="-1" aria-hidden="true">{of.picture(title)}</a></div>'
            f'<div class="card__body"><span class="{of.classes("badge")}">{of.word()}</span>'
            f'<h3 class="card__title">{of.link("card", title)}</h3><p class="card__text"><span>{of.title(4, 10)}.</span></p>'
            f'<div class="card__meta"><time datetime="2024-0{of.number(1, 9)}-1{of.number(0, 9)}">'
            f"{of.number(1, 28)} {of.word()}</time>"
            f'<span class="price"><span>{of.number(1, 999)}</span><sup>{of.number(10, 99)}</sup></span></div>'
            f'<div class="card__tools"><button type="button" class="{of.classes("button")}" aria-label="{of.word()}">'
            f"{of.icon()}</button>{of.link('tag', of.word())}</div></div></div></div>"
        )
    yield "</section>"


def _comments(of: _Writer, count: int) -> Iterator[str]:
    yield f'<section class="{of.classes("comments")}"><h2>{of.title(1, 2)}</h2><ol>'
    for _ in range(count):
        yield (
            f'<li class="comment" id="c{of.token(8)}"><div class="comment__head">'
            f'<img class="avatar" src="/a/{of.token(10)}.png" width="40" height="40" alt="">'
            f'<span class="comment__by">{of.link("user", of.title(1, 2))}</span></div>'
            f'<div class="comment__text"><p>{of.prose(4, 18)}</p></div><div class="comment__tools">'
            f'<button type="button" data-vote="up">{of.icon()}</button><span>{of.number(0, 99)}</span></div></li>'
        )
    yield "</ol></section>"


def _footer(of: _Writer, count: int) -> Iterator[str]:
    yield f'<footer class="{of.classes("footer")}"><div class="footer__grid">'
    for number in range(count):
        if number % 12 == 0:
            yield f'{"</ul></div>" if number else ""}<div><h4>{of.title(1, 2)}</h4><ul class="footer__list">'
        yield f"<li>{of.link('footer', of.title(1, 3))}</li>"
    yield f"</ul></div></div><small>{of.title(6, 12)}</small></footer>"


def _head(of: _Writer, *, title: str, url: str) -> Iterator[str]:
    description, image = of.title(14, 26), f"https://cdn.{of.host}/i/{of.token(12)}-1200.jpg"
    published = f"2024-0{of.number(1, 9)}-1{of.number(0, 9)}T08:30:00+01:00"
    yield f'<meta charset="utf-8"><title>{title} | {of.host}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta name="description" content="{description}"><link rel="canonical" href="{url}">'
    for name, content in (
        ("og:type", "article"), ("og:title", title), ("og:description", description), ("og:url", url),
        ("og:image", image), ("og:site_name", of.host), ("article:published_time", published),
    ):  # fmt: skip
        yield f'<meta property="{name}" content="{content}">'
    for name, content in (
        ("twitter:card", "summary_large_image"), ("twitter:title", title), ("twitter:image", image),
        ("author", of.title(2, 2)), ("robots", "index, follow, max-image-preview:large"),
        ("theme-color", f"#{of.token(6)}"), ("generator", "Sitemaker 6.4"),
    ):  # fmt: skip
        yield f'<meta name="{name}" content="{content}">'
    for language in ("en", "de", "fr", "es", "x-default"):
        yield f'<link rel="alternate" hreflang="{language}" href="{url}?lang={language}">'
    yield '<link rel="alternate" type="application/rss+xml" title="News" href="/feed.xml">'
    yield '<link rel="icon" href="/favicon.svg" type="image/svg+xml"><link rel="manifest" href="/site.webmanifest">'
    for _ in range(8):
        yield f'<link rel="preload" as="script" crossorigin href="/_static/chunks/{of.token(16)}.js">'
    graph = [
        {"@type": "Organization", "name": of.host, "url": f"https://{of.host}/", "logo": image},
        {
            "@type": "NewsArticle",
            "headline": title,
            "datePublished": published,
            "author": {"@type": "Person", "name": of.title(2, 2)},
            "image": [image],
            "description": description,
        },
        {
            "@type": "BreadcrumbList",
            "itemListElement": [
                {"@type": "ListItem", "position": place, "name": of.title(1, 3), "item": f"{url}/{of.slug()}"}
                for place in range(1, 5)
            ],
        },
    ]
    data = json.dumps({"@context": "https://schema.org", "@graph": graph})
    yield f'<script type="application/ld+json">{data}</script>'


def _styles(of: _Writer, size: int) -> Iterator[str]:
    yield "<style>"
    while size > 0:
        rule = (
            f".{of.word()}-{of.word()}:hover>.css-{of.token(6)}{{display:flex;margin:{of.number(0, 64)}px auto;"
            f"color:#{of.token(6)};transition:opacity .{of.number(1, 9)}s ease-in-out}}"
        )
        size -= len(rule)
        yield rule
    yield "</style>"


def _state(of: _Writer, size: int) -> Iterator[str]:
    """The state that a front-end framework takes up again in the browser, and a script that tracks."""
    yield '<script id="__STATE__" type="application/json">{"props":{"items":['
    first = True
    while size > 0:
        item = json.dumps(
            {
                "id": of.token(24),
                "slug": of.slug(),
                "title": of.title(4, 10),
                "image": {"src": f"https://cdn.{of.host}/i/{of.token(12)}.jpg", "w": 1280, "h": 720},
                "tags": [of.word() for _ in range(3)],
                "flags": {"premium": False, "live": False, "score": of.number(0, 1000)},
            },
            separators=(",", ":"),
        )
        size -= len(item) + 1
        yield item if first else f",{item}"
        first = False
    yield "]}}</script><script>(function(w,d){w.q=w.q||[];for(var i=0;i<3&&!d.hidden;i++){w.q.push(['t',i])}"
    yield f"w.site='{of.token(32)}';}})(window,document);</script>"
    for _ in range(6):
        yield f'<script defer src="/_static/chunks/{of.token(16)}.js"></script>'


def _body(of: _Writer, *, title: str, scale: float) -> Iterator[str]:
    def some(part: Callable[[_Writer, int], Iterator[str]], mean: int) -> Iterator[str]:
        return part(of, max(2, round(mean * scale * of.draw.uniform(0.7, 1.3))))

    yield from some(_menu, _MENU)
    wrappers = 12
    yield "".join(f'<div class="{of.classes("wrap")}">' for _ in range(wrappers))
    yield f"<main id='main'><h1 class='{of.classes('headline')}'>{title}</h1>"
    yield from some(_article, _PARAGRAPHS)
    yield from some(_table, _ROWS)
    yield from some(_cards, _CARDS)
    yield from some(_comments, _COMMENTS)
    yield f"</main>{'</div>' * wrappers}"
    yield from some(_footer, _FOOTER)


def _scale(number: int) -> float:
    """Return a page's size over the mean; ``COUNT`` pages in a row have the quantiles of the distribution."""
    quantile = (number * _STEP % COUNT + 0.5) / COUNT
    # The mean of a log-normal distribution is exp(sigma² / 2) times its median.
    return math.exp(_SIGMA * statistics.NormalDist().inv_cdf(quantile) - _SIGMA**2 / 2)


def real_page(number: int, *, about_bytes: int | None = None) -> bytes:
    """Return page ``number`` of the corpus as UTF-8: the same bytes whenever it is asked for.

    With ``about_bytes`` it is a page of about this size.
    """
    of = _Writer(number)
    scale = about_bytes / MEAN_BYTES if about_bytes else _scale(number)
    size = MEAN_BYTES * scale
    title = of.title(5, 10)
    head = "".join(_head(of, title=title, url=f"https://{of.host}/{of.slug()}"))
    body = "".join(_body(of, title=title, scale=scale))
    fill = max(size - len(head) - len(body), size * _SCRIPT_SHARE)
    styles = "".join(_styles(of, int(fill * 0.3)))
    state = "".join(_state(of, int(fill * 0.7)))
    html = f'<!doctype html>\n<html lang="en" class="no-js"><head>{head}{styles}</head><body>{body}{state}</body></html>\n'
    return html.encode()
