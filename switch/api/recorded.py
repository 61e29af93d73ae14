"""Changes that the ledger does not record are answered once under their key.

A retry gets that answer; what was refused takes no key. A process that dies between the change and the record of its answer leaves a key
without one: its retry makes the change again, which is none unless somebody else has changed the same meanwhile. A retry while the
first is under way waits for its answer, also on another front door.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.stores.batch_keys import BatchKeyStore, KeyInUse, turn_of_key
from switch.fairness.shares import Places
from switch.http.call import Call
from switch.problems.table import ProblemError
from switch.views.representations import json_response

CHANGE_WAIT_S: Final = 30.0
"""So long does a retry wait: longer than a change takes that waits in vain for a scorer."""


class RecordedServices(Protocol):
    """Where answers are kept by key. `changing`: who makes a change with a key, one at a time, since each holds a session."""

    batch_keys: BatchKeyStore
    changing: Places
    database_url: str


async def answered_once(
    services: RecordedServices,
    call: Call,
    body: bytes,
    change: Callable[[], Awaitable[msgspec.Struct]],
    status: int = 200,
    *,
    keeps: bool = False,
) -> web.Response:
    """The answer to a change, with this status, made unless this key has one. `keeps`: the change itself records its answer, in its own
    transaction, as repeats are to have it. Raises ProblemError idempotency_mismatch when the key was used for another call, or with another
    body, timeout when the first call with it takes too long."""
    key, account = call.given_key(), call.principal.account
    if key is None:
        return json_response(await change(), status)
    digest = hashlib.blake2b(f"{call.request.path}\0".encode() + body, digest_size=16).digest()
    try:
        async with services.changing.place(account), turn_of_key(services.database_url, account, key, CHANGE_WAIT_S):
            recorded = await _answered(services.batch_keys, account, key, digest, change, keeps=keeps)
            recorded.set_status(status)
            return recorded
    except KeyInUse:
        raise ProblemError("timeout", "The first call with this Idempotency-Key is still under way.") from None


async def _answered(
    keys: BatchKeyStore,
    account: int,
    key: bytes,
    digest: bytes,
    change: Callable[[], Awaitable[msgspec.Struct]],
    *,
    keeps: bool,
) -> web.Response:
    bound = await keys.bound(account, key, digest)
    if not bound.same:
        raise ProblemError(
            "idempotency_mismatch", "This Idempotency-Key was used for another call or with another body."
        )
    if bound.answer is not None:
        return json_response(msgspec.Raw(bound.answer), headers={"Idempotent-Replayed": "true"})
    try:
        answer = await change()
    except ProblemError:
        await keys.release(account, key)
        raise
    if not keeps:
        await keys.record(account, key, msgspec.json.encode(answer))
    return json_response(answer)
