"""What a URL is called where: to ask for it, to count its host, to find duplicates.

Three values that must not be mixed up: the *input* as the user wrote it; the *request URL*, which is
what the WHATWG URL Standard makes of it, no more; and the *key*, which goes further (RFC 3986
6.2.2) so that two spellings of one URL meet, and is therefore never fetched.

Parsing is Ada's (``can_ada``), the parser of Node.js. Most URLs in lists and pages are written the
way it would write them already; one regular expression recognises those and saves the call. Whatever
it takes must come out of the parser unchanged: the tests hold the two together.

How a URL is shown to people is the matter of ``redaction``. This module does no I/O.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import unquote

import can_ada

from scraper.errors import InvalidUrl

MAX_URL_BYTES = 8192
"""No longer URL is asked for; RFC 9110 4.1 wants 8000 octets supported, few servers take more."""

_MAX_HOST = 253
_MAX_LABEL = 63
_MAX_PORT = 65_535
_SHOWN = 80

# What the parser gives back as it was given. Host: lower-case labels, the last one beginning with a letter,
# so that it is no IPv4 number, and no punycode, which would have to be verified; or an IPv4 address in full.
# Port: four or five digits, so it is no default. Path: no segment that begins with a dot, spelt %2e either.
# Query: no apostrophe, which is escaped there.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HOST = (
    rf"(?![^/:]{{{_MAX_HOST + 1}}})"
    r"((?:(?![^/]*xn--)(?:[a-z0-9_-]{1,63}\.)++[a-z][a-z0-9-]{0,62}+"
    rf"|(?:{_OCTET}\.){{3}}{_OCTET})(?::(?:[1-5][0-9]{{4}}|[1-9][0-9]{{3}}))?+)"
)
PLAIN_SEGMENT = r"(?!\.)(?:[A-Za-z0-9._~!$&'()*+,;=:@-]++|%(?!2[Ee]))*+"
"""A pattern, as the next two: a segment of a path, perhaps empty, that parsing does not change."""
PLAIN_PATH = rf"(?:/{PLAIN_SEGMENT})++"
PLAIN_QUERY = r"(?:\?[A-Za-z0-9._~!$&()*+,;=:@/?%-]*+)"
plain_url = re.compile(rf"https?://{_HOST}({PLAIN_PATH}{PLAIN_QUERY}?+)?+").fullmatch
"""Matches an absolute URL of any length, without a fragment, that parsing does not change but for a slash
behind the host where there is no group 2, the path and query. Group 1 is the host key."""

_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):").match
_port_follows = re.compile(r"[0-9]{1,5}(?:[/\\?#]|$)").match
_NUMBERED_SCHEMES = frozenset({"callto", "data", "fax", "sms", "tel", "urn"})
_SCHEMES = frozenset({"http", "https"})
_guessable_host = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]").fullmatch
_ipv4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}").fullmatch
_carried_host = re.compile(r"\[.*|[^.]{1,63}+(?:\.[^.]{1,63}+)*+").fullmatch
_authority = re.compile(r"https?:[/\\]*([^/\\?#]*)", re.IGNORECASE).match

_unprintable = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]").search
_escaped_byte = re.compile("[\udc80-\udcff]")
_lone_surrogate = re.compile("[\ud800-\udfff]")
# Controls, blanks, and marks of no width or of direction: what copying leaves at a line's ends.
_EDGES = " " + "".join(char for char in map(chr, (*range(0x3001), 0xFEFF)) if not char.isprintable())
_SQUEEZED = {ord(c): None for c in "\t\n\r"}

_triplet = re.compile(r"%([0-9A-Fa-f]{2})")
_stray_percent = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

AT_SIGN = r"(?:[@\uff20\ufe6b]|%(?:25)*40)"
"""A pattern: the sign, what IDNA takes for it (UTS 46), and it percent-encoded, also repeatedly."""
_at_sign = re.compile(AT_SIGN).search
_needs_no_user = re.compile(r"\s*(?:mailto:[^:/\\]*|/@.*)", re.IGNORECASE).fullmatch
_origin = re.compile(r"(?:[a-z][a-z0-9+.-]*:[/\\]*|[/\\]{2,})([^/\\?#]*)", re.IGNORECASE).match
_label_end = re.compile("[.\u3002\uff0e\uff61]")  # UTS 46 takes all of them for the dot
_port = re.compile(r":[0-9]*\Z")
_root_dot = re.compile(r"\.(?=(?::[0-9]+)?\Z)")


class ParsedUrl(NamedTuple):
    """A user's line, understood."""

    url: str
    """The request URL: absolute, ASCII, without a fragment."""
    host: str
    """The host key, as by ``host_key``."""
    key: str
    """As by ``dedup_key``."""
    guessed_scheme: bool = False
    """The line had no scheme; ``https`` was put before it. See ``http_variant``."""
    is_plain_host: bool = True
    """The line names the host as it is called: letters of either case, an IPv6 address or an international
    name in any of their forms, but no number or escape that only a parser takes for this host, and no dot
    of the root."""


def parse_input(line: str) -> ParsedUrl:
    """Make a request URL of what a user wrote (WHATWG URL Standard 4.4, and a guess at the scheme).

    White space around the line goes, tabs and line ends inside it too. Without a scheme
    (``example.com/x``, ``localhost:8000``, ``//host/x``) it is read as https, provided that the host
    looks like one: a dot, a port, a path or ``localhost``.

    Raises:
        InvalidUrl: It is no http or https URL, is longer than ``MAX_URL_BYTES``, holds control
            characters, a user name or password, or bytes that were no UTF-8 (U+FFFD, surrogates).
            The message is one line and repeats no password.
    """
    guessed = not line.startswith("http")
    candidate = "https://" + line if guessed else line
    if (plain := plain_url(candidate)) and len(candidate) < MAX_URL_BYTES:
        url = candidate if plain[2] else candidate + "/"
        return ParsedUrl(url, plain[1], dedup_key(url) if "%" in url else url, guessed)
    return _parse_with_care(line)


def _parse_with_care(line: str) -> ParsedUrl:
    """Parse any line; ``parse_input`` is the same, quicker for plain lines."""
    text = trimmed(line)
    if not text:
        raise InvalidUrl("the line is empty")
    if len(text) > MAX_URL_BYTES:
        raise InvalidUrl(f"longer than {MAX_URL_BYTES} bytes")
    if odd := _unprintable(text):
        raise InvalidUrl(_unprintable_reason(odd[0]))
    absolute, guessed = _with_scheme(text)
    check_labels(absolute)
    try:
        parsed = can_ada.parse(absolute)
    except ValueError:
        raise InvalidUrl(_parse_failure(absolute)) from None
    if parsed.has_credentials():
        raise InvalidUrl("a user name or password stands before the host; remove it from the URL")
    url, host = url_and_host(parsed)
    if guessed:
        _judge_guess(text, parsed.hostname, has_port=bool(parsed.port))
    host = _without_dot(host)
    key = dedup_key(url)
    return ParsedUrl(drop_fragment(url), host, key, guessed, _names_plainly(absolute, host_name(host)))


def _names_plainly(absolute: str, name: str) -> bool:
    """Return whether a URL as it is written names a host in a form that people know it by.

    WHATWG URL Standard 3.5 takes ``127.1``, ``0x7f000001`` and full-width digits for ``127.0.0.1``, and
    undoes escapes. Who writes so may mean to hide the host from a person who looks the list over.
    """
    found = _authority(absolute)
    written = _port.sub("", found[1]) if found else ""
    if written.isascii():
        return written.lower() == name or (written.startswith("[") and "%" not in written)
    return "xn--" in name and "%" not in written


def host_name(host: str) -> str:
    """Return a host key without its port."""
    return host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _unprintable_reason(char: str) -> str:
    if char == "\ufffd" or "\ud800" <= char <= "\udfff":
        return "not valid UTF-8"
    return f"control character U+{ord(char):04X} inside"


def _with_scheme(text: str) -> tuple[str, bool]:
    """Return the text with a scheme, and whether it had to be guessed."""
    if found := _scheme(text):
        scheme = found[1].lower()
        if scheme in _SCHEMES:
            return text, False
        if scheme in _NUMBERED_SCHEMES or not _port_follows(text, found.end()):
            # What looks like a scheme may be a user's name, and a password follow it.
            named = "" if may_hold_user_info(text) else f"the scheme is {scheme[:_SHOWN]!r}, "
            raise InvalidUrl(f"{named}only http and https are asked for")
    elif text.startswith(("/", "\\")):
        if text[1:2] not in {"/", "\\"}:
            raise InvalidUrl("a path without a host")
        return "https:" + text, True
    return "https://" + text, True


def check_labels(text: str) -> None:
    """Refuse a long label that is not ASCII: Punycode takes the square of its length, 0.4 s for 8000.

    DNS could not carry it: Punycode is never shorter than the text (RFC 3492 section 3).

    Raises:
        InvalidUrl: There is one.
    """
    if len(text) <= _MAX_LABEL or (text.isascii() and "%" not in text):
        return
    found = _origin(trimmed(text))
    host = unquote(found[1].rpartition("@")[2]) if found else ""
    if not host.isascii() and any(len(label) > _MAX_LABEL for label in _label_end.split(host)):
        raise InvalidUrl("a part of the host is too long")


def _parse_failure(absolute: str) -> str:
    """Say why the parser refused, as far as that can be seen from outside."""
    if _at_sign(absolute):  # the part shown might be a password
        return "no valid host or port"
    found = _authority(absolute)
    authority = found[1] if found else ""
    host, _, port = authority.rpartition(":")
    if port.isdecimal() and host and not host.endswith(":"):
        return f"port {port[:_SHOWN]} is out of range" if int(port[:9]) > _MAX_PORT else _no_host(host)
    return _no_host(authority) if authority else "no host"


def _no_host(text: str) -> str:
    return f"{text[:_SHOWN]!r} is no valid host"


def _judge_guess(text: str, name: str, *, has_port: bool) -> None:
    """Refuse what only a generous parser would take for a host: words, numbers, scraps of JSON."""
    if not _guessable_host(name):
        raise InvalidUrl(_no_host(name))
    if _ipv4(name) and name not in text:
        raise InvalidUrl("a number, not a URL")
    if name in _SCHEMES:  # taken for a host, it would be asked for the rest, a password perhaps
        raise InvalidUrl(f"the scheme is not followed by ://, or not spelt {name}")
    bare = not has_port and not set(text.lstrip("/\\")) & set("/\\?#:")
    if bare and "." not in name and name != "localhost" and name[0] != "[":
        raise InvalidUrl(f"no scheme and no host with a dot; write https://{name[:_SHOWN]}/ if it is one")


def url_and_host(parsed: can_ada.URL) -> tuple[str, str]:
    """Return the URL that was parsed, without credentials, and its host with any port that is not the usual.

    A fragment stays, and so does a dot of the root behind the host, which ``host_key`` drops.

    Stricter than WHATWG in two ways: a host that DNS can't carry (RFC 1035 2.3.4: labels of 1 to 63
    octets, 253 in all) is refused here, because resolvers raise odd errors for it; and the length of
    what would be sent is bounded.

    Raises:
        InvalidUrl: It is not http or https, or too long, or DNS can't carry its host.
    """
    url = parsed.href
    if not url.startswith(("http://", "https://")):
        scheme = parsed.protocol[:-1]
        raise InvalidUrl(f"the scheme is {scheme[:_SHOWN]!r}, only http and https are asked for")
    host = parsed.host
    name = host if host[0] == "[" else host.partition(":")[0].removesuffix(".")
    if not _carried_host(name) or len(name) > _MAX_HOST:
        raise InvalidUrl(f"{_no_host(name)}: a part of it is empty or too long")
    if parsed.has_credentials():  # an at sign in them is percent-encoded
        url = f"{parsed.protocol}//{url.partition('@')[2]}"
    if len(url) > MAX_URL_BYTES:
        raise InvalidUrl(f"longer than {MAX_URL_BYTES} bytes")
    return url, host


def _parsed(url: str) -> tuple[str, str]:
    """Return ``url_and_host`` of an absolute URL.

    Raises:
        InvalidUrl: It is none.
    """
    try:
        check_labels(url)
        return url_and_host(can_ada.parse(scalar_text(url)))
    except ValueError:
        raise InvalidUrl("not a URL") from None


def dedup_key(url: str) -> str:
    """Return what equal URLs have in common; never to be fetched.

    Only rules that can't join different resources (RFC 3986 6.2.2, 6.2.3): scheme and host folded,
    default port, dot segments, credentials and fragment dropped, an empty path made ``/``, hex digits
    upper-case, unreserved characters decoded. Where a percent sign stands astray nothing is decoded:
    the result could read as another escape. Idempotent.

    Raises:
        InvalidUrl: The text is no http or https URL.
    """
    if (plain := plain_url(url)) and len(url) < MAX_URL_BYTES:
        key = url if plain[2] else url + "/"
    else:
        key = drop_fragment(_parsed(url)[0])
    undo = _fold_triplet if _stray_percent(key) else _decode_triplet
    return _triplet.sub(undo, key) if "%" in key else key


def _fold_triplet(triplet: re.Match[str]) -> str:
    return triplet[0].upper()


def _decode_triplet(triplet: re.Match[str]) -> str:
    char = chr(int(triplet[1], 16))
    return char if char in _UNRESERVED else triplet[0].upper()


def key_digest(key: str) -> bytes:
    """Return 16 bytes (BLAKE2b) that stand for a key in the state."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def host_key(url: str) -> str:
    """Return what politeness counts by: the lower-case host, with ``:port`` when it is not the scheme's own.

    http and https share it, and so do a name and the same with the dot of the root behind it. IPv6
    addresses keep their brackets.

    Raises:
        InvalidUrl: The text is no http or https URL.
    """
    if plain := plain_url(url):
        return plain[1]
    return _without_dot(_parsed(url)[1])


def _without_dot(host: str) -> str:
    """Return a host without the root's dot (RFC 1034 section 3.1): both names are one host."""
    return _root_dot.sub("", host)


def http_variant(url: str) -> str:
    """Return an https URL with http in its place, for a guessed scheme that did not answer.

    A port that the URL names is kept. A URL that is http already is returned as it is.

    Raises:
        InvalidUrl: The text is no http or https URL.
    """
    return _parsed("http:" + url[6:])[0] if url.startswith("https:") else _parsed(url)[0]


def sitemaps_place(url: str) -> str:
    """Return where to look for a site's sitemaps: robots.txt names them, for a URL that is only a host."""
    origin, _, rest = url[8:].partition("/")
    return url if rest else f"{url[:8]}{origin}/robots.txt"


def drop_fragment(url: str) -> str:
    """Return the part of a URL that is asked for: all before the first ``#``."""
    return url.partition("#")[0]


def may_hold_user_info(text: str) -> bool:
    """Return whether there is an at sign, in any spelling, that is no part of a mail address or a path."""
    return bool(_at_sign(text)) and not _needs_no_user(text)


def has_user_info(text: str) -> bool | None:
    """Return whether the parser finds a user name or password in a line, ``None`` when it finds no URL.

    No URL is also what names a host ``http`` or ``https``: a scheme misspelt, so that the user info stands
    where a parser sees a path.
    """
    try:
        absolute, _ = _with_scheme(scalar_text(trimmed(text)))
        check_labels(absolute)
        parsed = can_ada.parse(absolute)
    except (ValueError, InvalidUrl):
        return None
    return True if parsed.has_credentials() else None if parsed.hostname in _SCHEMES else False


def trimmed(text: str) -> str:
    """Return a line without what can't be seen at its ends, and without tabs and line ends inside."""
    return text.strip(_EDGES).translate(_SQUEEZED)


def scalar_text(text: str) -> str:
    """Return the text without lone surrogates: escaped bytes percent-encoded, others as U+FFFD."""
    if text.isascii() or not _lone_surrogate.search(text):
        return text
    text = _escaped_byte.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text)
    return _lone_surrogate.sub("\ufffd", text)
