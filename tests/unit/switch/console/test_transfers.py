"""A payment's page: its story in order, the rules behind its decision, and what is found by what people have of it."""

from typing import Any

import pytest

from rules.language.document import read_pack
from switch.console.page import Redirect
from switch.console.transfers import (
    EVENTS_SHOWN,
    PARTS_SHOWN,
    PackText,
    PackTexts,
    change_transfer,
    explain,
    find,
    label_transfer,
    threshold_of,
    timeline,
    transfer,
)
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

ID = "00003000-0f18-86a7-a655-811d7f69def9"
TRANSFER, WALLET, PACK = "GET /v1/transfers/{id}", "GET /v1/wallets/{id}", "GET /v1/rule-packs/{name}"
LABEL, HOOKS, SNOOZES = (
    "GET /v1/transfers/{id}/label",
    "GET /v1/webhook-endpoints",
    "GET /v1/wallets/{id}/snoozes",
)
EVENTS = {"GET /v1/transfers/{id}/events": {"data": [{"id": ID}], "has_more": False, "next": None}}
DELIVERIES = "GET /v1/webhook-deliveries"
BESIDE = (LABEL, DELIVERIES, SNOOZES)
AT = "2026-11-24T12:00:0{}.000Z"
TEXT = """
name: own
thresholds: {review_below: 500}
rules:
  - {id: big, when: "amount  >\\n 5", action: review, reason: BIG, points: 3}
  - {id: quiet, when: "amount > 1", action: decline, reason: QUIET, mode: shadow}
"""


def shown(**fields: Any) -> dict[str, Any]:
    made = {"id": ID, "type": "transfer", "status": "posted", "amount": 5, "payer": "a", "payee": "b"}
    return {**made, "created_at": AT.format(1), "decision": None, **fields}


def story(**fields: Any) -> list[tuple[str, str]]:
    return [(moment.what, moment.tone) for moment in timeline(shown(**fields))]


def review(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "expires_at": AT.format(9), "decided_by": None, "decided_at": None, **more}


def test_a_payment_that_moved_says_so() -> None:
    decision = {"action": "approve", "pack": "own@1", "fallback": True}
    assert story(decision=decision) == [
        ("Payment asked for", "info"),
        ("Scored: approve", "good"),
        ("Money moved, committed", "good"),
    ]
    assert timeline(shown(decision=decision))[1].by == "own@1 (fallback)"


def test_a_decline_a_review_and_a_hold_have_their_ends() -> None:
    assert story(status="declined", code="insufficient_funds")[-1] == ("Declined: insufficient_funds", "bad")
    assert story(status="in_review", review=review("open"))[-1] == ("Waits for an analyst", "warn")
    approved = timeline(shown(review=review("approved", decided_by="ann", decided_at=AT.format(4))))
    assert (approved[-1].what, approved[-1].by, approved[-1].at) == ("Review approved", "ann", AT.format(4))
    expired = timeline(shown(status="declined", review=review("expired")))
    assert (expired[-1].what, expired[-1].tone, expired[-1].at) == ("Review expired", "bad", AT.format(9))
    hold = story(type="hold", status="expired", expires_at=AT.format(5), released=5)
    assert [what for what, _ in hold] == ["Hold asked for", "Held on the payer's wallet", "Expired, released"]


def test_parts_come_in_the_order_in_which_they_happened() -> None:
    parts = [{"id": str(at), "amount": at, "created_at": AT.format(at)} for at in (2, 4)]
    refund = {"id": "r", "amount": 1, "created_at": AT.format(3)}
    moments = timeline(shown(type="hold", status="captured", captures=parts, refunds=[refund]))
    assert [moment.id for moment in moments if moment.id] == ["2", "r", "4"]


async def test_a_packs_text_is_read_once() -> None:
    texts = PackTexts()
    found = await texts.of("own@1", TEXT)
    big, quiet = found.rules
    assert (big.when, big.points, big.mode, quiet.mode, quiet.description) == ("amount > 5", 3, "live", "shadow", "")
    assert (found.review_below, found.decline_below) == (500, None)
    assert await texts.of("own@1", "never: read") is found
    assert await texts.of("empty@1", "name: empty") == PackText(rules=[])


async def test_a_text_means_on_the_page_what_it_means_to_those_who_decide() -> None:
    text = """
name: odd
description: =
fallback: approve
rules:
  - {id: NO, when: "amount > 5", action: decline, reason: NO, points: 010, description: 2026-02-30}
  - {id: all, when: true, action: approve, description: =}
tables:
  - id: by_country
    description: countries
    hit: first
    mode: shadow
    inputs: [country, amount]
    rows:
      - {when: [NO, -], action: review, reason: NO}
      - {when: [[SE, FI], "> 10"], action: approve, points: -5}
      - {when: [-, -], action: decline, reason: ELSEWHERE}
"""
    assert read_pack(text).rules, "a pack that is taken"
    rules = (await PackTexts().of("odd@1", text)).rules
    assert [(each.id, each.when, each.action, each.points, each.reason, each.mode) for each in rules] == [
        ("NO", "amount > 5", "decline", 10, "NO", "live"),
        ("all", "true", "approve", 0, "", "live"),
        ("by_country.1", "country: NO", "review", 0, "NO", "shadow"),
        ("by_country.2", "country: [SE, FI]; amount: > 10", "approve", -5, "", "shadow"),
        ("by_country.3", "anything", "decline", 0, "ELSEWHERE", "shadow"),
    ]
    assert [each.description for each in rules] == ["2026-02-30", "=", *["countries"] * 3]


@pytest.mark.parametrize(
    ("points", "review", "decline", "expected"),
    [
        (671, 500, None, (500, True, "approve")),
        (500, 500, 300, (500, True, "approve")),
        (499, 500, 300, (500, False, "review")),
        (299, 500, 300, (300, False, "decline")),
        (300, None, 300, (300, True, "approve")),
        (-5, None, None, None),
    ],
)
def test_points_are_told_with_the_threshold_that_they_met(
    points: int, review: int | None, decline: int | None, expected: Any
) -> None:
    found = threshold_of(points, PackText(rules=[], review_below=review, decline_below=decline))
    assert (None if found is None else (found.of, found.met, found.action)) == expected


async def test_the_rules_that_gave_the_reasons_are_shown_with_how_many_others_there_are() -> None:
    decision = {"action": "review", "pack": "fired@7", "reasons": ["BIG"], "points": 420}
    pack = {"version": 7, "text": TEXT, "card": None}
    api = Answers({**EVENTS, TRANSFER: shown(decision=decision), WALLET: {"id": "w"}, PACK: pack}, refused=BESIDE)
    view: Any = await transfer(visit(api, params={"id": ID}))
    assert [rule["id"] for rule in view.data["decided"]["fired"]] == ["big"] and view.data["decided"]["others"] == 1
    assert view.data["decided"]["threshold"] == {"points": 420, "of": 500, "met": False, "action": "review"}
    assert view.data["payer"] == {"id": "w"} and view.data["origin"] is None
    assert (PACK, {"params": {"name": "fired"}, "query": {"version": "7"}}) in api.asked


async def test_what_a_key_may_not_see_is_left_out() -> None:
    decision = {"action": "review", "pack": "own@7", "reasons": ["BIG"]}
    api = Answers({**EVENTS, TRANSFER: shown(decision=decision)}, refused=(WALLET, PACK, *BESIDE))
    view: Any = await transfer(visit(api, params={"id": ID}))
    assert view.data["payer"] is view.data["payee"] is view.data["decided"] is None
    gone = Answers(
        {
            **EVENTS,
            TRANSFER: shown(decision=decision),
            WALLET: ProblemError("wallet_not_found"),
            PACK: ProblemError("rule_pack_not_found"),
        },
        refused=BESIDE,
    )
    view = await transfer(visit(gone, params={"id": ID}))
    assert view.data["payer"] is view.data["decided"] is None


async def test_label_deliveries_and_what_can_be_snoozed_stand_beside() -> None:
    decision = {"action": "review", "pack": "snoozed@7", "reasons": ["BIG"], "points": 1}
    pack = {"name": "snoozed", "version": 7, "text": TEXT, "card": None, "rules": [{"id": "quiet"}, {"id": "big"}]}
    answers = {
        **EVENTS,
        TRANSFER: shown(decision=decision),
        WALLET: {"id": "w"},
        PACK: pack,
        LABEL: {"label": True},
        HOOKS: {"data": [{"id": "h"}, {"id": "i"}]},
        DELIVERIES: {"data": [{"id": "2", "endpoint": "h"}, {"id": "1", "endpoint": "h"}]},
        SNOOZES: {"data": []},
        "GET /v1/rule-packs": {"deployments": [{"live": "snoozed@7", "challenger": None, "shadows": []}]},
    }
    api = Answers(answers)
    view: Any = await transfer(visit(api, params={"id": ID}))
    assert view.data["label"] == {"label": True}
    assert view.data["sent"] == [
        {"endpoint": {"id": "h"}, "deliveries": [{"id": "1", "endpoint": "h"}, {"id": "2", "endpoint": "h"}]}
    ]
    assert view.data["snoozable"] == ["snoozed/big", "snoozed/quiet"], "what gave a reason comes first"
    assert (DELIVERIES, {"query": {"events": ID, "limit": "100"}}) in api.asked
    unlabelled = Answers({**answers, LABEL: ProblemError("label_not_found")})
    view = await transfer(visit(unlabelled, params={"id": ID}))
    assert view.data["label"] is None


async def test_an_explanation_is_shown_on_the_page_and_so_is_that_there_is_none_now() -> None:
    path = "POST /v1/transfers/{id}/explanation"
    rules = [
        {"id": name, "fired": name == "fired", "no_value": name == "empty"} for name in ("one", "fired", "empty", "two")
    ]
    answer = {"explanation": {"same": True, "rules": rules}}
    api = Answers({**EVENTS, TRANSFER: shown(), WALLET: {}, path: answer}, refused=BESIDE)
    view: Any = await explain(visit(api, params={"id": ID}, form={"idempotency_key": "k"}))
    assert [rule["id"] for rule in view.data["explanation"]["rules"]] == ["fired", "empty", "one", "two"]
    assert view.data["explanation"]["same"] and view.status == 200
    busy = Answers({**EVENTS, TRANSFER: shown(), WALLET: {}, path: ProblemError("backtest_running")}, refused=BESIDE)
    view = await explain(visit(busy, params={"id": ID}))
    assert (view.data["explanation"], view.status) == (None, 503) and view.data["unexplained"]
    with pytest.raises(ProblemError, match="forbidden"):
        await explain(visit(Answers({path: ProblemError("forbidden")}), params={"id": ID}))


async def test_of_many_parts_the_newest_are_listed_and_events_go_on_from_page_to_page() -> None:
    parts = [{"id": str(number), "amount": 1, "created_at": AT.format(2)} for number in range(PARTS_SHOWN + 7)]
    api = Answers({**EVENTS, TRANSFER: shown(refunds=parts), WALLET: {}}, refused=BESIDE)
    view: Any = await transfer(visit(api, params={"id": ID}, query={"after": "CURSOR"}))
    listed = [moment["id"] for moment in view.data["timeline"] if moment["what"] == "Refunded"]
    assert listed == [part["id"] for part in parts[7:]] == [part["id"] for part in view.data["transfer"]["refunds"]]
    assert view.data["older"] == 7
    query = {"limit": EVENTS_SHOWN, "after": "CURSOR"}
    assert ("GET /v1/transfers/{id}/events", {"params": {"id": ID}, "query": query}) in api.asked


async def test_what_is_no_payment_has_no_label() -> None:
    api = Answers({**EVENTS, TRANSFER: shown(type="refund"), WALLET: {}}, refused=BESIDE)
    view: Any = await transfer(visit(api, params={"id": ID}))
    assert view.data["label"] is False


async def test_a_label_is_put_from_the_page_of_its_payment() -> None:
    api = Answers({"PUT /v1/transfers/{id}/label": {}})
    done = await label_transfer(visit(api, params={"id": ID}, form={"do": "not-fraud"}))
    assert done == Redirect(f"/console/transfers/{ID}?done=not-fraud") and api.calls[0].body == {"label": False}


@pytest.mark.parametrize("change", ["capture", "void", "refund"])
async def test_a_change_is_of_all_that_is_left(change: str) -> None:
    api = Answers({f"POST /v1/transfers/{{id}}/{change}": {}})
    done = await change_transfer(visit(api, params={"id": ID, "change": change}, form={"idempotency_key": "k"}))
    assert done == Redirect(f"/console/transfers/{ID}?done={change}") and api.calls[0].body == {}
    assert dict(api.calls[0].headers) == {"Idempotency-Key": "k"}


async def test_an_id_leads_to_its_page() -> None:
    found = await find(visit(Answers({**EVENTS, TRANSFER: shown()}), query={"q": f" {ID.upper()} "}))
    assert found == Redirect(f"/console/transfers/{ID}")
    api = Answers({TRANSFER: ProblemError("transfer_not_found"), WALLET: {}})
    assert await find(visit(api, query={"q": ID})) == Redirect(f"/console/wallets/{ID}")


async def test_a_name_finds_wallets_once_and_a_reference_payments_newest_first() -> None:
    wallet = {"id": "w"}
    api = Answers({"GET /v1/wallets": {"data": [wallet]}, "GET /v1/events": {"data": ["older", "newer"]}})
    view: Any = await find(visit(api, query={"q": "ann"}))
    assert view.data["wallets"] == [wallet] and view.data["payments"] == ["newer", "older"]
    assert [call[1]["query"] for call in api.asked] == [
        {"external_id": "ann", "limit": "20"},
        {"owner": "ann", "limit": "20"},
        {"after": "last", "reference": "ann", "limit": "50"},
    ]


async def test_nothing_is_looked_for_where_nothing_is_asked_or_allowed() -> None:
    for query in ({}, {"q": "  "}):
        view: Any = await find(visit(Answers({}), query=query))
        assert view.data["wallets"] == view.data["payments"] == []
    refused = (TRANSFER, WALLET, "GET /v1/wallets", "GET /v1/events")
    view = await find(visit(Answers({}, refused=refused), query={"q": ID}))
    assert view.data["wallets"] == []
