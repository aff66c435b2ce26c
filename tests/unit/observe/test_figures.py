from __future__ import annotations

import pytest

from scraper.observe import figures


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"),
        (0.085, "85 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200.0, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500.0, "2 h 05 min"),
        (86_400 * 3 + 3600 * 4, "3 d 04 h"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert figures.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (20 * 1024**2, "20.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (2048 * 1024**4, "2,048.0 TiB"),
    ],
)
def test_size(count: int, words: str) -> None:
    assert figures.size(count) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 tries"), (1, "1 try"), (1234, "1,234 tries")])
def test_counted(count: int, words: str) -> None:
    assert figures.counted(count, one="try", many="tries") == words


@pytest.mark.parametrize(
    ("per_s", "words"), [(0.0, "0.0/s"), (0.251, "0.25/s"), (45.62, "45.6/s"), (1234.4, "1,234/s")]
)
def test_rate(per_s: float, words: str) -> None:
    assert figures.rate(per_s) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "0.0%"),
        (0, 9, "0.0%"),
        (1, 100_000, "<0.1%"),
        (1, 3, "33.3%"),
        (99_999, 100_000, "99.9%"),
        (9, 9, "100.0%"),
    ],
)
def test_share(part: int, whole: int, words: str) -> None:
    assert figures.share(part, whole=whole) == words
