"""Cursors: opaque, signed, valid only in the list they were made for."""

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from typing import Final

import msgspec

from actors.records.secret import Secret
from switch.problems.table import ProblemError, invalid_query

_MAC_BYTES: Final = 8
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[int]).decode


def _mac(secret: Secret, scope: str, raw: bytes) -> bytes:
    """Over the places and the scope: where a whole list of places ends, no other cut is one."""
    key = secret.low.tobytes() + secret.high.tobytes()
    return hashlib.blake2b(raw + scope.encode(), key=key, digest_size=_MAC_BYTES, person=b"cursor").digest()


def encode_cursor(secret: Secret, scope: str, *places: int) -> str:
    """Places (int64) in the list that `scope` describes, as text for `next`."""
    raw = _ENCODE(places)
    return base64.urlsafe_b64encode(raw + _mac(secret, scope, raw)).rstrip(b"=").decode()


def halves(identity: uuid.UUID) -> tuple[int, int]:
    """A UUID as two places of a cursor."""
    return identity.int >> 64, identity.int & (1 << 64) - 1


def decode_cursor(secret: Secret, scope: str, text: str) -> int:
    """The one place. Raises ProblemError invalid_query for anything that `encode_cursor` did not make for this scope."""
    return decode_places(secret, scope, text, 1)[0]


def decode_places(secret: Secret, scope: str, text: str, count: int) -> Sequence[int]:
    """So many places. Raises ProblemError invalid_query."""
    places = decode_all_places(secret, scope, text)
    if len(places) != count:
        raise _no_cursor()
    return places


def decode_all_places(secret: Secret, scope: str, text: str) -> Sequence[int]:
    """As many places as there are, one at least. Raises ProblemError invalid_query."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    raw, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    try:
        places = _DECODE(raw) if mac and hmac.compare_digest(mac, _mac(secret, scope, raw)) else []
    except msgspec.DecodeError:
        places = []
    if not places:
        raise _no_cursor()
    return places


def _no_cursor() -> ProblemError:
    return invalid_query("after", "a cursor from the field `next` of this list is expected")
