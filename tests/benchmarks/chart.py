"""The bars of ``docs/images/benchmarks.svg``: a group for each kind of pages, a bar for each program."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from tests.benchmarks.figures import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.figures import Figure

OURS: Final = "scraper"
"""What the labels of our own bars begin with."""
_WIDTH, _LABELS, _VALUES = 760, 250, 70
_BAR, _GAP, _HEAD, _MARGIN = 14, 8, 34, 12
# GitHub shows the picture on white and on nearly black: its texts have a contrast of 4 to 1 on both.
_INK, _OWN, _OTHERS = "#717a84", "#2a7bf0", "#8b949e"
_FONT = "font-family='system-ui, -apple-system, Segoe UI, sans-serif' font-size='13'"


def chart(groups: Sequence[tuple[str, Sequence[Figure]]]) -> str:
    """Return the picture; each group has its own scale, from zero to its quickest program."""
    parts: list[str] = []
    y = _MARGIN
    for title, figures in groups:
        y += _HEAD
        parts.append(f'<text x="0" y="{y - 12}" font-weight="600" fill="{_INK}">{escape(title)}</text>')
        most = max((figure.rate for figure in figures), default=1.0)
        for figure in figures:
            parts += _bar(figure, y=y, share=figure.rate / most)
            y += _BAR + _GAP
    height = y + _MARGIN
    told = "; ".join(
        f"{title}: " + ", ".join(f"{figure.label} {rounded(figure.rate)}" for figure in figures)
        for title, figures in groups
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" {_FONT}>\n<title>Pages a second</title>\n<desc>{escape(told)}</desc>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(figure: Figure, *, y: int, share: float) -> list[str]:
    is_own = figure.label.startswith(OURS)
    width = max(1.0, (_WIDTH - _LABELS - _VALUES) * share)
    middle = y + _BAR - 2
    colour, ink = (_OWN, _OWN) if is_own else (_OTHERS, _INK)
    label, rate = escape(figure.label), rounded(figure.rate)
    return [
        f'<text x="{_LABELS - 10}" y="{middle}" text-anchor="end" fill="{ink}">{label}</text>',
        f'<rect x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{_LABELS + width + 8:.1f}" y="{middle}" fill="{_INK}">{rate}</text>',
    ]
