"""What a run says of itself on the command line."""

from __future__ import annotations

import pytest

from scraper.cli.running import Talk, _resumable, resume_command
from scraper.errors import CountMismatch, RunError, SinkError

GENERIC = "the same command with --resume"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["crawl", "urls.txt", "-o", "a.jsonl"], "scraper crawl urls.txt -o a.jsonl --resume"),
        (["crawl", "urls.txt", "--fresh", "-o", "a.jsonl"], "scraper crawl urls.txt -o a.jsonl --resume"),
        (["crawl", "--resume", "-o", "a.jsonl"], "scraper crawl -o a.jsonl --resume"),
        (
            ["crawl", "my list.txt", "-o", "it's.jsonl"],
            """scraper crawl 'my list.txt' -o 'it'"'"'s.jsonl' --resume""",
        ),
        (
            ["crawl", "https://a.example/?q=1&b", "-o", "a.jsonl"],
            "scraper crawl 'https://a.example/?q=1&b' -o a.jsonl --resume",
        ),
        (
            ["crawl", "a.txt", "--proxy=http://127.0.0.1:3128"],
            "scraper crawl a.txt --proxy=http://127.0.0.1:3128 --resume",
        ),
    ],
)
def test_the_command_that_goes_on(words: list[str], command: str) -> None:
    assert resume_command(words) == command


@pytest.mark.parametrize(
    "secret",
    [
        ["--header", "Authorization: Bearer s3cret"],
        ["--header=Cookie: sid=s3cret"],
        ["--set", "fetch.headers.Cookie=s3cret"],
        ["--set=fetch.headers.Cookie=s3cret"],
        ["https://ann:s3cret@a.example/"],
        ["ann:s3cret@a.example"],
        ["https://a.example/?token=s3cret"],
        ["https://a.example/?a=b&API_KEY=s3cret"],
        ["https://a.example/#access_token=s3cret"],
        ["--proxy", "http://ann:s3cret@127.0.0.1:3128"],
        ["--proxy=http://ann:s3cret@127.0.0.1:3128"],
    ],
)
def test_no_secret_is_repeated(secret: list[str]) -> None:
    for words in (["crawl", *secret, "-o", "a.jsonl"], ["crawl", "-o", "a.jsonl", *secret]):
        assert resume_command(words) == GENERIC


def test_without_words_it_is_the_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/scraper", "crawl", "urls.txt", "-o", "a.jsonl"])
    assert resume_command() == "scraper crawl urls.txt -o a.jsonl --resume"


@pytest.mark.parametrize(
    ("error", "command", "told"),
    [
        (SinkError("can't write it"), "scraper crawl --resume", "can't write it (--resume goes on)"),
        (RunError("no more files"), "scraper crawl --resume", "no more files (--resume goes on)"),
        (RunError("no more files"), None, "no more files"),
        (CountMismatch("one is missing"), "scraper crawl --resume", "one is missing"),
    ],
)
def test_an_error_says_that_the_run_goes_on_where_it_does(
    error: RunError, command: str | None, told: str
) -> None:
    with pytest.raises(RunError) as caught, _resumable(Talk(resume_command=command)):
        raise error
    assert str(caught.value) == told
