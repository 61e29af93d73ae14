"""Payments that scoring wants reviewed, over the HTTP API: held, listed, approved, declined, expired; with real shards and journal."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest

from actors.audit.audit import audit_database
from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.codes import Code
from actors.stores.api_keys import KeyStore
from tests.front_door import Answer, RunningSwitch, running_switch
from tests.payments import funded, once_posted
from tests.reviewer import REASON, REVIEWED, Reviewer


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, scorer=Reviewer()) as running:
        yield running


async def reviewed(switch: RunningSwitch, payer: str, payee: str, **fields: Any) -> dict[str, Any]:
    answer = await switch.pay(payer, payee, REVIEWED, **fields)
    assert (answer.status, answer.json["status"]) == (201, "in_review"), answer.raw
    return answer.json


async def decide(switch: RunningSwitch, case: str, what: str, **sent: Any) -> Answer:
    return await switch.call("POST", f"/v1/reviews/{case}/{what}", {}, **{"key": str(uuid.uuid4()), **sent})


async def cases(switch: RunningSwitch, **query: Any) -> list[dict[str, Any]]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await switch.call("GET", f"/v1/reviews?{text}")
    assert answer.status == 200, answer.raw
    return answer.json["data"]


async def shown(switch: RunningSwitch, transfer: str) -> dict[str, Any]:
    return (await switch.call("GET", f"/v1/transfers/{transfer}")).json


async def money(switch: RunningSwitch, wallet: str) -> tuple[int, int]:
    reported = (await switch.call("GET", f"/v1/wallets/{wallet}")).json
    return reported["posted"], reported["held"]


async def test_a_payment_in_review_is_listed_and_approved_once(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    made = await reviewed(switch, payer, shop, reference="order 7", context={"country": "FI"})
    assert (made["type"], made["decision"]["action"], made["decision"]["reasons"]) == ("transfer", "review", [REASON])
    assert await money(switch, payer) == (1_000, REVIEWED)
    (case,) = await cases(switch)
    assert (case["id"], case["status"], case["amount"]) == (made["id"], "open", REVIEWED)
    assert (case["payer"], case["payee"], case["reference"], case["context"]) == (
        payer, shop, "order 7", {"country": "FI"},
    )  # fmt: skip
    assert case["decision"]["reasons"] == [REASON] and case["expires_at"] > case["created_at"]
    approved = await decide(switch, case["id"], "approve", key="a1")
    assert (approved.status, approved.json["status"], approved.json["decided_by"]) == (201, "approved", "tests")
    assert approved.json["decided_at"] >= case["created_at"]
    assert await money(switch, payer) == (1_000 - REVIEWED, 0)
    await once_posted(switch, shop, REVIEWED)
    again = await decide(switch, case["id"], "approve", key="a1")
    assert (again.status, again.json["replayed"], again.json["status"]) == (201, True, "approved")
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await decide(switch, case["id"], "decline", key="a1")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    for what in ("approve", "decline"):
        second = await decide(switch, case["id"], what)
        assert (second.status, second.json["code"], second.json["money_moved"]) == (409, "review_approved", "no")
    now = await shown(switch, made["id"])
    assert (now["type"], now["status"], now["left"]) == ("transfer", "posted", REVIEWED)
    assert now["review"] == {
        "status": "approved",
        "expires_at": case["expires_at"],
        "decided_by": "tests",
        "decided_at": approved.json["decided_at"],
    }
    assert await cases(switch) == []
    assert [c["id"] for c in await cases(switch, status="approved")] == [made["id"]]
    assert (await audit_database(switch.database_url)).differences == []


async def test_an_approved_payment_is_refunded_by_its_own_id(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    made = await reviewed(switch, payer, shop)
    early = await switch.call("POST", f"/v1/transfers/{made['id']}/refund", {}, key="r0")
    assert (early.status, early.json["code"]) == (409, "not_refundable")
    approved = await decide(switch, made["id"], "approve")
    assert approved.status == 201
    capture = (await switch.call("GET", f"/v1/wallets/{payer}/transfers")).json["data"][0]
    assert (capture["type"], capture["amount"]) == ("capture", REVIEWED)
    await once_posted(switch, shop, REVIEWED)
    refund = await switch.call("POST", f"/v1/transfers/{made['id']}/refund", {"amount": 700}, key="r1")
    assert (refund.status, refund.json["of"]) == (201, capture["id"])
    now = await shown(switch, made["id"])
    assert (now["refunded"], now["left"]) == (700, 77)


async def test_a_declined_payment_gives_the_money_back(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    made = await reviewed(switch, payer, shop)
    declined = await decide(switch, made["id"], "decline")
    assert (declined.status, declined.json["status"], declined.json["decided_by"]) == (201, "declined", "tests")
    assert await money(switch, payer) == (1_000, 0)
    now = await shown(switch, made["id"])
    assert (now["status"], now["code"], now["review"]["status"]) == ("declined", "review_declined", "declined")
    late = await decide(switch, made["id"], "approve")
    assert (late.status, late.json["code"]) == (409, "review_declined")
    assert [c["id"] for c in await cases(switch, status="declined")] == [made["id"]]


async def test_a_case_that_nobody_answers_expires_as_declined(database_url: str) -> None:
    async with running_switch(database_url, scorer=Reviewer(), review_expires_in_s=1) as switch:
        _, payer = await funded(switch, 1_000)
        made = await reviewed(switch, payer, await switch.wallet("merchant"))
        while not await cases(switch, status="expired"):
            await asyncio.sleep(0.05)
        assert await money(switch, payer) == (1_000, 0)
        now = await shown(switch, made["id"])
        assert (now["status"], now["code"], now["review"]["decided_by"]) == ("declined", "review_expired", None)
        late = await decide(switch, made["id"], "approve")
        assert (late.status, late.json["code"]) == (409, "review_expired")
        assert await cases(switch) == []
        again = await switch.call("GET", f"/v1/transfers/{made['id']}")
        assert again.json["review"]["decided_at"] >= again.json["review"]["expires_at"]


async def test_a_callers_hold_in_review_becomes_an_ordinary_hold(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    made = await reviewed(switch, payer, shop, hold=True, expires_in=200_000)
    early = await switch.call("POST", f"/v1/transfers/{made['id']}/capture", {}, key="e")
    assert (early.status, early.json["code"]) == (409, "hold_in_review")
    before = await shown(switch, made["id"])
    assert (before["type"], before["status"], before["left"]) == ("hold", "in_review", REVIEWED)
    assert before["expires_at"] == made["expires_at"] > before["review"]["expires_at"]
    assert (await decide(switch, made["id"], "approve")).json["type"] == "hold"
    now = await shown(switch, made["id"])
    assert (now["status"], now["expires_at"], now["review"]["status"]) == ("held", made["expires_at"], "approved")
    second = await decide(switch, made["id"], "decline")
    assert (second.status, second.json["code"]) == (409, "review_approved")
    answers = (await switch.call("GET", "/v1/events?types=transfer.approved")).json["data"]
    approval = await shown(switch, answers[0]["id"])
    assert (approval["type"], approval["status"], approval["of"]) == ("approval", "approved", made["id"])
    captured = await switch.call("POST", f"/v1/transfers/{made['id']}/capture", {"amount": 700}, key="c1")
    assert captured.status == 201
    assert await money(switch, payer) == (300, 0)
    assert (await shown(switch, made["id"]))["status"] == "captured"
    assert (await audit_database(switch.database_url)).differences == []


async def test_callers_and_analysts_keep_to_their_own(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 3_000)
    shop = await switch.wallet("merchant")
    made = await reviewed(switch, payer, shop)
    answer = await switch.call("POST", f"/v1/transfers/{made['id']}/capture", {}, key="n")
    assert (answer.status, answer.json["code"]) == (409, "not_a_hold")
    plain = await switch.pay(payer, shop, 5)
    held = await switch.pay(payer, shop, 5, hold=True)
    for other in (plain, held):
        answer = await decide(switch, other.json["id"], "approve")
        assert (answer.status, answer.json["code"]) == (409, "not_in_review")
    pool = await Pool.open(switch.database_url, name="test-keys")
    store = KeyStore(pool)
    analyst = await store.create("ann", ["analyst"])
    others = await store.create("bob", ["pay", "read", "admin", "import"])
    await pool.close()
    assert (await decide(switch, made["id"], "approve", token=others.key)).status == 403
    assert (await switch.call("GET", "/v1/reviews", token=others.key)).status == 403
    approved = await decide(switch, made["id"], "approve", token=analyst.key)
    assert (approved.status, approved.json["decided_by"]) == (201, "ann")


async def test_what_cannot_be_held_is_declined_at_once(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 700)
    answer = await switch.pay(payer, await switch.wallet("merchant"), REVIEWED)
    assert (answer.status, answer.json["code"]) == (402, "insufficient_funds")
    assert answer.json["decision"]["action"] == "review" and await cases(switch) == []


async def test_the_same_key_gives_the_same_payment_again(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    body = {"payer": payer, "payee": await switch.wallet("merchant"), "amount": REVIEWED, "currency": "EUR"}
    first = await switch.call("POST", "/v1/transfers", body, key="k")
    assert (await decide(switch, first.json["id"], "decline")).status == 201
    again = await switch.call("POST", "/v1/transfers", body, key="k")
    assert (again.status, again.json["code"], again.json["replayed"]) == (409, "review_declined", True)
    assert again.json["transfer_id"] == first.json["id"]
    held = await switch.call("POST", "/v1/transfers", {**body, "hold": True}, key="k")
    assert (held.status, held.json["code"]) == (422, "idempotency_mismatch")


async def test_rows_of_batches_are_in_review_and_a_group_cannot_wait(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 3_000)
    shop = await switch.wallet("merchant")

    def rows(*amounts: int) -> list[dict[str, Any]]:
        fields = {"payer": payer, "payee": shop, "currency": "EUR"}
        return [{**fields, "amount": amount, "idempotency_key": str(uuid.uuid4())} for amount in amounts]

    alone = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows(5, REVIEWED)}, key=str(uuid.uuid4()))
    reported = [(row["status"], row["code"]) for row in alone.json["results"]]
    assert reported == [("posted", "ok"), ("in_review", "in_review")] and alone.json["results"][1]["id"]
    linked = await switch.call(
        "POST", "/v1/transfers/batch", {"transfers": rows(5, REVIEWED), "linked": True}, key=str(uuid.uuid4())
    )
    reported = [(row["status"], row["code"]) for row in linked.json["results"]]
    assert reported == [("declined", "linked_declined"), ("declined", "linked_in_review")]
    table = pa.table(
        {
            "idempotency_key": pa.array([uuid.uuid4().bytes], pa.binary(16)),
            "payer": pa.array([uuid.UUID(payer).bytes], pa.binary(16)),
            "payee": pa.array([uuid.UUID(shop).bytes], pa.binary(16)),
            "amount": pa.array([REVIEWED], pa.int64()),
            "currency": ["EUR"],
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
    answer = await switch.call(
        "POST", "/v1/transfers/batch", data=sink.getvalue().to_pybytes(), headers=kind, key=str(uuid.uuid4())
    )
    with pa.ipc.open_stream(answer.raw) as reader:
        (row,) = reader.read_all().to_pylist()
        assert b'"200":"in_review"' in reader.schema.metadata[b"codes"]
    assert row["code"] == Code.IN_REVIEW and str(uuid.UUID(bytes=row["id"])) in {c["id"] for c in await cases(switch)}


async def test_cases_are_paged_oldest_first(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 10_000)
    shop = await switch.wallet("merchant")
    made = [(await reviewed(switch, payer, shop))["id"] for _ in range(5)]
    seen, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/reviews?limit=2{after}")).json
        seen += [case["id"] for case in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == made
    foreign = await switch.call("GET", f"/v1/reviews?status=approved{after}")
    assert (foreign.status, foreign.json["code"]) == (422, "invalid_query")


async def test_events_name_reviews(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 10_000)
    shop = await switch.wallet("merchant")
    first, second = (await reviewed(switch, payer, shop))["id"], (await reviewed(switch, payer, shop))["id"]
    third = (await reviewed(switch, payer, shop, hold=True))["id"]
    for case, what in ((first, "approve"), (second, "decline"), (third, "approve")):
        assert (await decide(switch, case, what)).status == 201
    types = "transfer.in_review,transfer.approved,transfer.captured,transfer.voided"
    events = (await switch.call("GET", f"/v1/events?types={types}")).json["data"]
    reported = [(e["type"], e["data"]["type"], e["data"]["review"]) for e in events]
    assert reported == [
        ("transfer.in_review", "transfer", "open"),
        ("transfer.in_review", "transfer", "open"),
        ("transfer.in_review", "hold", "open"),
        ("transfer.captured", "capture", "approved"),
        ("transfer.voided", "void", "declined"),
        ("transfer.approved", "approval", "approved"),
    ]
    assert [e["data"].get("of") for e in events[3:]] == [first, second, third]


async def test_the_audit_finds_a_table_of_cases_that_is_not_the_journals(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    await reviewed(switch, payer, await switch.wallet("merchant"))
    connection = await connect(switch.database_url, name="test")
    await connection.execute("UPDATE review SET status = 1")
    report = await audit_database(switch.database_url)
    assert report.reviews == 1 and any("table review" in text for text in report.differences)
    view = await connection.fetchrow("SELECT kind, flags FROM journal_record WHERE 'review' = ANY (flags)")
    assert view["kind"] == "hold"
    await connection.close()
