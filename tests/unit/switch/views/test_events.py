"""Every record is one event or none, in the order of its shard, and every cut of a page goes on without loss or repeat."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.records.addresses import record_address, wallet_address
from actors.records.credit_layout import FIRST_CREDIT, Cause, InquiryResult, OrderState, Resolution
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import (
    ACCOUNT,
    CAUSE,
    FLAG_FINAL,
    FLAG_REVIEW,
    FLAG_SCORED,
    FLAG_SUSPENSE,
    GRANTED,
    HOME,
    ORDER_STATE,
    RESOLUTION,
    RESULT_OF_INQUIRY,
    SCENARIO,
    SCORE_SEEN,
    TRANSFER_AT,
    Kind,
    Records,
    WalletStatus,
)
from actors.records.secret import Secret
from actors.stores.rule_packs import PackNames
from switch.gateway.encode import details_bytes
from switch.views.events import (
    TYPES,
    EventPage,
    FoundEvent,
    ReadBlock,
    in_order,
    page_of,
    referred,
    render,
    type_numbers,
    types_of,
)
from tests.journal_rows import NOON, journal, record
from tests.steps import to_end

SECRET = Secret.of(bytes(range(16)))
PAYER, PAYEE, OTHER = (wallet_address(1, slot) for slot in (5, 6, 7))
ALL = type_numbers(None)
NAMES = {1: PackNames("default@1", ("drain",), ("DRAINS_TO_NEW_PAYEE",))}

Journals = list[list[ReadBlock]]


def next_page(
    blocks: list[ReadBlock], cut: frozenset[int], places: list[int], limit: int, types: NDArray[np.uint8], mine: int = 0
) -> EventPage:
    """The next page for one who has all wallets, or the wallet `mine` alone."""
    read = in_order(blocks, cut, places, types)
    payers, payees = (
        np.isin(read.records[side][read.order], mine) if mine else np.ones(len(read.order), np.bool_)
        for side in ("payer", "payee")
    )
    return page_of(read, places, limit, payers, payees)


def reads(shard: int, *batches: list[Records], details: dict[int, bytes] | None = None) -> list[ReadBlock]:
    return [ReadBlock(shard, *block[:3]) for block in journal(shard, *batches, details=details)]


KINDS: list[tuple[Records, str]] = [
    (record(Kind.TRANSFER), "transfer.posted"),
    (record(Kind.TRANSFER, code=121), "transfer.declined"),
    (record(Kind.HOLD), "transfer.held"),
    (record(Kind.HOLD, code=110), "transfer.declined"),
    (record(Kind.HOLD, flags=FLAG_REVIEW), "transfer.in_review"),
    (record(Kind.CAPTURE, flags=FLAG_REVIEW), "transfer.captured"),
    (record(Kind.APPROVAL, flags=FLAG_REVIEW), "transfer.approved"),
    (record(Kind.CAPTURE), "transfer.captured"),
    (record(Kind.CAPTURE, code=122), "transfer.declined"),
    (record(Kind.VOID), "transfer.voided"),
    (record(Kind.EXPIRY), "transfer.expired"),
    (record(Kind.REFUND), "transfer.refunded"),
    (record(Kind.REFUND, code=121), "transfer.declined"),
    (record(Kind.LEG), "leg.landed"),
    (record(Kind.LEG, flags=FLAG_SUSPENSE), "leg.suspended"),
    (record(Kind.WALLET_OPENED), "wallet.opened"),
    (record(Kind.WALLET_STATUS, channel=WalletStatus.FROZEN), "wallet.frozen"),
    (record(Kind.WALLET_STATUS, channel=WalletStatus.OPEN), "wallet.unfrozen"),
    (record(Kind.WALLET_STATUS, channel=WalletStatus.CLOSED), "wallet.closed"),
    (record(Kind.WALLET_TIER), "wallet.tier_changed"),
    *((record(kind), f"credit.{kind.name.lower().removeprefix('credit_')}") for kind in Kind if kind >= FIRST_CREDIT),
    (record(Kind.OPEN), ""),
    (record(Kind.CURSOR), ""),
    (record(Kind.PROFILE), ""),
]


def test_each_kind_of_record_has_its_type() -> None:
    found = types_of(np.concatenate([row for row, _ in KINDS]))
    assert [TYPES[number] for number in found] == [name for _, name in KINDS]
    assert {int(row["kind"][0]) for row, _ in KINDS} == set(Kind)
    assert {name for _, name in KINDS} == set(TYPES)


# Pages.


def window(journals: Journals, places: list[int], each: int) -> tuple[list[ReadBlock], frozenset[int]]:
    """What the database would give for `places`: at most `each` blocks of a shard."""
    taken = [
        [block for block in blocks if block.number >= place >> 8][:each]
        for blocks, place in zip(journals, places, strict=True)
    ]
    return [b for part in taken for b in part], frozenset(i for i, part in enumerate(taken) if len(part) == each)


def read_all(
    journals: Journals, limit: int, each: int, types: NDArray[np.uint8] = ALL, mine: int = 0
) -> list[FoundEvent]:
    places, seen = [0] * len(journals), list[FoundEvent]()
    while True:
        blocks, cut = window(journals, places, each)
        page = next_page(blocks, cut, places, limit, types, mine)
        assert len(page.events) <= limit
        assert page.has_more or not page.events or len(page.events) <= limit
        seen += page.events
        if not page.has_more:
            return seen
        assert list(page.places) != places, "every page gets on"
        places = list(page.places)


KIND = st.sampled_from([Kind.OPEN, Kind.TRANSFER, Kind.LEG, Kind.CURSOR])
BATCHES = st.lists(st.lists(KIND, min_size=1, max_size=60), max_size=8)


@st.composite
def some_journals(draw: st.DrawFn) -> Journals:
    journals = []
    for shard in range(draw(st.integers(1, 3))):
        time, batches = NOON, []
        for kinds in draw(BATCHES):
            time += draw(st.integers(0, 3))
            batches.append(
                [record(kind, record_time=time, payer=(PAYER, OTHER)[i % 2]) for i, kind in enumerate(kinds)]
            )
        journals.append(reads(shard, *batches))
    return journals


def addresses(journals: Journals) -> list[int]:
    found = []
    for blocks in journals:
        for block in blocks:
            kinds = np.frombuffer(block.records, np.uint8, offset=88)[::160]
            found += [
                record_address(block.shard, block.number, slot)
                for slot, kind in enumerate(kinds)
                if kind in (Kind.TRANSFER, Kind.LEG)
            ]
    return found


@given(some_journals(), st.integers(1, 100), st.integers(2, 9))
def test_pages_of_any_size_give_every_event_once_in_order(journals: Journals, limit: int, each: int) -> None:
    seen = read_all(journals, limit, each)
    assert sorted(found.address for found in seen) == sorted(addresses(journals))
    for shard in range(len(journals)):
        own = [found.address for found in seen if found.address >> 52 == shard]
        assert own == sorted(own)
    times = [found.record["record_time"] for found in seen]
    assert times == sorted(times)


@given(some_journals(), st.integers(0, 1_000))
def test_the_place_of_each_event_goes_on_behind_it(journals: Journals, stop: int) -> None:
    seen = read_all(journals, 100, 1_000)
    stop = min(stop, len(seen))
    places = [0] * len(journals)
    for found in seen[:stop]:
        places[found.address >> 52] = found.place
    blocks, cut = window(journals, places, 1_000)
    rest = next_page(blocks, cut, places, 10_000, ALL)
    assert sorted(f.address for f in [*seen[:stop], *rest.events]) == sorted(addresses(journals))


@given(some_journals(), st.integers(1, 20))
def test_a_filter_gives_those_types_and_no_others(journals: Journals, limit: int) -> None:
    seen = read_all(journals, limit, 3, type_numbers(["leg.landed"]))
    everything = read_all(journals, 100, 1_000)
    assert sorted(f.address for f in seen) == sorted(f.address for f in everything if TYPES[f.type] == "leg.landed")


def test_nothing_of_another_shard_overtakes_what_is_not_read_yet() -> None:
    slow = reads(0, *[[record(Kind.TRANSFER, record_time=NOON + i)] for i in range(10)])
    late = reads(1, [record(Kind.TRANSFER, record_time=NOON + 5)])
    page = next_page([*slow[:3], *late], frozenset({0}), [0, 0], 100, ALL)
    assert [found.address >> 52 for found in page.events] == [0, 0, 0]
    assert page.has_more


@given(some_journals(), st.integers(1, 20))
def test_who_has_one_wallet_is_shown_what_is_on_it_and_gets_past_the_rest(journals: Journals, limit: int) -> None:
    seen = read_all(journals, limit, 3, mine=PAYER)
    everything = read_all(journals, 100, 1_000)
    assert {f.address for f in seen} == {
        f.address for f in everything if PAYER in (f.record["payer"], f.record["payee"])
    }


def test_a_payee_is_shown_no_declined_attempt_and_nothing_of_how_it_was_decided() -> None:
    sides = {"payer": PAYER, "payee": PAYEE}
    paid = record(Kind.TRANSFER, **sides, amount=5, channel=1, flags=FLAG_SCORED, points=380, pack=1)
    declined = record(Kind.TRANSFER, **sides, amount=5, code=121)
    blocks = reads(0, [paid, declined])
    seen = {mine: next_page(blocks, frozenset(), [0], 10, ALL, mine) for mine in (PAYER, PAYEE, OTHER)}
    assert [len(page.events) for page in seen.values()] == [2, 1, 0]
    assert {page.places for page in seen.values()} == {(512,)}
    data = [
        msgspec.to_builtins(to_end(render(SECRET, NAMES, seen[mine].events, {}))[0].data) for mine in (PAYER, PAYEE)
    ]
    assert [{"context", "decision"} & set(each) for each in data] == [{"context", "decision"}, set()]


# How they are shown.


def shown(row: Records, times: dict[int, int] | None = None, details: bytes | None = None) -> dict[str, Any]:
    blocks = reads(0, [row], details={0: details} if details else None)
    page = next_page(blocks, frozenset(), [0], 10, ALL)
    assert set(referred(page.events)) == set(times or {})
    (event,) = to_end(render(SECRET, NAMES, page.events, times or {}))
    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    return value


def test_a_payment_is_shown_whole() -> None:
    details = details_bytes("coffee", {"a": "b"}, "phone", "127.0.0.1")
    row = record(
        Kind.TRANSFER, payer=PAYER, payee=PAYEE, amount=5, label=1, channel=1, flags=FLAG_SCORED, points=380, pack=1
    )
    identity = transfer_id(SECRET, NOON, record_address(0, 1, 0))
    assert shown(row, details=details) == {
        "id": identity,
        "type": "transfer.posted",
        "shard": 0,
        "created_at": "2026-11-24T12:00:00.000Z",
        "effective_at": "2026-11-24T12:00:00.000Z",
        "data": {
            "id": identity,
            "type": "transfer",
            "payer": encode_wallet(SECRET, PAYER),
            "payee": encode_wallet(SECRET, PAYEE),
            "amount": 5,
            "currency": "EUR",
            "kind": "payment",
            "reference": "coffee",
            "metadata": {"a": "b"},
            "context": {"channel": "app", "device": "phone", "ip": "127.0.0.1"},
            "decision": {"action": "approve", "points": 380, "reasons": [], "pack": "default@1"},
        },
    }


def test_a_declined_payment_says_why() -> None:
    event = shown(record(Kind.TRANSFER, payer=PAYER, payee=PAYEE, amount=5, code=121))
    assert (event["type"], event["data"]["code"]) == ("transfer.declined", "insufficient_funds")


def test_a_hold_says_until_when() -> None:
    event = shown(record(Kind.HOLD, payer=PAYER, payee=PAYEE, amount=5, expiry=NOON + 1_000))
    assert (event["data"]["type"], event["data"]["expires_at"]) == ("hold", "2026-11-24T12:00:01.000Z")


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.REFUND])
def test_what_becomes_of_a_transfer_names_it(kind: Kind) -> None:
    target = record_address(0, 9, 3)
    row = record(kind, payer=PAYER, payee=PAYEE, amount=5, reference=target, flags=FLAG_FINAL)
    data = shown(row, {target: NOON - 5})["data"]
    assert data["of"] == transfer_id(SECRET, NOON - 5, target)
    assert data["type"] == kind.name.lower()
    assert data.get("final") == (True if kind is Kind.CAPTURE else None)


def test_a_leg_names_the_movement_it_comes_from() -> None:
    origin = record_address(3, 9, 3)
    row = record(Kind.LEG, payer=PAYER, payee=PAYEE, amount=5, reference=origin, decision=Kind.CAPTURE)
    assert shown(row, {origin: NOON - 5})["data"] == {
        "of": transfer_id(SECRET, NOON - 5, origin),
        "type": "capture",
        "payer": encode_wallet(SECRET, PAYER),
        "payee": encode_wallet(SECRET, PAYEE),
        "amount": 5,
        "currency": "EUR",
        "kind": "transfer",
    }


def test_wallet_events_say_what_changed() -> None:
    identity = encode_wallet(SECRET, PAYEE)
    opened = shown(record(Kind.WALLET_OPENED, payee=PAYEE, label=1, decision=3, amount=-500))["data"]
    status = {"currency": "EUR", "kind": "user", "status": "open", "tier": 3, "floor": -500}
    assert opened == {"id": identity, **status}
    same = {"id": identity, "currency": "EUR", "kind": "user"}
    frozen = record(Kind.WALLET_STATUS, payee=PAYEE, label=1, channel=WalletStatus.FROZEN)
    assert shown(frozen)["data"] == {**same, "status": "frozen"}
    assert shown(record(Kind.WALLET_TIER, payee=PAYEE, label=1, decision=2))["data"] == {**same, "tier": 2}


INQUIRY = {
    "payer": PAYER,
    HOME: PAYER,
    ACCOUNT: 7,
    SCENARIO: 3,
    "amount": 500,
    GRANTED: 400,
    RESULT_OF_INQUIRY: InquiryResult.YES,
    CAUSE: Cause.DECIDED,
    SCORE_SEEN: 640,
    "expiry": NOON + 1_000,
    "currency": 0,
}


def test_an_inquiry_tells_the_holder_why_and_shows_nobody_else_that_there_was_one() -> None:
    blocks = reads(1, [record(Kind.INQUIRY, **INQUIRY)])
    (shown,) = next_page(blocks, frozenset(), [0, 0], 10, ALL, mine=PAYER).events
    (event,) = to_end(render(SECRET, NAMES, [shown], {}))
    assert msgspec.to_builtins(event.data) == {
        "id": event.id,
        "holder": encode_wallet(SECRET, PAYER),
        "account": 7,
        "scenario": 3,
        "amount": 500,
        "result": "yes",
        "cause": "decided",
        "granted": 400,
        "score": 640,
        "expires_at": "2026-11-24T12:00:01.000Z",
    }
    stranger = reads(1, [record(Kind.INQUIRY, **{**INQUIRY, "payer": 0, HOME: OTHER})])
    assert not next_page(stranger, frozenset(), [0, 0], 10, ALL, mine=OTHER).events
    (event,) = to_end(render(SECRET, NAMES, next_page(stranger, frozenset(), [0, 0], 10, ALL).events, {}))
    assert msgspec.to_builtins(event.data)["holder"] is None


def test_an_order_names_its_transfer_and_is_shown_to_both_sides() -> None:
    order, transfer = record_address(1, 3, 2), record_address(1, 1, 0)
    fields = {"payer": PAYER, "payee": PAYEE, "amount": 70, "reference": order, TRANSFER_AT: transfer}
    row = record(Kind.ORDER_PAID, **fields, **{ORDER_STATE: OrderState.PAID, ACCOUNT: 7, SCENARIO: 3})
    for mine in (PAYER, PAYEE):
        found = next_page(reads(1, [row]), frozenset(), [0, 0], 10, ALL, mine=mine).events
        assert referred(found) == [transfer, order]
        (event,) = to_end(render(SECRET, NAMES, found, {order: NOON, transfer: NOON}))
        stated = msgspec.to_builtins(event.data)
        assert (stated["state"], stated["of"]) == ("paid", transfer_id(SECRET, NOON, order))
        assert stated["transfer"] == transfer_id(SECRET, NOON, transfer)
        assert "cause" not in stated and "result" not in stated


def test_a_score_is_shown_to_its_holder_and_a_resolution_says_what_became_of_it() -> None:
    rows = [record(Kind.SCORE, payer=PAYER, points=700, amount=2**60, device=9, pack=4, currency=0)]
    rows.append(record(Kind.DISPUTE_RESOLVED, payer=PAYER, reference=5, **{RESOLUTION: Resolution.DELETED}))
    found = next_page(reads(1, rows), frozenset(), [0, 0], 10, ALL, mine=PAYER).events
    score, dispute = (event.data for event in to_end(render(SECRET, NAMES, found, {5: NOON})))
    stated = msgspec.to_builtins(score)
    made = {"run": 9, "as_of": "2026-11-24T12:00:00.000Z"}
    assert stated == {"id": stated["id"], "holder": encode_wallet(SECRET, PAYER), "score": 700, **made}
    assert msgspec.to_builtins(dispute)["result"] == "deleted"
