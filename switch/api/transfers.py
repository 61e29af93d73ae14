"""Payments: one at a time and in batches."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final, NamedTuple, Protocol

import msgspec
import numpy as np
from aiohttp import web
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from actors.records.addresses import home_wallet, owned
from actors.records.codes import Code, is_untried
from actors.records.ids import key_bytes, transfer_id
from actors.records.layout import FLAG_FALLBACK, FLAG_SCORED, REQUEST, RESULT, Kind, Requests, Results, ReviewStatus
from actors.records.secret import Secret
from actors.stores.api_keys import Principal
from actors.stores.batch_keys import BatchKeyStore
from models.arrays import Integers
from rules.vocabulary.times import time_ms
from switch.api.after import after_codes, check_after
from switch.api.resulting_balances import BalanceServices, asks_for_balances, balances_after
from switch.api.route import KEY_NEEDED, WRITE, Route, named
from switch.api.services import Limits, deadline_problem
from switch.fairness.scheduling import STEP_ROWS, Scheduler, Steps, mapped
from switch.fairness.shares import Places
from switch.gateway import arrow
from switch.gateway.encode import after_address, transfer_row
from switch.gateway.linked_groups import Groups, arrange, homes_of, of_several_payers
from switch.gateway.routing import UNKNOWN, Topology
from switch.gateway.write_queue import DeadlineExceeded, Result, ShardWriteQueue
from switch.http.access import Access, WalletAccess
from switch.http.auth import PAY, demand_import
from switch.http.call import JSON, Call, Caller
from switch.http.decoding import TRANSFER, TRANSFER_BATCH, decode
from switch.http.metrics import Metrics
from switch.http.schema import KeyedTransfer, Transfer, TransferBatch
from switch.http.server import Answer
from switch.http.times import now_ms
from switch.problems.table import (
    NO_PROBLEM,
    NUMBERS,
    OVERLOADED_NUMBER,
    UNKNOWN_NUMBER,
    MoneyMoved,
    ProblemError,
    invalid_field,
    row_detail,
    row_status,
)
from switch.views.pack_names import PackCatalogue
from switch.views.representations import ACTION_NAMES, TransferAnswer, json_response, posted_answer, refusal, too_low
from switch.views.statement import History

COUNTED_ROWS: Final = 8_192
"""Rows of one step that looks at some columns of each: 0.2 ms."""
DIGEST_INLINE_BYTES_MAX: Final = 64 * 1024
"""A body beyond it is hashed in a thread: it would hold the event loop for more than 0.1 ms."""


_AFTER_REVIEW: Final = {
    ReviewStatus.OPEN: Code.IN_REVIEW,
    ReviewStatus.APPROVED: Code.OK,
    ReviewStatus.DECLINED: Code.REVIEW_DECLINED,
    ReviewStatus.EXPIRED: Code.REVIEW_EXPIRED,
    ReviewStatus.VOIDED: Code.HOLD_VOIDED,
}
"""What a retry is told, by how the review stands."""


class RowAnswer(msgspec.Struct, frozen=True):
    """One row of a batch's answer."""

    id: str | None
    status: str
    code: str
    replayed: bool
    detail: str | UnsetType = UNSET


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answer to a JSON batch, in the order of its rows."""

    results: list[RowAnswer]


class SubmitServices(Protocol):
    """What it takes to hand a row to its shard, and count the result."""

    queues: list[ShardWriteQueue]
    metrics: Metrics


class BatchKeyServices(Protocol):
    """Where the keys of batches stand, and threads that hash their bodies and do nothing else."""

    batch_keys: BatchKeyStore
    hashing: Executor


class HomeServices(Protocol):
    """Which shard decides a payment."""

    topology: Topology


class _PayingServices(SubmitServices, HomeServices, Protocol):
    """What payments, one or many, use of the front door."""

    secret: Secret
    limits: Limits
    access: WalletAccess
    history: History

    def deadline(self) -> float:
        """`Services.deadline`."""


class PaymentServices(_PayingServices, BalanceServices, Protocol):
    """What one payment uses besides: names of the packs that decide, and balances where they are asked for."""

    catalogue: PackCatalogue

    def address(self, text: str) -> int:
        """`Services.address`."""


class BatchServices(_PayingServices, BatchKeyServices, Protocol):
    """What a batch uses besides: a place among the batches, room for its rows, and turns of the event loop."""

    batches: Places
    batch_rows: Places
    scheduler: Scheduler

    def addresses(self, texts: Sequence[str]) -> list[int]:
        """`Services.addresses`."""


# One payment.


async def create_transfer(services: PaymentServices, call: Call) -> web.Response:
    """POST /v1/transfers."""
    deadline = services.deadline()
    key = call.key()
    caller = call.caller()
    balances = call.request.query_string != "" and asks_for_balances(call)
    transfer = decode(TRANSFER, await call.json_body(services.limits.json_bytes_max))
    payer, payee = services.address(transfer.payer), services.address(transfer.payee)
    check_ids(payer, payee, "")
    row, details = transfer_row(transfer, payer, payee, after_address(services.secret, transfer), key, caller)
    if not await services.access.owns(call.principal.bound, payer):
        raise ProblemError("payer_not_found", "This key's account is bound to wallets, and the payer is none of them.")
    if transfer.after is not UNSET:
        await check_after(services.history, call.principal.bound is not None, row, transfer.after)
    home = await home_of_payment(services, payer, payee)
    result = await submit_row(services, home, row, details, deadline)
    if result.replayed and result.code == Code.IN_REVIEW:
        ends = await services.history.review_ends([result.address], now_ms())
        result = result._replace(code=int(_AFTER_REVIEW[ends[result.address]]))
    if result.flags & FLAG_SCORED:
        services.metrics.decisions[ACTION_NAMES[result.action]] += 1
        if result.flags & FLAG_FALLBACK and not result.replayed:
            services.metrics.fallbacks += 1
    names = await services.catalogue.names_after(result.pack)
    if result.code not in NO_PROBLEM:
        raise refusal(services.secret, result, names, too_low(transfer.payer, transfer.amount, transfer.currency))
    headers = {"Idempotent-Replayed": "true"} if result.replayed else None
    answer = posted_answer(services.secret, names, transfer, result)
    if balances:
        with _submitted():
            both = await balances_after(services, call.principal, (payer, payee))
        answer = msgspec.structs.replace(answer, balances=both)
    return json_response(answer, 201, headers)


async def submit_row(services: SubmitServices, home: int, row: bytes, details: bytes | None, deadline: float) -> Result:
    """The result of one row that moves money, counted. Raises ProblemError when it had no result in time."""
    try:
        result = await services.queues[home].one(row, details, deadline)
    except DeadlineExceeded as error:
        services.metrics.results[NUMBERS[error.code]] += 1
        raise deadline_problem(error) from None
    services.metrics.results[NUMBERS[result.code]] += 1
    return result


def check_ids(payer: int, payee: int, path: str) -> None:
    """Refuse what is no UUID."""
    for name, address in (("payer", payer), ("payee", payee)):
        if address < 0:
            raise invalid_field(f"{path}{name}", "a wallet id (UUID) is expected")


async def home_of_payment(services: HomeServices, payer: int, payee: int) -> int:
    """The home shard. Raises ProblemError when the wallet that names it does not exist."""
    if payer == 0:
        raise ProblemError("payer_not_found")
    home = services.topology.home(payer, payee)
    if home == UNKNOWN:
        home = await services.topology.home_of(payer, payee)
    if home == UNKNOWN:
        raise ProblemError("payer_not_found" if home_wallet(payer, payee) == payer else "payee_not_found")
    return home


# Batches.


async def create_transfers(services: BatchServices, call: Call) -> web.Response:
    """POST /v1/transfers/batch, as JSON or as an Arrow stream. Each row has a key of its own; the header's is that of the batch."""
    key, caller = call.key(), call.caller()
    kind = call.content_type
    if kind not in (JSON, "", arrow.CONTENT_TYPE):
        raise ProblemError("unsupported_media_type", f"This call takes {JSON} or {arrow.CONTENT_TYPE}.")
    account = call.principal.account
    body = await call.body(
        services.limits.arrow_bytes_max if kind == arrow.CONTENT_TYPE else services.limits.json_batch_bytes_max
    )
    async with services.batches.place(account):
        if kind == arrow.CONTENT_TYPE:
            stream = await services.scheduler.run(account, arrow.read_transfers(body))
            async with services.batch_rows.place(account, stream.rows):
                results = await _submit_stream(services, call.principal, caller, key, body, stream)
            with _submitted():
                answer = await services.scheduler.run(account, arrow.encode_results(services.secret, results))
            return Answer(answer, content_type=arrow.CONTENT_TYPE)
        asked = await services.scheduler.run(account, _asked(services, body, caller))
        if asked.timed:
            demand_import(call.principal)
        groups = np.zeros(len(asked.rows), np.int64) if asked.linked else None
        await bind_key(services, caller, key, body)
        results = await _submit_own(services, call.principal, asked.rows, asked.details, groups)
        with _submitted():
            answered = await services.scheduler.run(account, _batch_answer(services.secret, results, asked.rows["op"]))
        return json_response(answered)


async def _submit_stream(
    services: BatchServices, principal: Principal, caller: Caller, key: bytes, body: bytes, stream: arrow.Stream
) -> Results:
    """RESULT rows for the transfers of an Arrow stream, which `body` is."""
    batch = await services.scheduler.run(
        principal.account, arrow.decode_transfers_stream(stream, services.secret, caller)
    )
    if batch.timed:
        demand_import(principal)
    await bind_key(services, caller, key, body)
    return await _submit_own(services, principal, batch.rows, batch.details, batch.groups)


@contextlib.contextmanager
def _submitted() -> Iterator[None]:
    """What goes wrong from here on goes wrong after money may have moved."""
    try:
        yield
    except ProblemError as problem:
        problem.money_moved = "unknown"
        raise


async def _submit_own(
    services: BatchServices,
    principal: Principal,
    rows: Requests,
    details: dict[int, bytes],
    groups: NDArray[np.int64] | None,
) -> Results:
    """`_submit_grouped` for a caller: only what its own wallets pay, and reviews as they stand now."""
    await _refuse_payers(services, principal, rows)
    results = await _submit_grouped(services, principal.bound is not None, rows, details, groups)
    await _renew_ends(services, results)
    return results


async def _renew_ends(services: BatchServices, results: Results) -> None:
    """A payment that was in review when its key was first used may have ended since."""
    waited = np.flatnonzero((results["code"] == Code.IN_REVIEW) & (results["replayed"] != 0))
    if len(waited):
        addresses = results["address"][waited].tolist()
        ends = await services.history.review_ends(addresses, now_ms())
        results["code"][waited] = [_AFTER_REVIEW[ends[address]] for address in addresses]


async def _refuse_payers(services: BatchServices, principal: Principal, rows: Requests) -> None:
    """A payer that is not the caller's own is to it as if it were not there."""
    if principal.bound is not None:
        rows["payer"][~await services.access.own(principal.bound, rows["payer"])] = 0


async def bind_key(services: BatchKeyServices, caller: Caller, key: bytes, body: bytes) -> None:
    """Bind the batch's key to its body, before any row moves money. Raises ProblemError when it was used with another body."""
    if len(body) > DIGEST_INLINE_BYTES_MAX:
        digest = await asyncio.get_running_loop().run_in_executor(services.hashing, _digest, body)
    else:
        digest = _digest(body)
    if not await services.batch_keys.use(caller.account, key, digest):
        raise ProblemError("idempotency_mismatch", "This Idempotency-Key was used for a batch with another body.")


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


class _Request(NamedTuple):
    """A JSON batch: REQUEST rows (n,), details by row, whether rows carry effective times of their own, and whether all are linked."""

    rows: Requests
    details: dict[int, bytes]
    timed: bool
    linked: bool


def _asked(services: BatchServices, body: bytes, caller: Caller) -> Steps[_Request]:
    batch, transfers = yield from TRANSFER_BATCH.decode(body)
    timed = any(transfer.effective_at is not UNSET for transfer in transfers)
    parts, details = [], {}
    for start in range(0, len(transfers), STEP_ROWS):
        some = transfers[start : start + STEP_ROWS]
        payers = services.addresses([transfer.payer for transfer in some])
        payees = services.addresses([transfer.payee for transfer in some])
        for i, (transfer, payer, payee) in enumerate(zip(some, payers, payees, strict=True), start):
            path = f"transfers[{i}]."
            check_ids(payer, payee, path)
            key = key_bytes(transfer.idempotency_key)
            after = after_address(services.secret, transfer, path)
            row, entry = transfer_row(transfer, payer, payee, after, key, _caller_at(transfer, caller, path), path)
            parts.append(row)
            if entry is not None:
                details[i] = entry
        yield
    return _Request(np.frombuffer(bytearray(b"".join(parts)), REQUEST), details, timed, batch.linked is True)


def _caller_at(transfer: KeyedTransfer, caller: Caller, path: str) -> Caller:
    """The caller, with the row's own effective time where it has one."""
    if transfer.effective_at is UNSET:
        return caller
    try:
        return Caller(caller.account, time_ms(transfer.effective_at))
    except ValueError as error:
        raise invalid_field(f"{path}effective_at", str(error)) from None


async def _submit_grouped(
    services: BatchServices, bound: bool, rows: Requests, details: dict[int, bytes], numbers: NDArray[np.int64] | None
) -> Results:
    """`_submit_rows` for rows of which some are linked: `numbers` (n,) of their groups, None when each stands alone."""
    if numbers is None:
        return await _submit_rows(services, bound, rows, details, None)
    arranged, groups = arrange(rows, numbers)
    moved = {k: details[i] for k, i in enumerate(groups.order.tolist()) if i in details} if details else {}
    results = np.empty(len(rows), RESULT)
    results[groups.order] = await _submit_rows(services, bound, arranged, moved, groups)
    return results


async def _submit_rows(
    services: BatchServices, bound: bool, rows: Requests, details: dict[int, bytes], groups: Groups | None
) -> Results:
    """RESULT rows for REQUEST rows, from all their home shards. `bound`: their caller's account is. Raises ProblemError when not one row
    has a result."""
    account = int(rows["caller"][0])
    homes = await _homes(services, rows)
    results = await services.scheduler.run(account, _nowhere(rows, homes))
    afters = await after_codes(services.history, bound, rows)
    wrong = (afters != 0) & (results["code"] == 0)
    results["code"][wrong] = afters[wrong]
    homes[wrong] = UNKNOWN
    deadline = services.deadline()
    if groups is not None:
        results["code"][of_several_payers(groups, rows) & (results["code"] == 0)] = Code.GROUP_INVALID
        refused = groups.each(results["code"], np.maximum) != 0
        results["code"][refused & (results["code"] == 0)] = Code.LINKED_REFUSED
        homes = np.where(refused, UNKNOWN, homes_of(groups, rows, homes))
    shards = [shard for shard in range(services.topology.shards) if np.any(homes == shard)]
    picked = [np.flatnonzero(homes == shard) for shard in shards]
    answers = await asyncio.gather(
        *(
            services.queues[shard].many(*_part(rows, details, index), deadline)
            for shard, index in zip(shards, picked, strict=True)
        )
    )
    with _submitted():
        results = await services.scheduler.run(account, _counted(services, results, picked, answers))
    check_outcome(results["code"])
    return results


def _nowhere(rows: Requests, homes: NDArray[np.int16]) -> Steps[Results]:
    """RESULT rows with the codes of those that no shard can be asked about."""
    results = np.zeros(len(rows), RESULT)
    for start in range(0, len(rows), COUNTED_ROWS):
        some = slice(start, start + COUNTED_ROWS)
        payers, payees = rows["payer"][some].copy(), rows["payee"][some].copy()
        lost = (homes[some] == UNKNOWN) & (payers != 0)
        payee_names = ~owned(payers) & owned(payees)
        wrong = np.where(lost, np.where(payee_names, Code.PAYEE_NOT_FOUND, Code.PAYER_NOT_FOUND), 0)
        results["code"][some] = np.where(payers == 0, Code.PAYER_NOT_FOUND, wrong)
        yield
    return results


def _counted(
    services: SubmitServices, results: Results, picked: list[NDArray[np.intp]], answers: list[Results]
) -> Steps[Results]:
    """Results with what shards answered for the rows `picked`."""
    for index, answer in zip(picked, answers, strict=True):
        if len(index) == len(results):
            results = answer
        else:
            results[index] = answer
        yield
    yield from _count(services, results)
    return results


async def _homes(services: BatchServices, rows: Requests) -> NDArray[np.int16]:
    homes = services.topology.homes(rows["payer"], rows["payee"])
    homes[rows["payer"] == 0] = UNKNOWN
    for _ in range(2):
        if not np.any((homes == UNKNOWN) & (rows["payer"] != 0)):
            break
        await services.topology.refresh()
        homes = services.topology.homes(rows["payer"], rows["payee"])
        homes[rows["payer"] == 0] = UNKNOWN
    return homes


def _part(rows: Requests, details: dict[int, bytes], index: NDArray[np.int64]) -> tuple[Requests, dict[int, bytes]]:
    if len(index) == len(rows):
        return rows, details
    entries = {k: details[i] for k, i in enumerate(index.tolist()) if i in details} if details else {}
    return rows[index], entries


def _count(services: SubmitServices, results: Results) -> Steps[None]:
    metrics = services.metrics
    for start in range(0, len(results), COUNTED_ROWS):
        some = results[start : start + COUNTED_ROWS]
        for code, count in _times(some["code"]).items():
            metrics.results[NUMBERS[code]] += count
        flags = some["flags"]
        for action, count in _times(some["action"][(flags & FLAG_SCORED) != 0]).items():
            metrics.decisions[ACTION_NAMES[action]] += count
        stood_in = (flags & FLAG_FALLBACK != 0) & (some["replayed"] == 0)
        metrics.fallbacks += int(np.count_nonzero(stood_in))
        yield


def _times(numbers: Integers) -> dict[int, int]:
    """How often each of some small numbers (n,) is there."""
    counts = np.bincount(numbers)
    return {number: int(counts[number]) for number in np.flatnonzero(counts).tolist()}


def check_outcome(codes: NDArray[np.uint16], money_moved: MoneyMoved = "unknown") -> None:
    """A batch of which nothing is known is a 503 as a whole; `money_moved`: what is said where an answer was lost."""
    distinct = set(_times(codes))
    untried = [code for code in distinct if is_untried(code)]
    if len(untried) + len(distinct & {UNKNOWN_NUMBER, OVERLOADED_NUMBER}) < len(distinct):
        return
    if UNKNOWN_NUMBER in distinct:
        raise ProblemError("timeout", money_moved=money_moved)
    raise ProblemError(NUMBERS[untried[0] if untried else OVERLOADED_NUMBER])


def _batch_answer(secret: Secret, results: Results, ops: NDArray[np.int64]) -> Steps[BatchAnswer]:
    columns = zip(
        results["code"].tolist(),
        results["record_time"].tolist(),
        results["address"].tolist(),
        results["replayed"].tolist(),
        arrow.recorded(results["code"]).tolist(),
        (ops == Kind.HOLD).tolist(),
        strict=True,
    )
    return BatchAnswer((yield from mapped(partial(_row_answer, secret), list(columns))))


def _row_answer(secret: Secret, columns: tuple[int, int, int, int, bool, bool]) -> RowAnswer:
    code, time, address, replayed, recorded, held = columns
    return RowAnswer(
        transfer_id(secret, time, address) if recorded and address else None,
        row_status(code, "held" if held else "posted"),
        NUMBERS[code],
        bool(replayed),
        row_detail(code),
    )


_PAYMENT: Final = (
    KEY_NEEDED
    | WRITE
    | {"after_declined", "after_unrelated"}
    | named(
        Code.AFTER_NOT_FOUND,
        Code.BALANCE_OUT_OF_RANGE,
        Code.CURRENCY_MISMATCH,
        Code.DAILY_LIMIT_EXCEEDED,
        Code.DECLINED,
        Code.HOLD_VOIDED,
        Code.INSUFFICIENT_FUNDS,
        Code.PAYEE_CLOSED,
        Code.PAYEE_NOT_FOUND,
        Code.PAYER_CLOSED,
        Code.PAYER_FROZEN,
        Code.PAYER_NOT_FOUND,
        Code.REVIEWS_FULL,
        Code.REVIEW_DECLINED,
        Code.REVIEW_EXPIRED,
        Code.SAME_WALLET,
    )
)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/transfers",
        "Pay, or hold an amount.",
        PAY,
        Access.PAYER,
        create_transfer,
        answer=TransferAnswer,
        bodies=(Transfer,),
        query=("balances",),
        problems=_PAYMENT,
    ),
    Route(
        "POST",
        "/v1/transfers/batch",
        "Pay many times: JSON or an Arrow stream, single rows or linked groups.",
        PAY,
        Access.PAYER,
        create_transfers,
        answer=BatchAnswer,
        bodies=(TransferBatch, arrow.CONTENT_TYPE),
        media=(JSON, arrow.CONTENT_TYPE),
        problems=KEY_NEEDED | WRITE | {"malformed_arrow"},
        long=True,
    ),
)
