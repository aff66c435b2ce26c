from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.demo.bulk import LEAST_SIZE_BYTES, bulk_page


@given(number=st.integers(0, 10**17), size=st.integers(LEAST_SIZE_BYTES, 200_000))
def test_a_page_has_its_number_and_exactly_its_size(number: int, size: int) -> None:
    page = bulk_page(b"/bulk/%d?size=%d" % (number, size))
    assert page is not None
    head, _, body = page.payload.partition(b"\r\n\r\n")
    assert len(body) == size
    assert b"Content-Length: %d" % size in head
    assert b"<title>Bulk %d</title>" % number in body
    assert body.endswith(b"</body></html>\n")


@pytest.mark.parametrize(
    ("target", "delay_s"),
    [(b"/bulk/1", 0.0), (b"/bulk/1?delay=0.5", 0.5), (b"/bulk/1?size=500&delay=2", 2.0)],
)
def test_the_delay_is_honoured(target: bytes, delay_s: float) -> None:
    page = bulk_page(target)
    assert page is not None
    assert page.delay_s == delay_s


@pytest.mark.parametrize(
    "target",
    [
        b"/bulk/",
        b"/bulk/x",
        b"/bulk/-1",
        b"/bulk/1?size=big",
        b"/bulk/1?delay=-1",
        b"/bulk/1?delay=nan",
        b"/bulk/1?delay=inf",
        b"/bulk/" + b"9" * 5000,
    ],
)
def test_nonsense_is_no_page(target: bytes) -> None:
    assert bulk_page(target) is None


def test_sizes_have_bounds() -> None:
    small, large = bulk_page(b"/bulk/1?size=1"), bulk_page(b"/bulk/1?size=999999999999")
    assert small is not None
    assert large is not None
    assert len(small.payload) < 1024
    assert len(large.payload) < 9 * 1024 * 1024
