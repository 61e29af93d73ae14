"""Changes that the ledger does not record are answered once under their key.

A retry gets that answer; what was refused takes no key. A process that dies between the change and the record of its answer leaves a key
without one: its retry makes the change again, which is none unless somebody else has changed the same meanwhile.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from aiohttp import web

from actors.stores.batch_keys import BatchKeyStore
from switch.http.call import Call
from switch.problems.table import ProblemError
from switch.views.representations import json_response


class RecordedServices(Protocol):
    """Where answers are kept by key."""

    batch_keys: BatchKeyStore


async def answered_once(
    services: RecordedServices, call: Call, body: bytes, change: Callable[[], Awaitable[msgspec.Struct]]
) -> web.Response:
    """The answer to a change, made unless this key has one. Raises ProblemError idempotency_mismatch when the key was used for another
    call, or with another body."""
    key, account = call.given_key(), call.principal.account
    if key is None:
        return json_response(await change())
    digest = hashlib.blake2b(f"{call.request.path}\0".encode() + body, digest_size=16).digest()
    bound = await services.batch_keys.bound(account, key, digest)
    if not bound.same:
        raise ProblemError(
            "idempotency_mismatch", "This Idempotency-Key was used for another call or with another body."
        )
    if bound.answer is not None:
        return json_response(msgspec.Raw(bound.answer), headers={"Idempotent-Replayed": "true"})
    try:
        answer = await change()
    except ProblemError:
        await services.batch_keys.release(account, key)
        raise
    await services.batch_keys.record(account, key, msgspec.json.encode(answer))
    return json_response(answer)
