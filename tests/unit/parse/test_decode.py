"""From bytes to text: which source decides, what labels mean, what counts as an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS  # type: ignore[import-untyped]

from scraper.parse.decode import decode, encoding_of
from scraper.parse.prescan import declared_label


@pytest.mark.parametrize(
    ("body", "header", "charset", "source"),
    [
        (b"\xef\xbb\xbfx", "iso-8859-1", "utf-8", "bom"),
        (b"\xff\xfex\0", None, "utf-16le", "bom"),
        (b"\xfe\xff\0x", "utf-8", "utf-16be", "bom"),
        (b"<meta charset=utf-8>", "ISO-8859-1", "windows-1252", "header"),
        (b"<meta charset=gb2312>", "no-such", "gbk", "meta"),
        (b"<meta charset=no-such>\xc3\xa9", None, "utf-8", "detected"),
        (b"<meta charset=utf-16le>", None, "utf-8", "meta"),
        (b"<meta charset=x-user-defined>", None, "windows-1252", "meta"),
        (b"<?xml version='1.0' encoding='koi8-r'?>", None, "koi8-r", "meta"),
        (b" " * 1024 + b"<meta charset=koi8-r>", None, "utf-8", "detected"),
        (b"plain", None, "utf-8", "detected"),
        (b"", None, "utf-8", "detected"),
        ("abgeschnitten ü".encode()[:-1], None, "utf-8", "detected"),
        ("Сегодня в городе прошёл дождь".encode("cp1251"), None, "windows-1251", "detected"),
    ],
)
def test_the_first_source_that_knows_decides(
    body: bytes, header: str | None, charset: str, source: str
) -> None:
    found = decode(body, http_charset=header)
    assert (found.charset, found.source) == (charset, source)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("ascii", "windows-1252"),
        (" Latin1\t", "windows-1252"),
        ("gb2312", "gbk"),
        ("ks_c_5601-1987", "euc-kr"),
        ("x-sjis", "shift_jis"),
        ("UTF8", "utf-8"),
        ("iso-8859-9", "windows-1254"),
        ("utf-7", None),
        ("", None),
    ],
)
def test_labels_are_those_of_the_encoding_standard(label: str, name: str | None) -> None:
    assert encoding_of(label) == name


@pytest.mark.parametrize("name", sorted(set(LABELS.values())))
def test_every_encoding_of_the_standard_has_a_decoder(name: str) -> None:
    found = decode(b"abc", http_charset=name)
    assert found.charset == name
    assert "abc" in found.text or name in {"utf-16le", "utf-16be", "replacement"}


@pytest.mark.parametrize(
    ("body", "header", "text", "errors"),
    [
        (b"a\xffb", "utf-8", "a\ufffdb", 1),
        ("a\ufffdb".encode(), "utf-8", "a\ufffdb", 0),
        ("\ufffd".encode() + b"\xff", "utf-8", "\ufffd\ufffd", 1),
        (b"\x81\x8d\x8f\x90\x9d", "iso-8859-1", "\x81\x8d\x8f\x90\x9d", 0),
        (b"\x80", "ascii", "€", 0),
        (b"\x80", "gb2312", "€", 0),
        ("①髙".encode("cp932"), "shift_jis", "①髙", 0),
        ("똠".encode("cp949"), "euc-kr", "똠", 0),
        (b"\x82<b>", "shift_jis", "\ufffd<b>", 1),
        (b"a\0\0\xd8", "utf-16", "a\ufffd", 1),
    ],
)
def test_decoding_and_its_errors(body: bytes, header: str, text: str, errors: int) -> None:
    found = decode(body, http_charset=header)
    assert (found.text, found.errors) == (text, errors)


@pytest.mark.parametrize(
    ("head", "label"),
    [
        (b"<meta charset='a'>", "a"),
        (b"<META/CHARSET = B >", "b"),
        (b"<!-- <meta charset=a> --><meta charset=b>", "b"),
        (b"<!--><meta charset=b>", "b"),
        (b"<!-- <meta charset=a>", None),
        (b"<p title='<meta charset=a>'><meta charset=b>", "b"),
        (b"<!doctype x><?php?></3><meta charset=b>", "b"),
        (b"<metal charset=a>", None),
        (b"<meta http-equiv=content-type content='text/html; charset=a'>", "a"),
        (b"<meta content='text/html; charset=\"a b\"' http-equiv=Content-Type>", "a b"),
        (b"<meta name=x content='text/html; charset=a'>", None),
        (b"<meta charset=a charset=b>", "a"),
        (b"<meta charset='a", None),
        (b"<meta charset=>", None),
        (b"<?xml encoding='x'?><meta charset=a>", "a"),
        (b"<?xml version='1.0'>encoding='x'", None),
        (b"<\0?\0x\0", "utf-16le"),
    ],
)
def test_prescan(head: bytes, label: str | None) -> None:
    assert declared_label(head) == label


@given(body=st.binary(max_size=200), header=st.sampled_from([None, *sorted(set(LABELS.values()))]))
def test_decoding_never_raises_and_never_gives_a_surrogate(body: bytes, header: str | None) -> None:
    found = decode(body, http_charset=header)
    found.text.encode()
    assert 0 <= found.errors <= found.text.count("\ufffd")


@given(
    st.lists(
        st.sampled_from(
            [b"<meta ", b"charset", b"=", b"'", b'"', b"<!--", b"-->", b"<p", b"/", b">", b" ", b"x"]
        )
    )
)
def test_prescan_ends_on_anything(pieces: list[bytes]) -> None:
    label = declared_label(b"".join(pieces))
    assert label is None or label
