"""URLs and headers made fit to be shown: user info, tokens and cookies masked.

There are two degrees. A record and the state have a URL as it was asked for, parameters included, but no
user info: ``without_user_info``, ``shown_location``, ``shown_header``. Terminal and log have secret
parameters masked as well: ``redact``; so has an export on request: ``redact_within``.

What comes here is hostile, and as long as a header may be: everything takes time in proportion to the
length. So a pattern that is searched for may only begin where the run of characters before it has ended;
one that may begin anywhere in a run, and fails at its end, reads the run again from each place.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from scraper.urls import AT_SIGN, has_user_info, may_hold_user_info, trimmed

MASK = "***"
"""Stands for user info and for a parameter's value."""
REDACTED = "[redacted]"
"""Stands for the value of a header or of a cookie."""

_at_sign = re.compile(AT_SIGN).search
# Up to where user info may stand in a URL that the parser has read; it skips tabs and line ends anywhere.
_SKIPPED = r"[\t\n\r]*"
_HTTP = _SKIPPED.join(["h", "t", "t", "p", f"(?:s{_SKIPPED})?:"])
_to_authority = re.compile(rf"(?:{_HTTP})?[/\\\t\n\r]*", re.IGNORECASE).match
_user_info = re.compile(r"[^/\\?#]*@").match
_any_user_info = re.compile(
    rf"(\s*(?:https?:|[a-z][a-z0-9+.-]*:(?=[/\\]))?[/\\]*).*{AT_SIGN}", re.IGNORECASE | re.DOTALL
).match
_inner_user_info = re.compile(rf"(:[/\\]{{2}})[^/\\?#&\s\"'<>]+{AT_SIGN}")
_sitemap = re.compile(r"(?:\s*sitemap:)+", re.IGNORECASE).match
_begins_with_host = re.compile(r"[a-z][a-z0-9+.-]*:|[/\\]{2}", re.IGNORECASE).match
_first_url = re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*+:|[/\\]{2}", re.IGNORECASE).search

_url_in_text = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
_words = re.compile(r"[^\s<>\"'`]+")
"""Between them no URL goes on."""
_parameter = re.compile(r"(?<=[?&;#])([^=&;#?]+)=([^&;#?]*)").search
_rest_of_value = re.compile(r"[^&;#]*").match
_secret_part = re.compile(
    r"token|secret|passw|pwd|signature|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|sess(?:ion)?[-_.]?id"
).search
_SECRET_NAMES = frozenset({"auth", "authorization", "jwt", "key", "otp", "pass", "session", "sid", "sig"})
_MOST_LAYERS = 8
"""So often may a URL in a URL be percent-encoded; what is so still oftener is masked unread."""

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "cookie2"})
_COOKIES = frozenset({"set-cookie", "set-cookie2"})
_COOKIE_ATTRIBUTES = frozenset(
    {"domain", "expires", "httponly", "max-age", "partitioned", "path", "priority", "samesite", "secure"}
)


def redact(url: str) -> str:
    """Return a URL, or what was meant as one, fit for a log: user info and secret parameters masked.

    A parameter of query or fragment is secret by its name: ``token``, ``api_key``, ``password``,
    ``X-Amz-Signature`` and the like, in any case and also percent-encoded. URLs in the URL are held to the
    same (``?next=https://...``); the value of a parameter that holds one percent-encoded is masked as a whole
    when there is something to mask in it. Masking what is masked changes nothing.
    """
    url = _without_inner_user_info(without_user_info(url))
    if "=" not in url:
        return url
    shown = _without_secret_parameters(url)
    # A slash in a value may have made a path, and so no user info, of what stands behind it.
    return url if shown == url else without_user_info(shown)


def redact_within(values: dict[str, Any] | list[Any]) -> None:
    """Mask what ``redact`` masks in all URLs of what JSON holds, in place: also within texts, and in paths.

    Names stay, and so does all text around URLs. The depth of the values does not matter.
    """
    waiting: list[dict[Any, Any] | list[Any]] = [values]
    while waiting:
        holder = waiting.pop()
        for at, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            if isinstance(value, str):
                holder[at] = _redacted_text(value)
            elif isinstance(value, dict | list):
                waiting.append(value)


def _redacted_text(text: str) -> str:
    if "=" not in text and "://" not in text:
        return text
    return _words.sub(lambda found: _redacted_word(found[0]), text)


def _redacted_word(word: str) -> str:
    shown = _url_in_text.sub(lambda found: redact(found[0]), word) if "://" in word else word
    # A reference, as in a header (``0;url=/p?token=...``), may have a URL in it, and secrets before that. Of
    # one only the parameters may be secret: an at sign is a sign.
    if "=" in shown and ("?" in shown or "#" in shown):
        return _without_secret_parameters(shown)
    return shown


def without_user_info(text: str) -> str:
    """Return a URL with its user name and password masked; they may stand before the host alone.

    Of what is no URL, all before the last at sign is masked, in whatever spelling (``%40``, full-width):
    where in it a password was meant to stand can't be told. Mail addresses after ``mailto:`` and paths with
    an at sign (``/@ann``) stay. What comes back means nothing more than the text did: it is no URL that is
    asked for if the text was none.
    """
    if not may_hold_user_info(text):
        return text
    if prefix := _sitemap(text):
        return prefix[0] + without_user_info(text[prefix.end() :])
    is_there = has_user_info(text)
    if is_there is False:
        return text
    if is_there:
        visible = text.index(trimmed(text)[0])
        authority = _to_authority(text, visible)
        begins = authority.end() if authority else visible
        if user := _user_info(text, begins):
            return f"{text[:begins]}{MASK}@{text[user.end() :]}"
    found = _any_user_info(text)
    return f"{found[1]}{MASK}@{text[found.end() :]}" if found else MASK


def shown_location(location: str) -> str:
    """Return a ``Location`` header with the user info in it masked; in a mere path an at sign is a sign."""
    return without_user_info(location) if _begins_with_host(trimmed(location)) else location


def shown_header(name: str, value: str) -> str:
    """Return the value of an answer's header without what could be used by whoever reads it.

    Args:
        name: In lower case. Credentials are not shown, of a cookie only its name and the attributes that
            browsers know (RFC 6265 section 5.2, and later ones); of URLs, wherever they may stand, the user
            info is masked.
        value: As it came.
    """
    if name in _CREDENTIALS:
        return REDACTED
    if name in _COOKIES:
        return _shown_cookie(value)
    if name in {"location", "content-location"}:
        return shown_location(value)
    if name == "refresh":
        return _shown_from_first_url(value)
    if name == "link":  # RFC 8288 section 3: each target ends at the first of these
        return ">".join(map(_shown_from_first_url, value.split(">")))
    return _without_inner_user_info(value) if "//" in value or "\\" in value else value


def _shown_cookie(value: str) -> str:
    """Return a cookie's name and known attributes; one without a name is all value (RFC 6265bis)."""
    cookie, *attributes = value.split(";")
    name, equals, _ = cookie.partition("=")
    known = [one for one in attributes if one.partition("=")[0].strip().lower() in _COOKIE_ATTRIBUTES]
    return ";".join([f"{name if equals else ''}={REDACTED}", *known])


def _shown_from_first_url(text: str) -> str:
    """Mask the user info of a URL that other text may stand before."""
    if not _at_sign(text):
        return text
    found = _first_url(text)
    begins = found.start() if found else len(text)
    return text[:begins] + _without_inner_user_info(shown_location(text[begins:]))


def _without_inner_user_info(text: str) -> str:
    """Mask what stands between ``://`` and an at sign, anywhere in a text."""
    return _inner_user_info.sub(rf"\1{MASK}@", text) if _at_sign(text) else text


def _without_secret_parameters(url: str) -> str:
    """Mask secret values. Behind a value that is none the search goes on inside it: it may be a URL."""
    shown: list[str] = []
    copied = 0
    found = _parameter(url)
    while found:
        begins, ends = found.span(2)
        is_secret = _is_secret_name(found[1])
        if is_secret:
            rest = _rest_of_value(url, begins)
            ends = rest.end() if rest else ends
        if begins < ends and (is_secret or _hides_secret(found[2])):
            shown += url[copied:begins], MASK
            copied = ends
        found = _parameter(url, ends)
    return "".join([*shown, url[copied:]])


def _is_secret_name(name: str) -> bool:
    name = unquote(name).lower()
    return name in _SECRET_NAMES or bool(_secret_part(name))


def _hides_secret(value: str) -> bool:
    """Whether there is something to mask in a value under its percent-encoding."""
    for _ in range(_MOST_LAYERS):
        plain = unquote(value)
        if plain == value:
            return False
        value = plain
        if _without_inner_user_info(without_user_info(value)) != value or _has_secret_parameter(value):
            return True
    return "%" in value and unquote(value) != value


def _has_secret_parameter(text: str) -> bool:
    found = _parameter(text)
    while found:
        if _is_secret_name(found[1]):
            return True
        found = _parameter(text, found.end())
    return False
