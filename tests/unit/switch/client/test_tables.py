"""Rows of a table on their way: what was not tried goes again under its key."""

import json
import uuid

import pyarrow as pa
import pytest

from switch.client import tables
from switch.client.tables import TableSending

NAMES = {"codes": json.dumps({"0": "ok", "3": "busy", "121": "insufficient_funds"}), "retryable": "[3]"}


def answer(codes: list[int]) -> bytes:
    schema = pa.schema([("id", pa.binary(16)), ("code", pa.uint16()), ("replayed", pa.bool_())], metadata=NAMES)
    ids = [bytes(15) + b"\1" if code != 3 else bytes(16) for code in codes]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.table([ids, codes, [False] * len(codes)], schema=schema))
    return bytes(sink.getvalue())


def sent(sending: TableSending) -> pa.Table:
    call = sending.call()
    assert call is not None and call.body is not None
    return pa.ipc.open_stream(call.body).read_all()


def test_rows_go_in_calls_of_a_bounded_size_and_those_not_tried_again_under_their_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 2)
    payers = [str(uuid.uuid4()) for _ in range(3)]
    sending = TableSending("/v1/transfers/batch", pa.table({"payer": payers}), keyed=True, silence_max_s=60.0)
    first = sent(sending)
    assert first.column("payer").to_pylist() == [uuid.UUID(text).bytes for text in payers[:2]]
    assert sending.took(answer([0, 3]), 0.0) > 0
    second = sent(sending)
    assert second.column("idempotency_key")[0] == first.column("idempotency_key")[1]
    assert second.column("payer")[1].as_py() == uuid.UUID(payers[2]).bytes
    assert sending.took(answer([121, 0]), 1.0) == 0
    assert sending.call() is None
    result = sending.result()
    assert result.column("code").to_pylist() == ["ok", "insufficient_funds", "ok"]
    assert result.column("id").null_count == 0


def test_rows_that_are_never_tried_come_back_with_their_code_and_key() -> None:
    table = pa.table({"payer": [str(uuid.uuid4())]})
    sending = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=10.0)
    sent(sending)
    sending.took(answer([3]), 0.0)
    sent(sending)
    sending.took(answer([3]), 11.0)
    assert sending.call() is None
    result = sending.result()
    assert result.column("code").to_pylist() == ["busy"] and result.column("id").to_pylist() == [None]


def test_an_empty_table_needs_no_call() -> None:
    sending = TableSending(
        "/v1/transfers/batch", pa.table({"payer": pa.array([], pa.string())}), keyed=True, silence_max_s=1
    )
    assert sending.call() is None
    assert sending.result().num_rows == 0
