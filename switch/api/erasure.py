"""Erasure of personal data: texts of payments, credit records and profile are gone, the ledger stays.

What is erased is written down before: a record of the holder's chain names each block that lost details, and the digest of what is left, so
that the audit knows what was erased and still finds what anybody changed. Where there was no text but a score or a profile, it names no
block: from it on the score counts in nobody's features. Texts of orders, cases and proposals that are not over stay until
they are: without them they could not be finished. The answer names them.
"""

import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from actors.records.addresses import slot_of
from actors.records.blocks import Erased, details_digest, entries_of, without_entries
from actors.records.codes import Code
from actors.records.credit_layout import OPEN_STATES, OrderState
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import LAST_ORDER, ORDER_STATE, Kind
from actors.stores.erasure import BLOCKS_AT_ONCE, Block, block_at
from switch.api.credit_cases import ANSWER_OF
from switch.api.credit_services import ErasureServices
from switch.api.credit_shared import body_hash, credit_row, holder_shard, is_holder, states, submit
from switch.api.route import WRITE, Route
from switch.http.access import Access
from switch.http.auth import ERASE
from switch.http.call import Call
from switch.problems.table import NUMBERS, ProblemError
from switch.views.credit import record_id
from switch.views.credit_records import CreditDetails, CreditRecord, credit_details, has_text
from switch.views.representations import json_response

PAGE: Final = 500
"""Credit records that are looked at at a time."""
TRIES: Final = 5
"""Somebody else may erase of the same block meanwhile; each try lets at least one through."""
_ORDERS: Final = range(Kind.ORDER_CREATED, LAST_ORDER + 1)
_ENDS: Final = frozenset(ANSWER_OF.values())
_STEPS_OF_CASES: Final = frozenset({Kind.DISPUTE_FORWARDED, Kind.DISPUTE_ANSWERED})


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A record or a proposal whose text stays for now, and until when."""

    id: str
    until: str


class ErasureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased: texts of so many credit records and of so many payments that the wallet made, and the profile if it had any. `kept`:
    texts that stay until what they are of is over; ask again then."""

    wallet: str
    records: int
    payments: int
    profile: bool
    kept: list[Kept]


class _Found(NamedTuple):
    """Records of a wallet with text that can go, those whose text stays, orders and cases that are over; `scored`: it was given a score
    since its last erasure."""

    gone: list[CreditRecord]
    kept: list[tuple[CreditRecord, str]]
    over: list[CreditRecord]
    cases: list[CreditRecord]
    scored: bool = False


async def erase_profile(services: ErasureServices, call: Call) -> web.Response:
    """DELETE /v1/wallets/{id}/profile."""
    wallet = await services.wallet_in_path(call)
    if "admin" not in call.principal.scopes and not await services.access.holds(call.principal, wallet):
        raise ProblemError("wallet_not_found")
    shard = await holder_shard(services, wallet)
    async with services.erasing.place(call.principal.account):
        (state,) = await states(services, shard, [(wallet, 0, 0, 0)])
        if not is_holder(state["wallet"]):
            raise ProblemError("wallet_not_found")
        found = await _texts(services, int(state["credit"]["head"]))
        by_block: dict[Block, dict[int, bytes | None]] = {}
        for each in found.gone:
            left = credit_details(CreditDetails(version=each.details.version))
            by_block.setdefault(block_at(each.address), {})[int(slot_of(each.address))] = left
        recorded = await _erase(services, call, wallet, shard, by_block)
        payments, more = await _erase_payments(services, call, wallet, shard)
        if not recorded + more and (found.scored or await services.erasures.has_profile(wallet)):
            await _recorded(services, call, wallet, shard, [])
        orders = [(each.address, each.record["reference"], record_id(services.secret, each)) for each in found.over]
        await services.erasures.erase_numbers(orders)
        named = await _named(services, wallet, found)
        await services.erasures.erase_sent(named)
        await services.erasures.erase_answers(named)
        proposals = await services.erasures.erase_proposals(named)
        profile = await services.erasures.erase_profile(wallet)
        if profile:
            services.authenticator.forget()
    kept = [Kept(id=record_id(services.secret, each), until=until) for each, until in found.kept]
    kept += [Kept(id=str(each), until="the proposal is answered or expires") for each in proposals]
    identity = encode_wallet(services.secret, wallet)
    records = len(found.gone)
    return json_response(ErasureAnswer(wallet=identity, records=records, payments=payments, profile=profile, kept=kept))


async def _named(services: ErasureServices, wallet: int, found: _Found) -> list[str]:
    """The ids by which administrators may have spoken of a wallet: its own, of its cases and orders, of its payments with notes. The same
    when it is asked for again, though no text is left."""
    noted = await services.erasures.noted_cases(wallet)
    of_credit = {record_id(services.secret, each) for each in (*found.gone, *found.over, *found.cases)}
    of_payments = [transfer_id(services.secret, time, address) for address, time in noted]
    return [encode_wallet(services.secret, wallet), *of_credit, *of_payments]


async def _texts(services: ErasureServices, head: int) -> _Found:
    """Walk the holder's chain, newest first: the first record about an order or a case says whether it is over."""
    found = _Found([], [], [], [])
    last = 0
    states_of: dict[int, int] = {}
    over: set[int] = set()
    place = head
    while place:
        page = await services.credit_history.chain(place, PAGE)
        for each in page.records:
            if each.record["kind"] in (Kind.SCORE, Kind.DATA_ERASED):
                last = last or each.record["kind"]
            until = _needed(each, states_of, over)
            if each.record["kind"] == Kind.ORDER_CREATED and not until:
                found.over.append(each)
            if each.record["kind"] in ANSWER_OF and not until:
                found.cases.append(each)
            if not has_text(each.details):
                continue
            if until:
                found.kept.append((each, until))
            else:
                found.gone.append(each)
        place = page.next
    return found._replace(scored=last == Kind.SCORE)


def _needed(found: CreditRecord, states_of: dict[int, int], over: set[int]) -> str:
    """Until when a record's text is needed, empty: no longer. `states_of`: orders by address as their newest records say; `over`: cases
    that have ended."""
    record, kind = found.record, found.record["kind"]
    if kind in _ORDERS:
        order = found.address if kind == Kind.ORDER_CREATED else record["reference"]
        state = states_of.setdefault(order, record[ORDER_STATE])
        return "the order is over" if OrderState(state) in OPEN_STATES else ""
    if kind in _ENDS:
        over.add(record["reference"])
        return ""
    if kind in ANSWER_OF or kind in _STEPS_OF_CASES:
        case = found.address if kind in ANSWER_OF else record["reference"]
        return "" if case in over else "the case is answered"
    return ""


async def _erase_payments(services: ErasureServices, call: Call, wallet: int, shard: int) -> tuple[int, int]:
    """Erase reference, metadata and context of all that the wallet paid, or was to pay; gives of how many payments, and how many records
    say so."""
    count, recorded, first = 0, 0, 1
    newest = await services.erasures.newest_block(shard)
    while first <= newest:
        found, first = await services.erasures.payments(shard, first, wallet)
        recorded += await _erase(services, call, wallet, shard, found)
        count += sum(map(len, found.values()))
    return count, recorded


async def _erase(
    services: ErasureServices, call: Call, wallet: int, shard: int, by_block: dict[Block, dict[int, bytes | None]]
) -> int:
    """Take entries out of the details of blocks, a part at a time: first it is recorded, then it is done. Whoever dies in between leaves
    text that is there yet, and goes when it is asked for again. Gives how many records say so."""
    left, recorded = sorted(by_block), 0
    tries = TRIES * (1 + len(left) // BLOCKS_AT_ONCE)
    while left and tries:
        tries -= 1
        part, left = left[:BLOCKS_AT_ONCE], left[BLOCKS_AT_ONCE:]
        old = await services.erasures.details(part)
        new = {
            block: without_entries(details, by_block[block], secrets.token_bytes(16))
            for block, details in old.items()
            if by_block[block].keys() & entries_of(details).keys()
        }
        if not new:
            continue
        erased = [Erased(number, details_digest(details)) for (_, number), details in new.items()]
        await _recorded(services, call, wallet, shard, erased)
        recorded += 1
        for block, details in new.items():
            if not await services.erasures.replace(block, old[block], details):
                left.append(block)
    if left:
        raise ProblemError("overloaded", "Others erase of the same blocks. Ask again.")
    return recorded


async def _recorded(services: ErasureServices, call: Call, wallet: int, shard: int, erased: Sequence[Erased]) -> None:
    row = credit_row(Kind.DATA_ERASED, call.principal, secrets.token_bytes(16), body_hash(wallet))
    row["account"], row["holder"], row["home"] = 0, wallet, wallet
    details = credit_details(CreditDetails(erased=list(erased)))
    answer = await submit(services, shard, row, details, services.deadline())
    if answer.code != Code.OK:
        raise ProblemError(NUMBERS[answer.code])


ROUTES: Final = (
    Route(
        "DELETE",
        "/v1/wallets/{id}/profile",
        "Erase the personal data of a wallet; the ledger stays.",
        ERASE,
        Access.PARTY,
        erase_profile,
        answer=ErasureAnswer,
        problems=WRITE | {"wallet_not_found"},
        long=True,
    ),
)
