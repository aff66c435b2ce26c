"""From the bytes of a robots.txt to a verdict on a URL (RFC 9309), and the line that decided.

The file is hostile input. Of its groups only the one that speaks to us is kept. Judging a URL looks up its
prefixes in a table and tries the patterns with ``*`` longest first, each by finding its pieces in order, so
that no pattern makes it go back and try again.

Where the RFC leaves room or crawlers differ:

- A pattern that begins with neither ``/`` nor ``*`` matches nothing: it is held against the path from its
  first octet (2.2.2), which is ``/``. Google's parser does so too; a guessed slash forbids what nobody wrote.
- Percent-encoded reserved characters stay what they are (2.2.2): ``%2F`` is not ``/``. The table in 2.2.2
  also encodes ``://`` within a query, which its text gives no rule for; here both spellings stay distinct.
- Bytes that are no UTF-8 are compared as the octets they are: a Latin-1 file still means its own URLs.
- That ``Allow: /x/index.html`` would allow ``/x/`` too is Google's alone, and left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, islice, product
from typing import NamedTuple, TypeAlias

from scraper.robots.reading import read_groups, shown_text
from scraper.urls import MAX_URL_BYTES

_token = re.compile(r"[A-Za-z_-]*").fullmatch
# What a path may hold as it is. The apostrophe is encoded on both sides because the URL Standard writes it
# %27 in queries; * and $ are in URLs, because a rule that means these signs spells them %2A and %24 (2.2.3).
_SAFE = rb"A-Za-z0-9\-._~:/?\[\]@!&()+,;="
_URL_SAFE = _SAFE.decode("ascii")
_odd_in_pattern = re.compile(rb"%[0-9A-Fa-f]{2}|[^" + _SAFE + rb"*]")
_odd_in_url = re.compile(rf"[^{_URL_SAFE}]").search
_odd_octet_in_url = re.compile(rb"%[0-9A-Fa-f]{2}|[^" + _SAFE + rb"]")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _normal_octets() -> dict[bytes, bytes]:
    """Map each octet to its escape, and each escape to its normal form (RFC 3986 6.2.2).

    That is the sign itself for an unreserved one, upper case for others.
    """
    digits = b"0123456789abcdefABCDEF"
    table = {bytes((octet,)): b"%%%02X" % octet for octet in range(256)}
    for high, low in product(digits, digits):
        octet = int(bytes((high, low)), 16)
        escape = bytes((0x25, high, low))
        table[escape] = bytes((octet,)) if octet in _UNRESERVED else escape.upper()
    return table


_NORMAL = _normal_octets()

_LONGEST_PATH = 3 * MAX_URL_BYTES
"""An octet of a URL becomes at most three; a rule of more octets than this matches none."""
_SHOWN = 500
_RULE_BYTES, _PIECE_BYTES, _COST_BYTES, _SITEMAP_BYTES, _SELF_BYTES = 250, 57, 130, 80, 700
"""What a rule, a piece of a pattern, its cost, a sitemap and the object take beside their text (CPython)."""

_WORK = 8_000_000
"""What the patterns with ``*`` may cost one verdict, in comparisons of two octets, some 0.5 ns each.

3 to 5 ms where it is reached, with the beginnings of all other patterns. Each pattern counts as what the
worst path would make of it, since ``str.find`` may compare all of a piece at each place: 800 patterns of 600
octets took 0.3 s for a path of 2400. That is 2000 patterns of 10 octets for a path of 300, and 80 for one of
8 KiB."""
_TRY_WORK, _PIECE_WORK = 200, 400
"""What taking up a pattern costs beside comparing, and each of its pieces."""


class Ruling(NamedTuple):
    """Whether a URL may be asked for, and why."""

    allowed: bool
    rule: str | None
    """The line that decided, as ``Disallow: /private``; ``None`` when no line is about the URL.

    The directive's name in its usual spelling, the value as in the file, of a very long one the beginning."""


_UNRULED = Ruling(allowed=True, rule=None)


class _Cost(NamedTuple):
    """How much of ``_WORK`` something takes."""

    per_octet: int
    """Of the path."""
    fixed: int

    def of(self, octets: int) -> int:
        """Return what it is for a path of so many octets."""
        return self.per_octet * octets + self.fixed


class _Glob(NamedTuple):
    """A pattern with ``*``: its pieces have to appear in this order."""

    rank: int
    needle: str
    """The longest piece; without it there is no match, which is seen soonest."""
    head: str
    """What the path has to begin with."""
    pieces: tuple[str, ...]
    tail: str | None
    """What it has to end with; ``None`` without a final ``$``."""
    ruling: Ruling

    @property
    def weight_bytes(self) -> int:
        """About how much memory it takes."""
        # CPython has the strings of one sign only once.
        pieces = sum(8 + (_PIECE_BYTES + len(piece)) * (len(piece) > 1) for piece in self.pieces)
        return _RULE_BYTES + _COST_BYTES + len(self.head) + pieces + len(self.ruling.rule or "")

    @property
    def cost(self) -> _Cost:
        """What trying it costs at the most: the needle is looked for, then all pieces from left to right."""
        return _Cost(len(self.needle) + 2, _TRY_WORK + _PIECE_WORK * len(self.pieces))

    def matches(self, path: str) -> bool:
        """Find the pieces from left to right; the first place of each is as good as any later one."""
        if not path.startswith(self.head):
            return False
        at = len(self.head)
        for piece in self.pieces:
            at = path.find(piece, at)
            if at < 0:
                return False
            at += len(piece)
        return self.tail is None or (len(path) - len(self.tail) >= at and path.endswith(self.tail))


_RankedRuling: TypeAlias = tuple[int, Ruling]


@dataclass(frozen=True, slots=True, eq=False)
class RobotsRules:
    """What one robots.txt says to one crawler. Immutable; made by ``parse``."""

    _prefixes: dict[str, _RankedRuling]
    _lengths: tuple[int, ...]
    """Those of the prefixes, longest first."""
    _exact: dict[str, _RankedRuling]
    _globs: tuple[_Glob, ...]
    """Highest rank first."""
    _costs: tuple[_Cost, ...]
    """For each of these what it and those before it cost together."""
    _head_lengths: frozenset[int]
    """Those of what they begin with."""
    crawl_delay_s: float | None
    """Seconds between two requests, as the chosen group asks with ``Crawl-delay`` or ``Request-rate``.

    The largest when several, not capped; ``None`` when it asks for nothing."""
    sitemaps: tuple[str, ...]
    """The values of all ``Sitemap`` lines, in order, each once, as written: not checked to be URLs."""
    weight_bytes: int
    """About how much memory this keeps."""

    @classmethod
    def parse(cls, body: bytes, *, token: str) -> RobotsRules:
        """Read a robots.txt, whatever the bytes are.

        Up to 0.25 s for the worst file of ``MAX_BYTES``, about 1 ms for 300 rules: a body of more than some
        64 KiB is better read in a thread.

        Args:
            body: The file, decoded as to content encoding only.
            token: Our product token (RFC 9309 2.2.1), letters, ``_`` and ``-``. It picks all groups that name
                it, in any case but whole; without one, those of ``*``; without these nothing is forbidden. An
                empty token is named by no group.

        Raises:
            ValueError: The token has other characters; it could never be matched.
        """
        if not _token(token):
            raise ValueError(f"{token!r} is no product token: letters, '_' and '-' only")
        ours, everyone, sitemaps = read_groups(body, token=token.lower().encode("ascii"))
        group = ours if ours.named else everyone
        prefixes: dict[str, _RankedRuling] = {}
        exact: dict[str, _RankedRuling] = {}
        globs: list[_Glob] = []
        for name, value in group.rules:
            if len(value) - value.count(b"*") > 3 * _LONGEST_PATH:
                continue  # too long also if all of it were escapes; 500 KiB of them took 0.4 s to normalise
            pattern = _normal_pattern(value)
            rank = 2 * len(pattern) + (name == "Allow")
            anchored = pattern.endswith("$")
            literal = pattern[:-1] if anchored else pattern
            if not literal.startswith(("/", "*")) or len(literal) - literal.count("*") > _LONGEST_PATH:
                continue
            if "*" in literal:
                globs.append(_glob(literal, anchored=anchored, rank=rank, ruling=_ruling(name, value)))
                continue
            table = exact if anchored else prefixes
            if literal not in table or table[literal][0] < rank:
                table[literal] = rank, _ruling(name, value)
        globs.sort(key=lambda glob: -glob.rank)
        return cls(
            prefixes,
            tuple(sorted({len(prefix) for prefix in prefixes}, reverse=True)),
            exact,
            tuple(globs),
            tuple(accumulate((glob.cost for glob in globs), _sum)),
            frozenset(len(glob.head) for glob in globs),
            group.delay_s,
            tuple(sitemaps),
            _SELF_BYTES
            + sum(_SITEMAP_BYTES + len(sitemap) for sitemap in sitemaps)
            + sum(_RULE_BYTES + 2 * len(literal) for table in (prefixes, exact) for literal in table)
            + sum(glob.weight_bytes for glob in globs),
        )

    def judge(self, url: str) -> Ruling:
        """Say whether a URL may be asked for.

        The longest pattern that matches decides, counted in octets of its normal form; of two equally long
        ones the one that allows (RFC 9309 2.2.2). ``/robots.txt`` is always allowed. Where that would take
        too long (``_WORK``), the shortest patterns with ``*`` forbid all that begins like them.

        Args:
            url: An absolute request URL as by ``scraper.urls``; its path and query are compared. A fragment
                is left out. The host is not looked at.
        """
        path = _path(url)
        best, ruling = 0, _UNRULED
        for length in self._lengths:
            # A path shorter than the length is looked up whole, which finds nothing wrong.
            if found := self._prefixes.get(path[:length]):
                best, ruling = found
                break
        if self._exact and (found := self._exact.get(path)) and found[0] > best:
            best, ruling = found
        if self._globs:
            tried = bisect_right(self._costs, _WORK, key=lambda cost: cost.of(len(path)))
            ruling = self._first_glob(path, tried=tried, best=best) or ruling
        return ruling if ruling.allowed or path != "/robots.txt" else _UNRULED

    def _first_glob(self, path: str, *, tried: int, best: int) -> Ruling | None:
        """Return what the highest pattern that matches and is above ``best`` says, ``None`` without one.

        Those behind the first ``tried`` only have their beginning compared.
        """
        globs = self._globs
        for glob in globs if len(globs) <= tried else globs[:tried]:
            if glob[0] <= best:
                return None
            if glob[1] in path and glob.matches(path):
                return glob.ruling
        if len(globs) <= tried:
            return None
        # Looking a beginning up takes a third of what comparing it does, and there may be 30,000.
        beginnings = {path[:length] for length in self._head_lengths}
        for rank, _, head, _, _, ruling in islice(globs, tried, None):
            if rank <= best:
                return None
            if head in beginnings and not ruling.allowed:
                return ruling
        return None


def _sum(one: _Cost, other: _Cost) -> _Cost:
    return _Cost(one.per_octet + other.per_octet, one.fixed + other.fixed)


def _glob(literal: str, *, anchored: bool, rank: int, ruling: Ruling) -> _Glob:
    """Take a pattern with ``*`` apart."""
    head, *rest = literal.split("*")
    tail = rest.pop() if anchored else None
    pieces = tuple(filter(None, rest))
    needle = max((head, *pieces, tail or ""), key=len)
    return _Glob(rank, needle, head, pieces, tail, ruling)


def _normal_pattern(value: bytes) -> str:
    """Return a pattern as it is compared: ASCII, ``*`` kept, a final ``$`` kept, any other ``$`` encoded."""
    anchored = value.endswith(b"$")
    pattern = _odd_in_pattern.sub(_normal, value[:-1] if anchored else value).decode("ascii")
    return pattern + "$" if anchored else pattern


def _path(url: str) -> str:
    """Return path and query of a URL as they are compared."""
    start = url.find("/", 8)  # behind the first octet of the host of 'http://'
    path = url[start:] if start > 0 else "/"
    if not _odd_in_url(path):
        return path
    octets = path.partition("#")[0].encode("utf-8", "replace")
    return _odd_octet_in_url.sub(_normal, octets).decode("ascii")


def _normal(found: re.Match[bytes]) -> bytes:
    return _NORMAL[found[0]]


def _ruling(name: str, value: bytes) -> Ruling:
    """Build the answer once, so that judging makes no objects."""
    line = f"{name}: {shown_text(value[: 4 * _SHOWN])}"
    return Ruling(name == "Allow", line if len(line) <= _SHOWN else line[:_SHOWN] + "…")
