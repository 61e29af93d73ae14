"""What calls of payment credit share: rows for the shards, ids, and the durable state of a holder."""

import asyncio
import hashlib
from typing import Any, Final

import msgspec
import numpy as np

from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_QUESTION
from actors.records.ids import decode_transfer, decode_wallet, key_words, transfer_id, uuid_bytes
from actors.records.layout import OPERATOR_KINDS, SCENARIO, SCENARIO_VERSION, Kind, WalletStatus
from actors.rpc.interface import ShardUnavailable
from actors.stores.api_keys import Principal
from models.wording import counted
from switch.api.credit_services import CreditServices, StateServices
from switch.api.scenario_catalogue import LoadedScenario
from switch.api.services import deadline_problem
from switch.gateway.credit_queue import CreditAnswer, CreditRow, Revise, row_of, same_later
from switch.gateway.routing import UNKNOWN
from switch.gateway.write_queue import DeadlineExceeded
from switch.http.call import Call
from switch.problems.table import NUMBERS, ProblemError, invalid_field
from switch.views.credit_records import CreditRecord

NO_MERCHANT: Final = (
    "no account of this name asks as a merchant: a key of this name with the scope merchant makes it one"
)
_ENCODE: Final = msgspec.msgpack.Encoder(order="deterministic").encode


def body_hash(*parts: Any) -> int:
    """What a repeated request is compared by: 64 bits, never 0."""
    return int.from_bytes(hashlib.blake2b(_ENCODE(parts), digest_size=8).digest(), "little") or 1


def callers_fields(op: Kind, principal: Principal, key: bytes, digest: int) -> dict[str, int]:
    """Fields of a caller's row, with its key; whatever the holder's chain is."""
    hi, lo = key_words(key)
    account = principal.account
    return {
        "op": int(op),
        "caller": account,
        "account": account,
        "digest": digest,
        "key_hi": hi,
        "key_lo": lo,
        "seen": -1,
    }


def credit_row(op: Kind, principal: Principal, key: bytes, digest: int) -> CreditRow:
    """The row with `callers_fields`."""
    return row_of(callers_fields(op, principal, key, digest))


async def holder_shard(services: CreditServices, address: int) -> int:
    """Home shard of a holder's wallet. Raises ProblemError wallet_not_found."""
    shard = await services.topology.owner_of(address) if address > 0 else UNKNOWN
    if shard < 0:
        raise ProblemError("wallet_not_found")
    return shard


def wallet_address(services: CreditServices, text: str, field: str = "wallet") -> int:
    """Address of a wallet id, 0 for one of nobody. Raises ProblemError invalid_field."""
    if uuid_bytes(text) is None:
        raise invalid_field(field, "a wallet id (UUID) is expected")
    return decode_wallet(services.secret, text)


async def own_wallet(services: CreditServices, principal: Principal, text: str) -> int:
    """Address of a wallet for whose holder the caller speaks. Raises ProblemError wallet_not_found."""
    address = wallet_address(services, text)
    if address == 0 or not await services.access.holds(principal, address):
        raise ProblemError("wallet_not_found")
    return address


async def holders_wallet(services: CreditServices, call: Call) -> int:
    """Address of the wallet in a call's path, for whose holder the caller speaks. Raises ProblemError wallet_not_found."""
    address = decode_wallet(services.secret, call.request.match_info["id"])
    if address == 0 or not await services.access.holds(call.principal, address):
        raise ProblemError("wallet_not_found")
    return address


async def states(
    services: StateServices, shard: int, questions: list[tuple[int, int, int, int]], *, to_record: bool = False
) -> Any:
    """CREDIT_STATE rows for (holder, order, account, scenario), durable; or, `to_record`, as they are now, for a row that names their
    writer. Raises ProblemError timeout."""
    try:
        asked = np.array([(*question, 0, to_record) for question in questions], CREDIT_QUESTION)
        return await services.credit_readers[shard].read(asked)
    except ShardUnavailable:
        raise ProblemError("timeout") from None


async def refuse_while_owed(services: StateServices, wallet: int) -> None:
    """Raises ProblemError wallet_has_orders when orders that are not over pay to or from an open wallet, timeout when a shard does not
    answer. Its own shard refuses those from it once more; one that is made meanwhile and pays to it finds the wallet closed, and its clock
    stands still."""
    question = np.array([(wallet, 0, 0, 0, wallet, 0)], CREDIT_QUESTION)
    try:
        found = await asyncio.gather(*(reader.read(question) for reader in services.credit_readers))
    except ShardUnavailable:
        raise ProblemError("timeout") from None
    rows = np.concatenate(found)
    paying, own = int(rows["paying"].sum()), int(rows["credit"]["open"].sum())
    if (paying or own) and not (rows["wallet"]["status"] == WalletStatus.CLOSED).any():
        raise ProblemError(
            "wallet_has_orders",
            f"{counted(paying, 'service order that is not over pays', 'service orders that are not over pay')} to it, and {own:,} from it.",
        )


def is_holder(wallet: Any) -> bool:
    """Whether a WALLET row is of somebody who can have credit."""
    return bool(wallet["currency"]) and wallet["kind"] not in OPERATOR_KINDS


async def submit(
    services: CreditServices,
    shard: int,
    row: CreditRow,
    details: bytes | None,
    deadline: float,
    revise: Revise = same_later,
) -> CreditAnswer:
    """The answer to a row. Raises ProblemError when it has no result in time."""
    try:
        return await services.credit_queues[shard].one(row, details, deadline, revise)
    except DeadlineExceeded as error:
        raise deadline_problem(error) from None


async def recorded(services: CreditServices, answer: CreditAnswer, digest: int) -> CreditRecord:
    """The record of an answer. Raises ProblemError: what the code says, or idempotency_mismatch when the key was used for something
    else."""
    if answer.code != Code.OK:
        raise ProblemError(NUMBERS[answer.code])
    (found,) = await services.credit_history.many([answer.address]) or (None,)
    if found is None or found.record["digest"] != digest:
        raise ProblemError("idempotency_mismatch", "The body differs from that of the first request under this key.")
    return found


async def record_named(services: CreditServices, text: str, missing: str, *kinds: Kind) -> CreditRecord:
    """The credit record that has an id. Raises ProblemError `missing`."""
    address = decode_transfer(services.secret, text)
    found = await services.credit_history.one(address, *kinds) if address else None
    if found is None or transfer_id(services.secret, found.record["record_time"], address) != text.lower():
        raise ProblemError(missing)
    return found


async def scenario_of(services: CreditServices, found: CreditRecord) -> LoadedScenario:
    """The version of the scenario that a record was made with."""
    number = found.record[SCENARIO]
    recorded_version = found.record["kind"] in (Kind.INQUIRY, Kind.ORDER_CREATED)
    version = found.record[SCENARIO_VERSION] if recorded_version else found.details.version
    loaded = await services.scenarios.version(number, version)
    assert loaded is not None, "versions never go"
    return loaded
