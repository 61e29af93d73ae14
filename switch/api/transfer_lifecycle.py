"""What became of a payment: asked by id or by key, and changed by capture, void and refund."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.records.addresses import shard_of
from actors.records.codes import Code
from actors.records.ids import decode_transfer, decode_wallet, encode_wallet, key_bytes, transfer_id, uuid_bytes
from actors.records.layout import REFERRING, Kind
from actors.records.secret import Secret
from actors.rpc.interface import ShardClient, ShardUnavailable
from actors.stores.api_keys import KeyStore, Principal
from rules.vocabulary.currencies import ALPHA
from switch.api.route import KEY_NEEDED, WRITE, Route, named
from switch.api.services import Limits
from switch.api.transfers import SubmitServices, submit_row
from switch.gateway.encode import answer_row, modification_row
from switch.gateway.routing import UNKNOWN, Topology
from switch.gateway.write_queue import Result
from switch.http.access import NEITHER, Access, Sides, WalletAccess, may_void
from switch.http.auth import ASK, PAY
from switch.http.call import Call, plain_key
from switch.http.decoding import CAPTURE, EMPTY, REFUND, decode
from switch.http.schema import Capture, Empty, Refund
from switch.http.times import now_ms
from switch.problems.table import ProblemError, invalid_query
from switch.views.lifecycle import Related, answer_in, asked_kind, ended_as, for_payee, is_case, transfer_answer
from switch.views.pack_names import PackCatalogue
from switch.views.representations import NO_DETAILS, TransferAnswer, json_response, refusal, too_low
from switch.views.statement import NO_PARTS, Found, History

CAPTURES_NAMED: Final = 10
"""Of a hold that was refunded by its own id, in the problem."""
_NOT_OPEN: Final = {
    "held": "hold_not_open",
    "in_review": "hold_not_open",
    "captured": "hold_captured",
    "voided": "hold_voided",
    "expired": "hold_expired",
}
"""Problems by the state of a hold that its shard does not have open; those of reviews are called as the state."""


class RecordServices(Protocol):
    """What it takes to find a record by its id."""

    secret: Secret
    history: History


class ShowServices(RecordServices, Protocol):
    """What it takes to show one: names of packs and of those who answered a case."""

    keys: KeyStore
    catalogue: PackCatalogue


class FindServices(ShowServices, Protocol):
    """What it takes to find a record by its key: the shard that knows it."""

    limits: Limits
    access: WalletAccess
    topology: Topology
    clients: Sequence[ShardClient]


class LifecycleServices(SubmitServices, FindServices, Protocol):
    """What changes use besides."""

    def deadline(self) -> float:
        """`Services.deadline`."""


# Asking.


async def get_transfer(services: FindServices, call: Call) -> web.Response:
    """GET /v1/transfers/{id}."""
    call.query()
    address, found = await transfer_in_path(services, call)
    sides = await services.access.seen(call.principal, found.record)
    if sides == NEITHER:
        raise ProblemError("transfer_not_found")
    return json_response(await shown(services, address, found, sides, call.principal.account))


async def find_transfer(services: FindServices, call: Call) -> web.Response:
    """GET /v1/transfers?wallet=W&idempotency_key=K."""
    query = call.query()
    if uuid_bytes(query["wallet"]) is None:
        raise invalid_query("wallet", "a wallet id (UUID) is expected")
    found = await find_by_key(services, call.principal, query["wallet"], plain_key(query["idempotency_key"]))
    return json_response(await shown(services, *found, call.principal.account))


async def find_by_key(
    services: FindServices, principal: Principal, wallet_id: str, key: str
) -> tuple[int, Found, Sides]:
    """The record that a request of the caller's made under a key at a wallet, its address, and on which sides the caller stands. Raises
    ProblemError wallet_not_found, key_not_seen, timeout."""
    wallet = decode_wallet(services.secret, wallet_id)
    if wallet == 0:
        raise ProblemError("wallet_not_found")
    shard = await services.topology.home_of(wallet, wallet)
    if shard == UNKNOWN:
        raise ProblemError("wallet_not_found")
    try:
        async with asyncio.timeout(services.limits.deadline_s):
            address = await services.clients[shard].find_key(principal.account, wallet, key_bytes(key))
    except (ShardUnavailable, TimeoutError):
        raise ProblemError("timeout") from None
    found = await services.history.transfer(address, principal.account) if address else None
    sides = NEITHER if found is None else await services.access.seen(principal, found.record)
    if found is None or sides == NEITHER:
        name = (await services.keys.accounts([principal.account])).get(principal.account, "")
        raise ProblemError(
            "key_not_seen",
            f"No request of the account {name!a} under this key was seen at the wallet {wallet_id}. Requests of other accounts are "
            "not looked at, nor what is still on its way.",
            money_moved="unknown",
        )
    return address, found, sides


async def transfer_in_path(services: RecordServices, call: Call) -> tuple[int, Found]:
    """The record whose id is in the path, and its address. Raises ProblemError transfer_not_found."""
    asker = call.principal.account if call.request.method == "GET" else None
    return await find_by_id(services, call.request.match_info["id"], asker)


async def find_by_id(services: RecordServices, text: str, asker: int | None = None) -> tuple[int, Found]:
    """The record with an id, and its address; `asker` as of History. Raises ProblemError transfer_not_found."""
    address = decode_transfer(services.secret, text)
    found = await services.history.transfer(address, asker) if address else None
    if found is None or transfer_id(services.secret, found.record["record_time"], address) != text.lower():
        raise ProblemError("transfer_not_found")
    return address, found


class _Target(NamedTuple):
    """The record that a call changes, its address, and on which sides of it the caller stands."""

    address: int
    found: Found
    sides: Sides


async def _to_change(services: LifecycleServices, call: Call) -> _Target:
    """The record whose id is in the path. Raises ProblemError transfer_not_found, also when the caller stands on no side."""
    address, found = await transfer_in_path(services, call)
    sides = await services.access.sides(call.principal, found.record)
    if sides == NEITHER:
        raise ProblemError("transfer_not_found")
    return _Target(address, found, sides)


async def shown(
    services: ShowServices, address: int, found: Found, sides: Sides, asker: int | None = None
) -> TransferAnswer:
    """A record as it is shown to who stands on these sides: how and whence it was paid, and what was decided, is the payer's alone.
    `asker` as of History."""
    target_time = None
    if found.record["kind"] in REFERRING:
        origins = await services.history.origins([found.record["reference"]])
        origin = origins[found.record["reference"]]
        target_time = origin.time
        found = found._replace(details=origin.details)
    parts = await services.history.parts(address, asker) if found.referred and found.record["code"] == 0 else NO_PARTS
    moved = [(address, found.record), *((part.address, part.record) for part in parts.listed)]
    suspended = await services.history.suspended(moved)
    answer = answer_in(address, parts) if is_case(found.record) else None
    accounts = await services.keys.accounts([answer["caller"]]) if answer is not None else {}
    names = await services.catalogue.names((found.record["pack"],))
    related = Related(parts=parts, target_time=target_time, accounts=accounts, suspended=suspended)
    shown = transfer_answer(services.secret, names, address, found, related, now_ms())
    return shown if sides.payer else for_payee(shown)


# Changing.


async def capture_transfer(services: LifecycleServices, call: Call) -> web.Response:
    """POST /v1/transfers/{id}/capture."""
    deadline = services.deadline()
    call.key()
    body = decode(CAPTURE, await call.json_body(services.limits.json_bytes_max) or b"{}")
    target = await _to_change(services, call)
    amount = body.amount if body.amount is not UNSET else 0
    return await _end_hold(services, call, Kind.CAPTURE, target, deadline, amount=amount, final=body.final is not False)


async def void_transfer(services: LifecycleServices, call: Call) -> web.Response:
    """POST /v1/transfers/{id}/void."""
    deadline = services.deadline()
    call.key()
    decode(EMPTY, await call.json_body(services.limits.json_bytes_max) or b"{}")
    target = await _to_change(services, call)
    address, found, sides = target
    if not may_void(sides, found.record, call.principal.account):
        raise ProblemError("forbidden", "The payee's account may void this hold, and the one that made it.")
    if is_case(found.record) and sides.payer and found.record["caller"] == call.principal.account:
        ended = await _withdraw(services, call, address, found, deadline)
        if ended is not None:
            return await _answer(services, ended.address, sides, bool(ended.replayed))
        if asked_kind(found.record) is Kind.TRANSFER:
            state = ended_as(found.record, address, await services.history.parts(address), now_ms())
            raise ProblemError("review_approved" if state == "captured" else _NOT_OPEN.get(state, state))
    return await _end_hold(services, call, Kind.VOID, target, deadline, amount=0, final=False)


async def _withdraw(
    services: LifecycleServices, call: Call, address: int, found: Found, deadline: float
) -> Result | None:
    """End the review of a payment whose caller wants it no more; None when it is in review no longer, also where the key has ended what was
    then an ordinary hold: sent again, it does that again."""
    row = answer_row(Kind.VOID, found.record, address, call.key(), call.caller(), by_payer=True)
    result = await submit_row(services, shard_of(address), row, None, deadline)
    if result.code in (Code.HOLD_NOT_OPEN, Code.HOLD_EXPIRED, Code.NOT_IN_REVIEW):
        return None
    if result.code == Code.IDEMPOTENCY_MISMATCH and asked_kind(found.record) is Kind.HOLD:
        return None
    if result.code != Code.OK:
        raise refusal(services.secret, result)
    return result


async def _end_hold(
    services: LifecycleServices,
    call: Call,
    op: Kind,
    target: _Target,
    deadline: float,
    *,
    amount: int,
    final: bool,
) -> web.Response:
    address, found, sides = target
    if asked_kind(found.record) is not Kind.HOLD or found.record["code"] != 0:
        raise ProblemError("not_a_hold")
    row = modification_row(op, found.record, address, amount, final, call.key(), call.caller())
    result = await submit_row(services, shard_of(address), row, None, deadline)
    if result.code == Code.HOLD_NOT_OPEN:
        parts = await services.history.parts(address)
        state = ended_as(found.record, address, parts, now_ms())
        raise ProblemError(_NOT_OPEN.get(state, state))
    if result.code != Code.OK:
        details = await _exceeded(services, address, found, amount) if result.code == Code.HOLD_EXCEEDED else NO_DETAILS
        raise refusal(services.secret, result, details=details)
    return await _answer(services, result.address, sides, bool(result.replayed))


async def _exceeded(services: RecordServices, address: int, found: Found, amount: int) -> dict[int, str]:
    """How much is left to capture or refund, by the code that says that it is too little."""
    parts = await services.history.parts(address)
    whole = found.record["amount"]
    return {
        Code.HOLD_EXCEEDED: f"{amount} is more than the {whole - parts.captured} of {whole} that is left to capture.",
        Code.REFUND_EXCEEDED: f"{amount or whole} is more than the {whole - parts.refunded} of {whole} that is left to refund.",
    }


async def refund_transfer(services: LifecycleServices, call: Call) -> web.Response:
    """POST /v1/transfers/{id}/refund."""
    deadline = services.deadline()
    key, caller = call.key(), call.caller()
    body = decode(REFUND, await call.json_body(services.limits.json_bytes_max) or b"{}")
    address, found, sides = await _to_change(services, call)
    if not sides.payee:
        raise ProblemError("forbidden", "The payee's account may refund this transfer.")
    address, found = await _what_moved(services, address, found)
    if found.record["kind"] not in (Kind.TRANSFER, Kind.CAPTURE) or found.record["code"] != 0:
        raise ProblemError("not_refundable")
    amount = body.amount if body.amount is not UNSET else 0
    row = modification_row(Kind.REFUND, found.record, address, amount, False, key, caller)
    home = await services.topology.home_of(found.record["payee"], found.record["payer"])
    result = await submit_row(services, home, row, None, deadline)
    if result.code != Code.OK:
        refunds = found.record["payee"], amount or found.record["amount"], ALPHA[found.record["currency"]]
        details = too_low(encode_wallet(services.secret, refunds[0]), *refunds[1:])
        if result.code == Code.REFUND_EXCEEDED:
            details = await _exceeded(services, address, found, amount)
        raise refusal(services.secret, result, details=details)
    return await _answer(services, result.address, sides, bool(result.replayed))


async def _what_moved(services: RecordServices, address: int, found: Found) -> tuple[int, Found]:
    """The record that moved the money of a payment: of a hold that has ended, and of a payment that was approved, its only capture, else
    itself. Raises ProblemError not_refundable for a hold that has none, or of which another may come or has come."""
    if found.record["kind"] != Kind.HOLD or found.record["code"] != 0:
        return address, found
    parts = await services.history.parts(address)
    captures = [part for part in parts.listed if part.target == address and part.record["kind"] == Kind.CAPTURE]
    if not captures:
        raise ProblemError("not_refundable", "Nothing of this hold was captured.")
    if len(captures) > 1 or ended_as(found.record, address, parts, now_ms()) in ("held", "in_review"):
        named = [
            transfer_id(services.secret, part.record["record_time"], part.address) for part in captures[:CAPTURES_NAMED]
        ]
        raise ProblemError("not_refundable", f"Name the capture to refund: {', '.join(named)}.")
    return captures[0].address, Found(captures[0].record, found.details)


async def _answer(services: LifecycleServices, address: int, sides: Sides, replayed: bool) -> web.Response:
    """The record that a change made, read back: it is durable."""
    found = await services.history.transfer(address)
    assert found is not None, "what was answered is in the journal"
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    answer = msgspec.structs.replace(await shown(services, address, found, sides), replayed=replayed)
    return json_response(answer, 201, headers)


_CHANGE: Final = (
    KEY_NEEDED
    | WRITE
    | {"transfer_not_found"}
    | named(Code.HOLD_IN_REVIEW, Code.NOT_IN_REVIEW, Code.REVIEW_APPROVED, Code.REVIEW_DECLINED, Code.REVIEW_EXPIRED)
)
_HOLD: Final = _CHANGE | named(
    Code.HOLD_CAPTURED, Code.HOLD_EXPIRED, Code.HOLD_NOT_OPEN, Code.HOLD_VOIDED, Code.NOT_A_HOLD
)

ROUTES: Final = (
    Route(
        "GET",
        "/v1/transfers",
        "Find a transfer by the key it was asked for with.",
        ASK,
        Access.TRANSFER,
        find_transfer,
        answer=TransferAnswer,
        query=("wallet", "idempotency_key"),
        needed=("wallet", "idempotency_key"),
        problems=frozenset({"invalid_idempotency_key", "key_not_seen", "wallet_not_found"}),
    ),
    Route(
        "GET",
        "/v1/transfers/{id}",
        "A transfer as it stands: decision, captures, refunds, review.",
        ASK,
        Access.TRANSFER,
        get_transfer,
        answer=TransferAnswer,
        problems=frozenset({"transfer_not_found"}),
    ),
    Route(
        "POST",
        "/v1/transfers/{id}/capture",
        "Take a hold's money, in parts or whole.",
        PAY,
        Access.TRANSFER,
        capture_transfer,
        answer=TransferAnswer,
        bodies=(Capture,),
        problems=_HOLD | named(Code.BALANCE_OUT_OF_RANGE, Code.HOLD_EXCEEDED, Code.PAYEE_CLOSED),
    ),
    Route(
        "POST",
        "/v1/transfers/{id}/void",
        "Release a hold, or end the review of one's own payment.",
        PAY,
        Access.TRANSFER,
        void_transfer,
        answer=TransferAnswer,
        bodies=(Empty,),
        problems=_HOLD,
    ),
    Route(
        "POST",
        "/v1/transfers/{id}/refund",
        "Give money back, in parts or whole.",
        PAY,
        Access.TRANSFER,
        refund_transfer,
        answer=TransferAnswer,
        bodies=(Refund,),
        problems=_CHANGE
        | named(
            Code.BALANCE_OUT_OF_RANGE,
            Code.INSUFFICIENT_FUNDS,
            Code.NOT_REFUNDABLE,
            Code.PAYEE_CLOSED,
            Code.PAYER_CLOSED,
            Code.PAYER_FROZEN,
            Code.REFUND_EXCEEDED,
        ),
    ),
)
