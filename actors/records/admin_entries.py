"""The log of what administrators do: its entries, and the hash chain that they make.

An entry's hash is that of the hash before it and of the entry, so the newest stands for all. Of what a call sent an entry has a digest
under a salt: the salt and the words can go, and then nobody can try words out against it.
"""

import hashlib
from typing import Final

import msgspec

LOG_SENDER: Final = -1
"""In a CURSOR record: what shard 0 has read is this log."""
LOG_SHARD: Final = 0
"""The shard whose journal repeats the newest hash."""
NO_HASH: Final = bytes(32)
"""What stands before the first entry."""
SALT_BYTES: Final = 16
UNKNOWN: Final = 0
"""Status of a call whose process died, or could not say, before it was answered."""


class AdminCall(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked for. `account` 0: a command where the database is, and `origin` says who ran it; else how and where the call
    came in. `request`: of the calls that one request makes. `call`: method and route, or the command; `resource`: what it is about."""

    account: int
    key: str
    origin: str
    request: str
    call: str
    resource: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What a call sent: `digest` of salt and body, the body itself where it is kept."""

    digest: bytes
    salt: bytes
    body: bytes | None


class AdminEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. `status`: of the answer, UNKNOWN if nobody knows; `code`: of the problem, empty when it was done."""

    number: int
    at_ms: int
    call: AdminCall
    status: int
    code: str
    digest: bytes


_ENCODE: Final = msgspec.json.Encoder().encode


def entry_hash(previous: bytes, entry: AdminEntry) -> bytes:
    """SHA-256 of the hash before an entry (32 bytes) and of the entry, as a JSON array."""
    call = entry.call
    fields = (
        *(entry.number, entry.at_ms, call.account, call.key, call.origin, call.request, call.call, call.resource),
        *(entry.status, entry.code, entry.digest.hex()),
    )
    return hashlib.sha256(previous + _ENCODE(fields)).digest()


def sent_digest(salt: bytes, body_hash: bytes) -> bytes:
    """What an entry keeps of a body, by its SHA-256."""
    return hashlib.sha256(salt + body_hash).digest()


def sent(salt: bytes, body: bytes, kept: bool) -> Sent:
    """What an entry keeps of a body: its words too if it is `kept`."""
    return Sent(digest=sent_digest(salt, hashlib.sha256(body).digest()), salt=salt, body=body if kept else None)
