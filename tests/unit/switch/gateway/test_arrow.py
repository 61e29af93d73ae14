"""Arrow columns make the very rows that JSON makes."""

import random
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.records.addresses import record_address, wallet_address
from actors.records.codes import Code
from actors.records.ids import encode_wallet, key_bytes, transfer_id
from actors.records.layout import REQUEST, RESULT
from actors.records.secret import Secret
from switch.fairness.scheduling import Steps
from switch.gateway import arrow
from switch.gateway.arrow import (
    ROWS_MAX,
    TEXT_BYTES_MAX,
    TEXTS_BYTES_MAX,
    Batch,
    checked_table,
    decode_transfers_stream,
    encode_results,
    read_stream,
    read_transfers,
    whole_table,
)
from switch.gateway.encode import transfer_row
from switch.http.call import Caller
from switch.http.schema import Context, Transfer
from switch.problems.table import ProblemError
from tests import hostile_arrow
from tests.steps import to_end

SECRET = Secret.of(bytes(range(16)))
CALLER = Caller(5, 1_700_000_000_000)


def hostile_children() -> list[pa.Array]:
    """Fields of two rows that no check of lengths finds."""
    ends = pa.py_buffer(np.array([0, 1, 2], np.int32).tobytes())
    places = pa.py_buffer(np.array([0, 5], np.int32).tobytes())
    kind = pa.dictionary(pa.int32(), pa.utf8())
    return [
        pa.Array.from_buffers(pa.utf8(), 2, [None, ends, pa.py_buffer(b"\xff\xfe")], 0),
        pa.DictionaryArray.from_buffers(kind, 2, [None, places], pa.array(["a"]), 0),
    ]


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


def payments(count: int, **columns: Any) -> dict[str, Any]:
    """Columns of so many payments, and others."""
    return {
        "idempotency_key": raw([str(uuid.UUID(int=i + 1)) for i in range(count)]),
        "payer": raw([encode_wallet(SECRET, wallet_address(1, i)) for i in range(count)]),
        "payee": raw([encode_wallet(SECRET, wallet_address(2, i)) for i in range(count)]),
        "amount": pa.array(range(1, count + 1), pa.int64()),
        "currency": pa.array([("EUR", "USD")[i % 2] for i in range(count)]),
        **columns,
    }


def coded(places: list[int], values: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int8()), pa.array(values, pa.string()))


def test_batches_with_dictionaries_of_their_own_give_the_rows_of_plain_texts() -> None:
    devices = [coded([0, 1, 0], ["a", "b"]), coded([1, 0, 2], ["b", "a", "a"]), coded([0, 0, 0], ["c", "none of them"])]
    plain = pa.array([device for each in devices for device in each.to_pylist()])
    batches = [pa.table(payments(9)).slice(3 * at, 3).append_column("device", each) for at, each in enumerate(devices)]
    expected, found = (
        decoded(hostile_arrow.as_stream(table))
        for table in (pa.table(payments(9, device=plain)), pa.concat_tables(batches))
    )
    assert found.rows.tobytes() == expected.rows.tobytes() and found.details == expected.details


@pytest.mark.parametrize("batches", [1, 2])
def test_a_null_in_a_dictionary_is_refused_where_a_row_has_it(batches: int) -> None:
    values = ["EUR", None, "USD"]
    found = decoded(stream(payments(2, currency=coded([0, 2], values)), batches))
    assert found.rows["currency"].tolist() == decoded(stream(payments(2))).rows["currency"].tolist()
    with pytest.raises(ProblemError) as raised:
        decoded(stream(payments(2, currency=coded([0, 1], values)), batches))
    assert [(error.field, error.message) for error in raised.value.errors] == [("currency", "null is not a value")]


def test_of_a_dictionary_of_many_batches_only_what_rows_have_is_kept() -> None:
    values = ["EUR", *map(str, range(65_000))]
    body = stream(payments(100, currency=pa.DictionaryArray.from_arrays(pa.array([0] * 100), pa.array(values))), 100)
    given = to_end(read_transfers(body))
    table = to_end(whole_table(given, ()))
    assert len(given.batches) == 100 and table.column("currency").chunk(0).dictionary.to_pylist() == ["EUR"] * 100


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["x" * (TEXT_BYTES_MAX + 1)] * 2), "a text has at most"),
        (coded([0, 1], ["d", "x" * (TEXT_BYTES_MAX + 1)]), "a text has at most"),
        (coded([0, 1], ["d", *map(str, range(ROWS_MAX))]), "a dictionary has at most"),
        (
            coded([0, 1], ["x" * TEXT_BYTES_MAX] * (TEXTS_BYTES_MAX // TEXT_BYTES_MAX + 1)),
            "texts of a batch have at most",
        ),
    ],
    ids=["text", "value", "values", "bytes"],
)
def test_texts_that_take_more_than_a_step_to_look_at_are_refused_and_named(column: pa.Array, message: str) -> None:
    with pytest.raises(ProblemError) as raised:
        decoded(stream(payments(2, device=column)))
    assert [error.field for error in raised.value.errors] == ["device"] and message in raised.value.errors[0].message


def test_dictionaries_count_for_each_batch_that_has_them() -> None:
    values = [f"{at:060}" for at in range(60_000)]
    columns = payments(32, currency=coded([0] * 32, ["EUR"]), device=coded([0] * 32, values))
    assert len(decoded(stream(columns, 8)).rows) == 32
    with pytest.raises(ProblemError) as raised:
        decoded(stream(columns, 32))
    assert [error.field for error in raised.value.errors] == ["device"]


@pytest.mark.parametrize("coding", [False, True])
def test_pieces_give_the_rows_of_the_whole(coding: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = payments(23, device=text([f"d{at % 9}" for at in range(23)], coding), ip=text(["10.0.0.1"] * 23, coding))
    whole = decoded(stream(columns))
    for name in ("HASHED_ROWS", "PAGED_ROWS", "PIECE_ROWS"):
        monkeypatch.setattr(arrow, name, 4)
    found = decoded(stream(columns))
    assert found.rows.tobytes() == whole.rows.tobytes() and found.details == whole.details


def test_a_column_is_validated_in_steps_of_its_own() -> None:
    given = to_end(read_transfers(stream(payments(6), 3)))
    assert len(list(whole_table(given, ()))) >= 3 * 5


@pytest.mark.parametrize("batches", [1, 3])
@pytest.mark.parametrize("coding", [False, True])
def test_whatever_is_changed_in_a_stream_its_rows_are_those_that_arrow_shows_or_it_is_refused(
    coding: bool, batches: int
) -> None:
    devices, hold = text(["d1", "", "d2", "d1"] * 5, coding), [at % 3 == 0 for at in range(20)]
    columns = payments(20, device=devices, hold=hold, group=pa.array([None, 1, 1, 2] * 5, pa.int32()))
    columns["currency"] = text(columns["currency"].to_pylist(), coding)
    columns["expires_in"] = pa.array([600 + at if each else None for at, each in enumerate(hold)], pa.int32())
    body, by, taken = stream(columns, batches), random.Random(7), 0
    for _ in range(400):
        given = hostile_arrow.changed(body, by)
        try:
            found = decoded(given)
        except ProblemError as problem:
            assert problem.code in {"malformed_arrow", "invalid_field", "unsupported_media_type", "payload_too_large"}
            continue
        with pa.ipc.open_stream(given) as reader:
            table = reader.read_all()
        expected = decoded(stream({name: _plain(table.column(name)) for name in table.column_names}))
        assert found.rows.tobytes() == expected.rows.tobytes() and found.details == expected.details
        assert found.groups is not None and expected.groups is not None
        assert found.groups.tolist() == expected.groups.tolist()
        taken += 1
    assert 0 < taken < 400, "some changes are harmless, others are not"


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """The same values, one by one."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return pa.array(column.to_pylist(), kind)


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


def struct_stream(*children: pa.Array, nulls: int = 0) -> bytes:
    """A column of structs, as somebody could write them by hand."""
    fields = [pa.field(f"f{place}", child.type) for place, child in enumerate(children)]
    array = pa.Array.from_buffers(pa.struct(fields), len(children[0]), [None], nulls, 0, list(children))
    return stream({"features": array})


def structs_of(body: bytes) -> Steps[pa.Table]:
    given = yield from read_stream(body, {"features": True}, lambda field: True)
    return (yield from checked_table(given, ()))


def test_the_fields_of_a_struct_are_validated_in_steps_of_their_own() -> None:
    children = [pa.array(["x" * 50] * 1_000) for _ in range(60)]
    body = struct_stream(*children[:-1], pa.StructArray.from_arrays(children[:5], [f"g{place}" for place in range(5)]))
    assert sum(1 for _ in structs_of(body)) >= 59 + 5
    table = to_end(structs_of(body))
    assert table.num_rows == 1_000 and table.column("features").to_pylist()[7]["f3"] == "x" * 50


@pytest.mark.parametrize("inner", [False, True], ids=["in a field", "in a struct of a struct"])
@pytest.mark.parametrize("wrong", hostile_children(), ids=["no UTF-8", "a place beyond its dictionary"])
def test_what_is_wrong_in_a_field_of_a_struct_is_found(wrong: pa.Array, inner: bool) -> None:
    child = pa.Array.from_buffers(pa.struct([("inner", wrong.type)]), 2, [None], 0, 0, [wrong]) if inner else wrong
    with pytest.raises(ProblemError) as refused:
        to_end(structs_of(struct_stream(pa.array([1, 2]), child)))
    assert refused.value.code == "malformed_arrow"
