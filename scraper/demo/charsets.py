# ruff: noqa: RUF001  characters that look alike in other encodings are the point
"""The encodings of the sample pages: how each is declared, and what the standard makes of it.

Names and labels follow the WHATWG Encoding Standard; the order of the sources is that of "encoding
sniffing" in the HTML Standard: byte order mark, header, ``<meta>``, then guessing.
"""

from __future__ import annotations

from typing import NamedTuple

UTF8_BOM = b"\xef\xbb\xbf"


class Charset(NamedTuple):
    """One way to encode a page and to say so."""

    langs: tuple[str, ...]
    """Languages it can write; empty for all."""
    codec: str
    """The Python codec that gives the bytes."""
    name: str
    """What the scraper is to call it, by the WHATWG name in lower case."""
    source: str
    """``bom``, ``header``, ``meta`` or ``detected``."""
    header: str | None = None
    """The label in the Content-Type header."""
    meta: str = ""
    """The markup that declares it."""
    bom: bytes = b""
    extra: str = ""
    """Characters put into the title that tell this encoding from its lookalikes."""


def _meta(label: str) -> str:
    return f'<meta charset="{label}">\n'


def _http_equiv(label: str) -> str:
    return f'<meta http-equiv="Content-Type" content="text/html; charset={label}">\n'


WESTERN = ("de", "fr", "es", "pt-BR", "it")
CYRILLIC = ("ru",)

COMMON: tuple[Charset, ...] = (
    Charset((), "utf-8", "utf-8", "header", header="utf-8", meta=_meta("utf-8")),
    Charset((), "utf-8", "utf-8", "meta", meta=_meta("UTF-8")),
    Charset((), "utf-8", "utf-8", "header", header="UTF-8"),
)
"""What most pages use, and what any language can be written in."""

RARE: tuple[Charset, ...] = (
    Charset((), "utf-8", "utf-8", "bom", bom=UTF8_BOM),
    Charset((), "utf-8", "utf-8", "bom", bom=UTF8_BOM, header="windows-1251"),
    Charset((), "utf-8", "utf-8", "header", header="utf-8", meta=_meta("iso-8859-1")),
    Charset((), "utf-8", "utf-8", "meta", meta=_http_equiv("utf-8")),
    Charset((), "utf-8", "utf-8", "meta", meta=_meta("utf-16")),
    Charset((), "utf-8", "utf-8", "meta", meta=_meta("utf-8"), header="no-such-charset"),
    Charset((), "utf-8", "utf-8", "detected"),
    Charset((), "utf-16-le", "utf-16le", "bom", bom=b"\xff\xfe"),
    Charset((), "utf-16-be", "utf-16be", "bom", bom=b"\xfe\xff"),
    Charset(WESTERN, "cp1252", "windows-1252", "header", header="windows-1252", extra="“€”"),
    Charset(WESTERN, "cp1252", "windows-1252", "header", header="ISO-8859-1", extra="“quoted” – €"),
    Charset(WESTERN, "cp1252", "windows-1252", "meta", meta=_http_equiv("iso-8859-1"), extra="’š"),
    Charset(WESTERN, "cp1252", "windows-1252", "meta", meta=_meta("us-ascii"), extra="œ"),
    Charset(("pl", "cs"), "iso8859-2", "iso-8859-2", "header", header="iso-8859-2"),
    Charset(("pl", "cs"), "cp1250", "windows-1250", "meta", meta=_meta("windows-1250")),
    Charset(CYRILLIC, "cp1251", "windows-1251", "header", header="windows-1251", extra="«№»"),
    Charset(CYRILLIC, "cp1251", "windows-1251", "meta", meta=_http_equiv("cp1251")),
    Charset(CYRILLIC, "cp1251", "windows-1251", "detected"),
    Charset(CYRILLIC, "koi8-r", "koi8-r", "header", header="KOI8-R"),
    Charset(("uk",), "koi8-u", "koi8-u", "meta", meta=_meta("koi8-u")),
    Charset(("el",), "iso8859-7", "iso-8859-7", "header", header="iso-8859-7"),
    Charset(("tr",), "cp1254", "windows-1254", "header", header="iso-8859-9", extra="€"),
    Charset(("he",), "cp1255", "windows-1255", "meta", meta=_meta("windows-1255")),
    Charset(("ar",), "cp1256", "windows-1256", "header", header="windows-1256"),
    Charset(("th",), "cp874", "windows-874", "header", header="tis-620"),
    Charset(("ja",), "cp932", "shift_jis", "header", header="Shift_JIS", extra="①髙～"),
    Charset(("ja",), "cp932", "shift_jis", "meta", meta=_meta("x-sjis"), extra="㈱"),
    Charset(("ja",), "euc-jp", "euc-jp", "meta", meta=_http_equiv("euc-jp")),
    Charset(("ja",), "iso2022-jp", "iso-2022-jp", "header", header="iso-2022-jp"),
    Charset(("zh-CN",), "gbk", "gbk", "header", header="gb2312", extra="镕囍"),
    Charset(("zh-CN",), "gb18030", "gb18030", "meta", meta=_meta("gb18030"), extra="𠀀"),
    Charset(("zh-TW",), "big5", "big5", "header", header="Big5"),
    Charset(("ko",), "cp949", "euc-kr", "header", header="euc-kr", extra="똠방"),
    Charset(("ko",), "cp949", "euc-kr", "meta", meta=_meta("ks_c_5601-1987"), extra="펲시"),
)
"""One page each; the labels are those found in the wild, also where they are wrong."""
