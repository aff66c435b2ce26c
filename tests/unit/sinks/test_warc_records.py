"""Exchanges as records: read back by warcio, byte for byte, and without secrets."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import UsageError
from scraper.exchange import Truncation
from scraper.redaction import REDACTED
from scraper.sinks import warc_records
from scraper.sinks.warc_records import WarcRecords, require_library
from tests.support.warc import PURPOSE, Group, exchange, groups_of, records_of


def group(records: WarcRecords | None = None, **changes: Any) -> Group:
    made = (records or WarcRecords()).group(exchange(**changes), PURPOSE)
    (found,) = groups_of(records_of(made))
    return found


def test_an_exchange_is_three_records_that_name_each_other() -> None:
    answer, request, purpose = group()
    assert (answer.kind, answer.url, answer.fields["WARC-IP-Address"]) == (
        "response",
        "https://a.example/",
        "192.0.2.7",
    )
    assert answer.fields["WARC-Date"] == "2026-01-31T09:30:00.125Z"
    assert answer.fields["Content-Type"] == "application/http; msgtype=response"
    assert answer.head == "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    assert answer.content == b"<title>A page</title>"
    assert request.fields["Content-Type"] == "application/http; msgtype=request"
    assert request.head == "GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test/1\r\n"
    assert request.content == b""
    assert purpose == {
        "kind": "page",
        "run": "r1",
        "seq": 0,
        "input": "a.example",
        "url": "https://a.example/",
    }


def test_each_record_is_a_member_of_its_own() -> None:
    data, members = WarcRecords().group(exchange(), PURPOSE), []
    while data:
        member = zlib.decompressobj(wbits=31)
        members.append(member.decompress(data))
        assert member.eof
        data = member.unused_data
    assert [one.split(b"\r\n")[1] for one in members] == [
        b"WARC-Type: response",
        b"WARC-Type: request",
        b"WARC-Type: metadata",
    ]
    assert all(one.startswith(b"WARC/1.1\r\n") and one.endswith(b"\r\n\r\n") for one in members)


@given(
    body=st.binary(max_size=300),
    values=st.lists(
        st.binary(min_size=1, max_size=20).filter(lambda value: not set(value) & set(b"\r\n\0")), max_size=4
    ),
)
def test_what_was_on_the_wire_is_kept_byte_for_byte(body: bytes, values: list[bytes]) -> None:
    headers = tuple((b"X-%d" % number, value) for number, value in enumerate(values) if b"//" not in value)
    made = WarcRecords().group(exchange(headers=headers, body=body, reason="Gr\udcfc\udcdfe"), PURPOSE)
    block = gzip.decompress(made).split(b"\r\n\r\n", 1)[1]
    lines = b"".join(b"%b: %b\r\n" % (name, value) for name, value in headers)
    written = b"HTTP/1.1 200 Gr\xfc\xdfe\r\n" + lines + b"\r\n" + body
    assert block.startswith(written + b"\r\n\r\nWARC/1.1\r\n")
    records_of(made)  # the digests are of what is written


def test_a_proxys_address_is_not_the_hosts() -> None:
    answer, request, _ = group(ip=None)
    assert "WARC-IP-Address" not in {**answer.fields, **request.fields}


def test_chunks_are_gone_and_so_is_the_header_that_says_so() -> None:
    """A reader that believed it would look for chunks; warcio is one."""
    answer, *_ = group(headers=((b"Transfer-Encoding", b"gzip, chunked"), (b"content-encoding", b"br")))
    assert answer.head.splitlines()[1:] == [
        "X-Archive-Orig-Transfer-Encoding: gzip, chunked",
        "content-encoding: br",
    ]


@pytest.mark.parametrize("reason", list(Truncation))
def test_a_body_that_is_not_whole_says_why(reason: Truncation) -> None:
    assert group(truncation=reason).answer.fields["WARC-Truncated"] == reason.value


class TestRevisits:
    def test_a_payload_that_is_there_is_not_kept_again(self) -> None:
        records = WarcRecords()
        first = group(records).answer
        again = group(records, url="https://b.example/", status=404, reason="Not Found").answer
        assert again.kind == "revisit"
        assert again.head.startswith("HTTP/1.1 404 Not Found")
        assert again.content == b""
        assert again.fields["WARC-Profile"].endswith("/revisit/identical-payload-digest")
        assert again.fields["WARC-Payload-Digest"] == first.fields["WARC-Payload-Digest"]
        assert again.fields["WARC-Refers-To"] == first.fields["WARC-Record-ID"]
        assert again.fields["WARC-Refers-To-Target-URI"] == first.url
        assert again.fields["WARC-Refers-To-Date"] == first.fields["WARC-Date"]
        third = group(records, url="https://c.example/").answer
        assert third.fields["WARC-Refers-To"] == first.fields["WARC-Record-ID"], "never to another revisit"

    @pytest.mark.parametrize(
        ("first", "then"),
        [
            ({"body": b""}, {"body": b""}),
            ({}, {"truncation": Truncation.LENGTH}),
            ({}, {"body": b"<title>Another</title>"}),
        ],
    )
    def test_what_is_no_copy_is_kept(self, first: dict[str, Any], then: dict[str, Any]) -> None:
        records = WarcRecords()
        group(records, **first)
        assert group(records, **then).answer.kind == "response"

    def test_what_was_cut_off_is_no_original(self) -> None:
        records = WarcRecords()
        group(records, truncation=Truncation.TIME)
        assert group(records).answer.kind == "response"

    def test_not_modified_refers_to_what_others_hold(self) -> None:
        answer = group(status=304, reason="Not Modified", headers=((b"ETag", b'"1"'),), body=b"").answer
        assert answer.kind == "revisit"
        assert answer.fields["WARC-Profile"].endswith("/revisit/server-not-modified")
        assert "WARC-Payload-Digest" not in answer.fields
        assert answer.head == 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n'

    def test_as_many_are_remembered_as_have_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warc_records, "_REMEMBERED", 3)
        records = WarcRecords()
        kinds = [group(records, body=body).answer.kind for body in (b"1", b"2", b"3", b"1", b"4", b"1", b"2")]
        assert kinds == ["response", "response", "response", "revisit", "response", "revisit", "response"], (
            "what was met lately stays"
        )
        assert len(records._seen) == 3

    def test_a_long_url_is_not_remembered(self) -> None:
        records = WarcRecords()
        group(records, url="https://a.example/" + "a" * 5000)
        assert group(records).answer.kind == "response"


class TestSecrets:
    @pytest.mark.parametrize(
        "name", ["Authorization", "cookie", "Proxy-Authorization", "X-Api-Key", "X-Door", "Sec-Token"]
    )
    def test_a_header_of_the_users_that_may_open_a_door(self, name: str) -> None:
        request = group(request_headers=(("Host", "a.example"), (name, "s3cret"))).request
        assert f"{name}: {REDACTED}" in request.head.splitlines()

    @pytest.mark.parametrize("name", ["Accept", "User-Agent", "If-None-Match", "Connection"])
    def test_a_harmless_header_is_shown(self, name: str) -> None:
        assert f"{name}: value" in group(request_headers=((name, "value"),)).request.head.splitlines()

    def test_cookies_and_user_info_of_the_answer(self) -> None:
        answer = group(
            headers=(
                (b"Set-Cookie", b"sid=s3cret; Path=/"),
                (b"LOCATION", b"https://user:s3cret@b.example/"),
                (b"Link", b"<https://user:s3cret@b.example/>; rel=next"),
            )
        ).answer
        assert answer.head.splitlines()[1:] == [
            f"Set-Cookie: sid={REDACTED}; Path=/",
            "LOCATION: https://***@b.example/",
            "Link: <https://***@b.example/>; rel=next",
        ]

    def test_user_info_of_a_url(self) -> None:
        assert group(url="https://user:s3cret@a.example/x").answer.url == "https://***@a.example/x"


def test_a_file_says_who_made_it() -> None:
    facts = {"software": "test/1", "robots": "obey\r\nX: y"}
    (info,) = records_of(WarcRecords().opening("a b.warc.gz", date="2026-01-31T09:30:00.125Z", facts=facts))
    assert (info.kind, info.fields["WARC-Filename"]) == ("warcinfo", "a b.warc.gz")
    assert info.fields["WARC-Date"] == "2026-01-31T09:30:00.125Z"
    assert info.content == b"software: test/1\r\nrobots: obey X: y\r\n"


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "warcio", None)
    monkeypatch.setattr(warc_records, "find_spec", lambda _: None)
    for act in (require_library, WarcRecords):
        with pytest.raises(UsageError, match=r"^\.warc\.gz needs warcio: pip install warcio$"):
            act()
