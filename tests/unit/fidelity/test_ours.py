from __future__ import annotations

from typing import get_args

import pytest

from tests.fidelity.corpus import CorpusPage
from tests.fidelity.ours import Backend, records


def page(*, status: int = 200, body: bytes = b"<title>T</title><a href=x>") -> CorpusPage:
    headers = (("content-type", "text/html; charset=koi8-r"), ("x-robots-tag", "noindex"))
    return CorpusPage(
        name="p", body=body, url="https://a.example/p", headers=headers, status=status, note="", expected={}
    )


@pytest.mark.parametrize("parser", get_args(Backend))
def test_a_record_is_that_of_a_crawl(parser: Backend) -> None:
    (record,) = records([page()], parser=parser)
    assert (record["outcome"], record["title"], record["final_url"]) == ("ok", "T", "https://a.example/p")
    assert (record["charset"], record["charset_source"]) == ("koi8-r", "header")
    assert record["x_robots_tag"] == ["noindex"]
    assert "description" not in record


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_failure_is_a_record_as_well(status: int) -> None:
    (record,) = records([page(status=status)], parser="fast")
    assert (record["outcome"], record["status"], record["title"]) == ("http_error", status, "T")


def test_a_page_that_gives_no_record_is_an_error() -> None:
    moved = page(status=302)
    with pytest.raises(TypeError, match="p: the visit ended as Hop"):
        records(
            [
                CorpusPage(
                    **{
                        **{f: getattr(moved, f) for f in moved.__struct_fields__},
                        "headers": (("location", "/q"),),
                    }
                )
            ],
            parser="fast",
        )
