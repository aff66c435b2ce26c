from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notify.signature import ID, SIGNATURE, TIMESTAMP, signed_headers, signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[3] / "docs" / "guides" / "notifications.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - nobody's


def documented() -> Callable[..., bool]:
    """Return the function that users are told to verify with."""
    block = re.search(r"```python title=\"receiver.py\"\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert block
    names: dict[str, Any] = {}
    exec(block[1], names)  # noqa: S102 - our own page
    function: Callable[..., bool] = names["is_ours"]
    return function


def test_the_signature_is_that_of_the_standard() -> None:
    """A vector of the libraries; the program openssl says the same."""
    headers = signed_headers(
        signing_keys(SECRET),
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        ID: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        TIMESTAMP: "1614265330",
        SIGNATURE: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(), st.integers(-200, 200))
def test_what_the_documentation_says_verifies_it(body: bytes, off_s: int) -> None:
    is_ours = documented()
    timestamp = int(time.time()) + off_s
    headers = signed_headers(signing_keys(SECRET), message_id="msg_1", timestamp=timestamp, body=body)
    assert is_ours(headers, body, SECRET)
    assert not is_ours(headers, body + b" ", SECRET)
    assert not is_ours({**headers, ID: "msg_2"}, body, SECRET)
    assert not is_ours({**headers, TIMESTAMP: str(timestamp + 1)}, body, SECRET)
    assert not is_ours(headers, body, "whsec_" + "A" * 32)
    old = signed_headers(signing_keys(SECRET), message_id="msg_1", timestamp=timestamp - 1000, body=body)
    assert not is_ours(old, body, SECRET)


def test_while_a_secret_is_changed_both_verify() -> None:
    other = "whsec_" + "B" * 32
    headers = signed_headers(
        signing_keys(f"{SECRET} {other}"), message_id="msg_1", timestamp=int(time.time()), body=b"{}"
    )
    assert documented()(headers, b"{}", SECRET)
    assert documented()(headers, b"{}", other)


def test_without_a_secret_there_is_no_signature() -> None:
    assert signed_headers((), message_id="msg_1", timestamp=1, body=b"") == {ID: "msg_1", TIMESTAMP: "1"}


@pytest.mark.parametrize(
    ("text", "told"),
    [("tiny", "4 bytes is too short"), ("whsec_AAAA", "3 bytes is too short"), ("whsec_?", "not base64")],
)
def test_a_bad_secret_is_refused_and_not_repeated(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        signing_keys(text)
    assert text not in str(error.value)
