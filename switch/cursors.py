"""A cursor is opaque and signed: a page goes on only where the switch itself left off, in the list it was made for."""

import base64
import binascii
import hashlib
from typing import Final

from actors.ledger.ids import Secret
from switch.problems import invalid_query

_MAC_BYTES: Final = 8


def _mac(secret: Secret, scope: str, raw: bytes) -> bytes:
    key = secret.low.tobytes() + secret.high.tobytes()
    return hashlib.blake2b(raw + scope.encode(), key=key, digest_size=_MAC_BYTES, person=b"cursor").digest()


def encode_cursor(secret: Secret, scope: str, place: int) -> str:
    """A place (int64) in the list that `scope` describes, as text for `next`."""
    raw = place.to_bytes(8, "big", signed=True)
    return base64.urlsafe_b64encode(raw + _mac(secret, scope, raw)).rstrip(b"=").decode()


def decode_cursor(secret: Secret, scope: str, text: str) -> int:
    """The place. Raises ProblemError invalid_query for anything that `encode_cursor` did not make for this scope."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    raw = data[:8]
    if len(data) != 8 + _MAC_BYTES or data[8:] != _mac(secret, scope, raw):
        raise invalid_query("after", "a cursor from the field `next` of this list is expected")
    return int.from_bytes(raw, "big", signed=True)
