"""`after` names a transfer whose money the payment needs: neither a decline nor what concerns others, whichever way a payment comes."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest

from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyStore
from switch.problems.table import AFTER_DECLINED_NUMBER, AFTER_UNRELATED_NUMBER
from tests.front_door import SECRET, RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=2) as running:
        yield running


async def test_after_may_name_neither_a_decline_nor_what_concerns_others(switch: RunningSwitch) -> None:
    bank, one, two, three = [await switch.wallet("external"), *[await switch.wallet() for _ in range(3)]]
    good = (await switch.pay(bank, one, 100)).json["id"]
    others = (await switch.pay(bank, three, 100)).json["id"]
    declined = (await switch.pay(one, two, 1_000)).json["transfer_id"]
    expected = {
        good: (201, None, None),
        declined: (422, "after_declined", f"the transfer {declined} was declined (insufficient_funds)"),
        others: (422, "after_unrelated", f"the transfer {others} is between other wallets"),
    }
    for named, (status, code, text) in expected.items():
        answer = await switch.pay(one, two, 1, after=named)
        assert (answer.status, answer.json.get("code")) == (status, code)
        assert answer.json.get("errors") == (None if text is None else [{"field": "after", "message": text}])
        assert text is None or (text in answer.json["detail"] and "leave `after` out" in answer.json["detail"])
    body = {"payer": one, "payee": two, "amount": 1, "currency": "EUR"}

    async def batch(*afters: str, linked: bool = False) -> Any:
        rows = [{**body, "idempotency_key": str(uuid.uuid4()), "after": after} for after in afters]
        answer = await switch.call(
            "POST", "/v1/transfers/batch", {"transfers": rows, "linked": linked}, key=str(uuid.uuid4())
        )
        return [(row["status"], row["code"]) for row in answer.json["results"]]

    refused = [("refused", "after_declined"), ("posted", "ok"), ("refused", "after_unrelated")]
    assert await batch(declined, good, others) == refused
    assert await batch(good, others, linked=True) == [("refused", "linked_refused"), ("refused", "after_unrelated")]
    assert await arrow(switch, one, two, [declined, good, others]) == [
        AFTER_DECLINED_NUMBER,
        0,
        AFTER_UNRELATED_NUMBER,
    ]
    assert (await switch.call("GET", f"/v1/wallets/{one}")).json["posted"] == 97
    address = decode_wallet(Secret.of(SECRET), one)
    bound = (await KeyStore(switch.pool).create("one", ["pay"], Binding(wallets=[address]))).key
    for named, code in ((declined, "after_declined"), (others, "after_not_found")):
        shown = await switch.call("POST", "/v1/transfers", {**body, "after": named}, key="k", token=bound)
        assert shown.json["code"] == code


async def arrow(switch: RunningSwitch, payer: str, payee: str, afters: list[str]) -> list[int]:
    """Codes of payments of 1 by Arrow."""
    count = len(afters)

    def ids(texts: list[str]) -> pa.Array:
        return pa.array([uuid.UUID(text).bytes for text in texts], pa.binary(16))

    columns = {
        "idempotency_key": ids([str(uuid.uuid4()) for _ in range(count)]),
        "payer": ids([payer] * count),
        "payee": ids([payee] * count),
        "amount": pa.array([1] * count, pa.int64()),
        "currency": pa.array(["EUR"] * count),
        "after": ids(afters),
    }
    sink = pa.BufferOutputStream()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    answer = await switch.call(
        "POST",
        "/v1/transfers/batch",
        data=sink.getvalue().to_pybytes(),
        key=str(uuid.uuid4()),
        headers={"Content-Type": "application/vnd.apache.arrow.stream"},
    )
    assert answer.status == 200, answer.raw
    codes: list[int] = pa.ipc.open_stream(answer.raw).read_all()["code"].to_pylist()
    return codes
