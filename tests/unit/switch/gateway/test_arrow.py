"""Arrow columns make the very rows that JSON makes."""

import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.records.addresses import record_address, wallet_address
from actors.records.codes import Code
from actors.records.ids import Secret, encode_wallet, key_bytes, transfer_id
from actors.records.layout import REQUEST, RESULT
from switch.gateway.arrow import Batch, decode_transfers_stream, encode_results, read_transfers
from switch.gateway.encode import transfer_row
from switch.http.call import Caller
from switch.http.schema import Context, Transfer
from switch.problems.table import ProblemError
from tests.steps import to_end

SECRET = Secret.of(bytes(range(16)))
CALLER = Caller(5, 1_700_000_000_000)


def stream(columns: dict[str, Any], batches: int = 1) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=-(-table.num_rows // batches))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def raw(ids: list[str]) -> pa.Array:
    return pa.array([uuid.UUID(identity).bytes for identity in ids], pa.binary(16))


def text(values: list[str], dictionary: bool) -> pa.Array:
    array = pa.array(values)
    return array.dictionary_encode() if dictionary else array


def decoded(body: bytes) -> Batch:
    return to_end(decode_transfers_stream(to_end(read_transfers(body)), SECRET, CALLER))


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("batches", [1, 3])
def test_the_same_payments_give_the_same_rows_as_json(dictionary: bool, batches: int) -> None:
    count = 7
    payers = [encode_wallet(SECRET, wallet_address(1, i)) for i in range(count)]
    payees = [encode_wallet(SECRET, wallet_address(2, i)) for i in range(count)]
    keys = [str(uuid.UUID(int=i + 1)) for i in range(count)]
    after = [transfer_id(SECRET, 1_600_000_000_000, record_address(1, 9, i)) for i in range(count)]
    devices, ips = [f"d{i % 3}" for i in range(count)], [f"10.0.0.{i % 2}" for i in range(count)]
    currencies, countries = ["EUR", "USD"] * 3 + ["EUR"], ["DE", "FR", "DE"] * 2 + ["GB"]
    body = stream(
        {
            "idempotency_key": raw(keys),
            "payer": raw(payers),
            "payee": raw(payees),
            "amount": pa.array(range(1, count + 1), pa.int64()),
            "currency": text(currencies, dictionary),
            "after": raw(after),
            "kind": text(["payment"] * count, dictionary),
            "channel": text(["app"] * count, dictionary),
            "country": text(countries, dictionary),
            "device": text(devices, dictionary),
            "ip": text(ips, dictionary),
        },
        batches,
    )
    batch = decoded(body)
    expected = [
        transfer_row(
            Transfer(
                payer=payers[i],
                payee=payees[i],
                amount=i + 1,
                currency=currencies[i],
                after=after[i],
                kind="payment",
                context=Context(channel="app", country=countries[i], device=devices[i], ip=ips[i]),
            ),
            wallet_address(1, i),
            wallet_address(2, i),
            record_address(1, 9, i),
            key_bytes(keys[i]),
            CALLER,
        )
        for i in range(count)
    ]
    rows = np.frombuffer(b"".join(row for row, _ in expected), REQUEST)
    for name in rows.dtype.names or ():
        assert batch.rows[name].tolist() == rows[name].tolist(), name
    assert batch.details == {i: details for i, (_, details) in enumerate(expected)}


def test_ids_of_another_cluster_and_nil_after() -> None:
    body = stream(
        {
            "idempotency_key": raw([str(uuid.uuid4())]),
            "payer": raw([str(uuid.uuid4())]),
            "payee": raw([encode_wallet(SECRET, wallet_address(2, 1))]),
            "amount": pa.array([1]),
            "currency": pa.array(["EUR"]),
            "after": raw([str(uuid.UUID(int=0))]),
        }
    )
    (row,) = decoded(body).rows
    assert (row["payer"], row["payee"], row["after"], row["digest"]) == (0, wallet_address(2, 1), 0, 0)


def test_a_byte_changed_anywhere_is_decoded_or_refused_never_an_error() -> None:
    count = 20
    body = stream(
        {
            "idempotency_key": raw([str(uuid.UUID(int=i + 1)) for i in range(count)]),
            "payer": raw([str(uuid.uuid4())] * count),
            "payee": raw([str(uuid.uuid4())] * count),
            "amount": pa.array(range(1, count + 1)),
            "currency": pa.array(["EUR", "USD"] * (count // 2)).dictionary_encode(),
        }
    )
    random = np.random.default_rng(7)
    for _ in range(3_000):
        changed = bytearray(body)
        for place in random.integers(0, len(body), random.integers(1, 4)):
            changed[place] = random.integers(0, 256)
        try:
            decoded(bytes(changed))
        except ProblemError as problem:
            assert problem.code in {"malformed_arrow", "invalid_field", "unsupported_media_type", "payload_too_large"}


def test_results_become_ids_codes_and_flags() -> None:
    results = np.zeros(4, RESULT)
    results["address"] = [record_address(1, 2, 3), 0, record_address(0, 5, 6), 77]
    results["record_time"] = 1_700_000_000_000
    results["code"] = [Code.OK, Code.PAYER_NOT_FOUND, Code.DECLINED, 900]
    results["replayed"] = [1, 0, 0, 0]
    with pa.ipc.open_stream(to_end(encode_results(SECRET, results))) as reader:
        table = reader.read_all()
    ids = [str(uuid.UUID(bytes=raw.as_py())) for raw in table["id"]]
    nil = str(uuid.UUID(int=0))
    made = [transfer_id(SECRET, 1_700_000_000_000, record_address(*place)) for place in ((1, 2, 3), (0, 5, 6))]
    assert ids == [made[0], nil, made[1], nil]
    assert table["code"].to_pylist() == results["code"].tolist()
    assert table["replayed"].to_pylist() == [True, False, False, False]
    assert b'"110":"declined"' in table.schema.metadata[b"codes"]
