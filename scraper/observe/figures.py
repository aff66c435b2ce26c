"""Figures in words: how displays write times, sizes, rates and shares. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400
_KIB = 1024
_TENTHS_BELOW = 100
"""Rates below this are worth a digit behind the point."""


def duration(seconds: float) -> str:
    """Write a time with its two leading units: ``85 ms``, ``4.2 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 0.9995:  # noqa: PLR2004 - what would round to 1000 ms
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:  # noqa: PLR2004 - what would round to 10.0 s
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S:02} h"


def counted(count: int, *, one: str, many: str) -> str:
    """Write a number with its noun: ``1 record``, ``1,234 records``."""
    return f"{count:,} {one if count == 1 else many}"


def kinds(counts: Mapping[str, int]) -> str:
    """Write how many there are of each kind, without those of which there are none: ``12 changed, 3 new``."""
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "none"


def size(count_bytes: int) -> str:
    """Write a number of bytes in binary units: ``512 B``, ``1.5 KiB``, ``20.0 MiB``."""
    if count_bytes < _KIB:
        return f"{count_bytes} B"
    amount = float(count_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= _KIB
        if amount < _KIB - 0.05:
            return f"{amount:,.1f} {unit}"
    return f"{amount / _KIB:,.1f} TiB"


def rate(per_s: float) -> str:
    """Write a rate: ``1,234/s``, ``45.6/s``, ``0.25/s``."""
    if per_s >= _TENTHS_BELOW:
        return f"{per_s:,.0f}/s"
    if per_s == 0 or per_s >= 1:
        return f"{per_s:.1f}/s"
    return f"{per_s:.2f}/s"


def share(part: int, *, whole: int) -> str:
    """Write a share in percent; only nothing is ``0.0%`` and only all is ``100.0%``."""
    if whole <= 0 or part <= 0:
        return "0.0%"
    if part >= whole:
        return "100.0%"
    percent = 100 * part / whole
    if percent < 0.1:  # noqa: PLR2004 - one digit is shown
        return "<0.1%"
    return f"{min(percent, 99.9):.1f}%"
