"""The signature of a webhook, as Standard Webhooks 1.0 has it; libraries in many languages verify it.

What is signed is ``id.timestamp.body``, by HMAC-SHA256. The id is the same for each attempt to deliver one
message, the time is that of the attempt: who refuses an old time, and an id that was seen, can't be
fooled by a message that is sent once more. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
"""Seconds since 1970, UTC."""
SIGNATURE = "webhook-signature"
"""``v1,`` and the MAC in base64; one for each secret, with a blank between them."""

_PREFIX = "whsec_"
_MIN_BYTES = 16
"""Shorter ones can be found by trying; the standard asks for 24."""


def signing_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys that a text holds, with white space between them.

    One that begins with ``whsec_`` is base64, as the standard has it; any other is taken as it is, in UTF-8.

    Raises:
        ValueError: One is too short, or not base64; the message does not repeat it.
    """
    return tuple(map(_key, text.split()))


def _key(text: str) -> bytes:
    key = text.encode()
    if text.startswith(_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"what follows {_PREFIX} is not base64") from None
    if len(key) < _MIN_BYTES:
        raise ValueError(
            f'a secret of {len(key)} bytes is too short; make one: echo "{_PREFIX}$(openssl rand -base64 32)"'
        )
    return key


def signed_headers(
    keys: tuple[bytes, ...], *, message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the headers that go with a body; without keys it has an id and a time but no signature."""
    headers = {ID: message_id, TIMESTAMP: str(timestamp)}
    if keys:
        signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
        headers[SIGNATURE] = " ".join(f"v1,{_mac(key, signed)}" for key in keys)
    return headers


def _mac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
