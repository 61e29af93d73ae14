"""What disputes and reviews share: who may see one, how one is opened once, and what follows."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.layout import ACCOUNT, RESOLUTION, SCENARIO, Kind
from actors.stores.api_keys import Principal
from switch.api.credit_services import DecisionServices
from switch.api.credit_shared import (
    body_hash,
    credit_row,
    holder_shard,
    is_holder,
    record_named,
    recorded,
    states,
    submit,
    wallet_address,
)
from switch.gateway.credit_queue import CreditAnswer, CreditRow
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.problems.table import ProblemError, invalid_query
from switch.views.credit_cases import STEPS_OF_DISPUTES, Dispute, dispute_in_short
from switch.views.credit_records import CreditDetails, CreditRecord, credit_details, ends_deleted

ANSWER_OF: Final = {
    Kind.DISPUTE_OPENED: Kind.DISPUTE_RESOLVED,
    Kind.CREDIT_REVIEW_OPENED: Kind.CREDIT_REVIEW_RESOLVED,
}
"""The record that ends a case, by that which began it."""
ENDS_OF_DISPUTES: Final = (Kind.DISPUTE_RESOLVED, Kind.DISPUTE_REINSERTED)


class Opening(NamedTuple):
    """A case that is asked for: about which record, whose it is, until when it must be answered and, of a dispute, forwarded."""

    kind: Kind
    entry: CreditRecord
    account: int
    scenario: int
    text: str
    due: int
    forward_by: int = 0


def is_analyst(principal: Principal) -> bool:
    """Whether an account decides cases: it is bound to nobody's wallets."""
    return "analyst" in principal.scopes and principal.bound is None


async def is_party(services: DecisionServices, principal: Principal, found: CreditRecord) -> bool:
    """Whether an account may see a case: its holder, the merchant whose entry it is about, or an analyst."""
    if is_analyst(principal) or ("merchant" in principal.scopes and found.record[ACCOUNT] == principal.account):
        return True
    return await services.access.holds(principal, found.record["payer"])


async def open_case(
    services: DecisionServices, call: Call, asked: Opening, key: bytes, deadline: float
) -> CreditAnswer:
    """Open a case; there is one at a time about an entry, none while one has deleted it, and one review of a decision. Asked for in the
    same words again, it is the one that there is. Raises ProblemError case_exists."""
    entry, holder = asked.entry, asked.entry.record["payer"]
    digest = body_hash(int(asked.kind), entry.address, asked.text)
    shard = await holder_shard(services, holder)
    row = credit_row(asked.kind, call.principal, key, digest)
    row["account"], row["scenario"], row["reference"] = asked.account, asked.scenario, entry.address
    row["holder"] = row["home"] = holder
    row["expiry"], row["confirm_by"] = asked.due, asked.forward_by

    async def looked_at(row: CreditRow, answer: CreditAnswer | None) -> CreditRow | CreditAnswer:
        (state,) = await states(services, shard, [(holder, 0, 0, 0)])
        if not is_holder(state["wallet"]):
            raise ProblemError("wallet_not_found")
        before = await _cases_of(services, entry.address, asked.kind)
        for each in before:
            if each.record["digest"] == digest:
                return _made_before(each)
        if before:
            raise ProblemError("case_exists")
        row = row.copy()
        row["seen"] = state["credit"]["head"]
        return row

    details = credit_details(CreditDetails(text=asked.text))
    return await _made_once(services, shard, row, details, digest, looked_at, deadline)


async def _made_once(
    services: DecisionServices,
    shard: int,
    row: CreditRow,
    details: bytes | None,
    digest: int,
    looked_at: Callable[[CreditRow, CreditAnswer | None], Awaitable[CreditRow | CreditAnswer]],
    deadline: float,
) -> CreditAnswer:
    """The answer to a row that `looked_at` lets pass, or gives: it looks before the row is sent, and again whenever another was first."""
    checked = await looked_at(row, None)
    if isinstance(checked, CreditAnswer):
        return checked
    answer = await submit(services, shard, checked, details, deadline, looked_at)
    await recorded(services, answer, digest)
    return answer


def _made_before(found: CreditRecord) -> CreditAnswer:
    return CreditAnswer(Code.OK, True, 0, found.address, 0, found.record["record_time"])


async def _cases_of(services: DecisionServices, entry: int, kind: Kind) -> list[CreditRecord]:
    """Cases about an entry that stand in the way of another: disputes that are open or by which it stands deleted, all reviews."""
    cases = (await services.credit_history.about_of_kinds([entry], (kind,)))[entry]
    if kind == Kind.CREDIT_REVIEW_OPENED or not cases:
        return cases
    ends = await services.credit_history.about_of_kinds([each.address for each in cases], ENDS_OF_DISPUTES)
    return [each for each in cases if not ends[each.address] or ends_deleted(ends[each.address])]


async def go_on(
    services: DecisionServices,
    call: Call,
    op: Kind,
    case: CreditRecord,
    details: CreditDetails | None = None,
    **columns: Any,
) -> CreditAnswer:
    """Make the next record about a case that is open, which its shard knows."""
    deadline, key = services.deadline(), call.key_or_random()
    record = case.record
    text = None if details is None else credit_details(details)
    digest = body_hash(int(op), case.address, text, sorted(columns.items()))
    row = credit_row(op, call.principal, key, digest)
    row["account"], row["scenario"], row["reference"] = record[ACCOUNT], record[SCENARIO], case.address
    row["holder"] = row["home"] = record["payer"]
    for name, value in columns.items():
        row[name] = value
    answer = await submit(services, await holder_shard(services, record["payer"]), row, text, deadline)
    await recorded(services, answer, digest)
    return answer


async def bring_back(services: DecisionServices, call: Call, case: CreditRecord, text: str) -> CreditAnswer:
    """Reinsert what a dispute had deleted, once; where several have, which journals of earlier versions can hold, the newest comes first.
    Raises ProblemError case_not_open."""
    deadline, key = services.deadline(), call.key_or_random()
    holder, entry = case.record["payer"], case.record["reference"]
    digest = body_hash(int(Kind.DISPUTE_REINSERTED), case.address, text)
    shard = await holder_shard(services, holder)
    row = credit_row(Kind.DISPUTE_REINSERTED, call.principal, key, digest)
    row["account"], row["scenario"], row["reference"] = case.record[ACCOUNT], case.record[SCENARIO], case.address
    row["holder"] = row["home"] = holder

    async def looked_at(row: CreditRow, answer: CreditAnswer | None) -> CreditRow | CreditAnswer:
        """The shard keeps no disputes that are over: the row names the head of the chain under which this one was read."""
        (state,) = await states(services, shard, [(holder, 0, 0, 0)])
        steps = (await services.credit_history.about_of_kinds([case.address], ENDS_OF_DISPUTES))[case.address]
        last = steps[-1] if steps else None
        if last is not None and last.record["digest"] == digest:
            return _made_before(last)
        if last is None or last.record[RESOLUTION] != Resolution.DELETED:
            raise ProblemError("case_not_open", "Only an entry that the dispute had deleted can come back, and once.")
        if any(each.address > case.address for each in await _cases_of(services, entry, Kind.DISPUTE_OPENED)):
            raise ProblemError(
                "case_not_open", "A later dispute of the entry is open or has deleted it: that one comes first."
            )
        row = row.copy()
        row["seen"] = state["credit"]["head"]
        return row

    details = credit_details(CreditDetails(text=text))
    return await _made_once(services, shard, row, details, digest, looked_at, deadline)


async def disputes_of(services: DecisionServices, entries: Sequence[int]) -> dict[int, list[Dispute]]:
    """Disputes in short of some entries, oldest first."""
    history = services.credit_history
    opened = await history.about_of_kinds(entries, (Kind.DISPUTE_OPENED,))
    steps = await history.about_of_kinds([each.address for some in opened.values() for each in some], STEPS_OF_DISPUTES)
    return {
        entry: [dispute_in_short(services.secret, each, steps[each.address]) for each in some]
        for entry, some in opened.items()
    }


class CasePage(NamedTuple):
    """Records of a page, and the cursor of the next."""

    found: Sequence[CreditRecord]
    next: str | None


class Related(NamedTuple):
    """What is shown with cases: by case what came of it, by address the entries that they are about, and names of accounts."""

    steps: dict[int, list[CreditRecord]]
    entries: dict[int, CreditRecord]
    accounts: dict[int, str]


async def related(services: DecisionServices, found: Sequence[CreditRecord], kinds: Sequence[Kind]) -> Related:
    """Of cases: their records of these kinds, their entries, and who acted."""
    history = services.credit_history
    steps = await history.about_of_kinds([each.address for each in found], kinds)
    entries = {each.address: each for each in await history.many(sorted({e.record["reference"] for e in found}))}
    callers = {each.record["caller"] for about in steps.values() for each in about}
    accounts = await services.keys.accounts({each.record[ACCOUNT] for each in found} | callers)
    return Related(steps, entries, accounts)


async def named_case(services: DecisionServices, call: Call, kind: Kind) -> CreditRecord:
    """The case in the path. Raises ProblemError case_not_found."""
    return await record_named(services, call.request.match_info["id"], "case_not_found", kind)


async def case_to_decide(services: DecisionServices, call: Call, kind: Kind) -> CreditRecord:
    """The case in the path, for an analyst of another account than those that made its entry. Raises ProblemError case_not_found,
    forbidden."""
    opened = await named_case(services, call, kind)
    entries = await services.credit_history.many([opened.record["reference"]])
    makers = {opened.record[ACCOUNT], *(each.record["caller"] for each in entries)}
    if call.principal.account in makers:
        raise ProblemError("forbidden", "Who made an entry never decides on it: somebody of another account does.")
    return opened


async def case_of_party(services: DecisionServices, call: Call, kind: Kind) -> CreditRecord:
    """The case in the path, for those who may see it. Raises ProblemError case_not_found."""
    call.query()
    opened = await named_case(services, call, kind)
    if not await is_party(services, call.principal, opened):
        raise ProblemError("case_not_found")
    return opened


async def page_of_cases(services: DecisionServices, call: Call, kind: Kind) -> CasePage:
    """GET of a list: ?wallet= of a holder, or of all that a merchant or an analyst may see of it; without it the open ones of all, oldest
    first, for an analyst, and a merchant's own, newest first."""
    query, principal, history = call.query(), call.principal, services.credit_history
    analyst, merchant = is_analyst(principal), "merchant" in principal.scopes
    wallet = wallet_address(services, query["wallet"]) if "wallet" in query else 0
    holder = wallet != 0 and await services.access.holds(principal, wallet)
    if not (analyst or merchant or holder):
        raise (
            ProblemError("wallet_not_found")
            if "wallet" in query
            else invalid_query("wallet", "the parameter is needed")
        )
    limit, scope = page_limit(query), f"cases {int(kind)} {wallet} {analyst} {holder} {principal.account}"
    place = decode_cursor(services.secret, scope, query["after"]) if "after" in query else 0
    if "wallet" in query:
        only = None if holder or analyst else principal.account
        page = await history.of_wallet(wallet, kind, place, limit + 1, only)
    elif analyst:
        page = await history.open_cases(kind, ANSWER_OF[kind], place, limit + 1)
    else:
        page = await history.of_account(principal.account, kind, place, limit + 1)
    following = encode_cursor(services.secret, scope, page[limit - 1].address) if len(page) > limit else None
    return CasePage(page[:limit], following)
