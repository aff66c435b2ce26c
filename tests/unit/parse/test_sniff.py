from __future__ import annotations

import pytest

from scraper.parse.sniff import is_html


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>x</title>",
        b"<!DOCTYPE HTML>",
        b"\r\n\t\x0c <html lang=en>",
        b"<Title>x</title>",
        b"<!-- a comment -->",
        b"<p>",
        b"<a href=x>",
    ],
)
def test_a_body_without_a_type_that_begins_like_a_page_is_html(body: bytes) -> None:
    assert is_html(body, media_type=None, nosniff=False)
    assert is_html(body, media_type="*/*", nosniff=False)
    assert not is_html(body, media_type=None, nosniff=True)
    assert not is_html(body, media_type="text/plain", nosniff=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"plain <html>",
        b"<pre>",  # no tag of the table, though it begins with one
        b"<!doctype html",
        b"<!--x",
        b"<?xml version='1.0'?>",
        b"\x89PNG\r\n\x1a\n",
        b"\xa0<html>",  # no white space of the standard's
        b" " * 1445 + b"<html>",  # behind the resource header
    ],
)
def test_other_bodies_without_a_type_are_not(body: bytes) -> None:
    assert not is_html(body, media_type=None, nosniff=False)


@pytest.mark.parametrize("media_type", ["text/html", "application/xhtml+xml"])
def test_a_label_is_believed(media_type: str) -> None:
    assert is_html(b"\x89PNG", media_type=media_type, nosniff=False)
    assert is_html(b"plain", media_type=media_type, nosniff=True)
