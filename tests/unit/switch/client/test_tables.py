"""Rows of a table on their way: what was not tried goes again under its key."""

import contextlib
import json
import random
import uuid
from collections.abc import Callable

import pyarrow as pa
import pytest

from switch.client import ShardpayError, tables
from switch.client.tables import TableSending
from tests import hostile_arrow

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


def in_groups(*groups: int | None) -> pa.Table:
    """A row for each group that is given, payable in the order of amounts."""
    count = len(groups)
    return pa.table(
        {"payer": [str(uuid.uuid4())] * count, "amount": range(1, count + 1), "group": pa.array(groups, pa.int32())}
    )


def amounts(sending: TableSending) -> list[int]:
    found: list[int] = sent(sending).column("amount").to_pylist()
    return found


def pays(table: pa.Table) -> TableSending:
    return TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=60.0)


@pytest.mark.parametrize(
    ("groups", "calls"),
    [
        ((None, None, 7, 7, 7, None), [[1, 2], [3, 4, 5, 6]]),
        ((7, 8, 7, 8, 7, 8), [[1, 3, 5], [2, 4, 6]]),
        ((0, None, None, None, None, 0), [[1, 2, 3, 6], [4, 5]]),
        ((1, 1, 1, 1, 2, 2, 2, 2), [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ((None,) * 6, [[1, 2, 3, 4], [5, 6]]),
    ],
)
def test_a_linked_group_goes_whole_with_its_first_row(
    monkeypatch: pytest.MonkeyPatch, groups: tuple[int | None, ...], calls: list[list[int]]
) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 4)
    sending = pays(in_groups(*groups))
    for wanted in calls:
        assert amounts(sending) == wanted
        sending.took(answer([0] * len(wanted)), 0.0)
    assert sending.call() is None
    assert sending.result().column("code").to_pylist() == ["ok"] * len(groups)


def test_rows_that_go_again_cut_no_linked_group_and_keep_the_places_in_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 4)
    sending = pays(in_groups(None, 5, None, 5, 6, 6, 6, None))
    assert amounts(sending) == [1, 2, 3, 4]
    sending.took(answer([3, 3, 0, 3]), 0.0)
    assert amounts(sending) == [1, 2, 4], "and not the first row of the next group"
    sending.took(answer([0, 3, 3]), 0.0)
    assert amounts(sending) == [2, 4]
    sending.took(answer([121, 0]), 0.0)
    assert amounts(sending) == [5, 6, 7, 8]
    sending.took(answer([0] * 4), 0.0)
    codes = ["ok", "insufficient_funds", *["ok"] * 6]
    assert sending.call() is None and sending.result().column("code").to_pylist() == codes


def test_the_table_of_an_error_has_its_linked_groups_sent_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 4)
    sending = pays(in_groups(None, None, 5, None, 5, 6, 6, None, 6))
    assert amounts(sending) == [1, 2, 3, 5]
    sending.took(answer([3, 0, 0, 0]), 0.0)
    assert amounts(sending) == [1, 4]
    error = sending.ended(ShardpayError("unreachable", money_moved="unknown", idempotency_key=None))
    again, seen = pays(error.table), []
    while (call := again.call()) is not None:
        assert call.body is not None
        rows = pa.ipc.open_stream(call.body).read_all()
        seen.append(rows.column("amount").to_pylist())
        again.took(answer([0] * len(rows)), 0.0)
    assert seen == [[1, 2, 3, 5], [4, 6, 7, 9], [8]]


def test_a_linked_group_that_no_call_holds_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 4)
    with pytest.raises(ValueError, match="group 9 has 5 rows; the rows of a group go in one call, which has up to 4"):
        pays(in_groups(1, 9, 9, None, 9, 9, 9))


def test_what_is_no_number_of_a_group_is_left_to_the_switch_to_refuse() -> None:
    assert sent(pays(pa.table({"payer": [str(uuid.uuid4())], "group": ["a"]}))).column("group").to_pylist() == ["a"]


@pytest.mark.parametrize("name", ["idempotency_key", "payer", "payee", "wallet"])
@pytest.mark.parametrize("text", [None, "", "order-17"])
def test_a_row_without_an_id_or_with_none_that_is_one_is_refused_by_its_place(name: str, text: str | None) -> None:
    """16 zero bytes would be one key for all rows that have none."""
    table = pa.table({name: pa.array([str(uuid.uuid4()), text], pa.string())})
    with pytest.raises(ValueError, match=rf"^{name}\[1\]: the text of a UUID is expected.*, got {text!r}$"):
        TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=60.0)


def test_a_payment_need_not_be_after_another() -> None:
    before = uuid.uuid4()
    table = pa.table({"after": pa.array([None, "", str(before)], pa.large_string())})
    assert sent(pays(table)).column("after").to_pylist() == [bytes(16), bytes(16), before.bytes]


@pytest.mark.parametrize("coded", [False, True])
def test_long_texts_go_in_record_batches_that_the_switch_takes(monkeypatch: pytest.MonkeyPatch, coded: bool) -> None:
    monkeypatch.setattr(tables, "TEXTS_BYTES_MAX", 4_000)
    texts = pa.array([f"{at:040}" for at in range(300)])
    table = pa.table({"device": texts.dictionary_encode() if coded else texts})
    call = TableSending("/v1/transfers/batch", table, keyed=False, silence_max_s=60.0).call()
    assert call is not None and call.body is not None
    with pa.ipc.open_stream(call.body) as reader:
        batches = list(reader)
    assert len(batches) > 3 and max(batch.column("device").nbytes for batch in batches) <= 4_000
    assert pa.Table.from_batches(batches).column("device").to_pylist() == texts.to_pylist()


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


def test_a_sending_that_ends_in_the_middle_leaves_all_rows_with_their_keys_and_each_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 2)
    table = pa.table({"payer": [str(uuid.uuid4()) for _ in range(5)]})
    sending = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=10.0)
    first = sent(sending)
    sending.took(answer([0, 121]), 0.0)
    sent(sending)
    refusal = ShardpayError("unauthenticated", money_moved="no", idempotency_key="of the batch")
    error = sending.ended(refusal)
    assert (error.money_moved, error.idempotency_key) == ("unknown", None)
    assert error.table.column("code").to_pylist() == ["ok", "insufficient_funds", None, None, None]
    again = TableSending("/v1/transfers/batch", error.table, keyed=True, silence_max_s=10.0)
    assert sent(again).equals(first), "the same rows under the same keys, without what became of them"
    unsent = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=10.0)
    assert unsent.ended(ShardpayError("no", money_moved="no", idempotency_key=None)).money_moved == "no"


def test_rows_that_were_not_sent_when_all_others_were_silent_too_long_have_no_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 2)
    table = pa.table({"payer": [str(uuid.uuid4()) for _ in range(3)]})
    sending = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=10.0)
    for now in (0.0, 11.0):
        sent(sending)
        sending.took(answer([3, 3]), now)
    assert sending.call() is None and sending.result().column("code").to_pylist() == ["busy", "busy", None]


def test_an_empty_table_needs_no_call() -> None:
    sending = TableSending(
        "/v1/transfers/batch", pa.table({"payer": pa.array([], pa.string())}), keyed=True, silence_max_s=1
    )
    assert sending.call() is None
    assert sending.result().num_rows == 0


def test_rows_go_as_one_batch_without_dictionaries_that_are_longer_than_they_are() -> None:
    kinds = pa.DictionaryArray.from_arrays(pa.array([1, 2], pa.int8()), pa.array(["payment", "top_up", "fee"]))
    parts = [
        pa.table({"payer": [str(uuid.uuid4())] * 2, "kind": kinds, "note": kinds.cast(pa.string()).dictionary_encode()})
    ] * 2
    table = pa.concat_tables(parts).slice(1, 2)
    call = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=1).call()
    assert call is not None and call.body is not None
    with pa.ipc.open_stream(call.body) as reader:
        (batch,) = list(reader)
    assert batch.column("kind").to_pylist() == table.column("kind").to_pylist() == ["fee", "top_up"]
    assert batch.schema.field("kind").type == pa.string() and pa.types.is_dictionary(batch.schema.field("note").type)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda body: body[:40],
        lambda body: b"",
        lambda body: answer([0]),
        lambda body: answer([0, 0, 0]),
        lambda body: body.replace(b"retryable", b"retryably"),
        lambda body: body.replace(b"insufficient_funds", b'insufficient_fund"'),
        lambda body: hostile_arrow.as_stream(
            pa.table({"code": ["ok"] * 2, "replayed": [False] * 2}).replace_schema_metadata(NAMES)
        ),
        lambda body: hostile_arrow.as_stream(pa.table({"replayed": [False] * 2}).replace_schema_metadata(NAMES)),
    ],
    ids=["short", "nothing", "fewer", "more", "no list", "no names", "texts", "no codes"],
)
def test_what_is_no_answer_to_these_rows_is_an_error_that_says_so(wrong: Callable[[bytes], bytes]) -> None:
    table = pa.table({"payer": [str(uuid.uuid4())] * 2})
    sending = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=10.0)
    sent(sending)
    with pytest.raises(ShardpayError, match="not an answer of a switch") as raised:
        sending.took(wrong(answer([0, 0])), 0.0)
    assert raised.value.money_moved == "unknown"


def test_whatever_is_changed_in_an_answer_it_is_read_or_refused() -> None:
    by, body, table = random.Random(7), answer([0, 121, 3, 0] * 5), pa.table({"payer": [str(uuid.uuid4())] * 20})
    taken = 0
    for _ in range(500):
        sending = TableSending("/v1/transfers/batch", table, keyed=True, silence_max_s=10.0)
        sent(sending)
        changed = hostile_arrow.changed(body, by)
        with contextlib.suppress(ShardpayError):
            sending.took(changed, 0.0)
            with pa.ipc.open_stream(changed) as reader:
                whole = reader.read_all()
            assert sending.result().column("replayed").to_pylist() == whole.column("replayed").to_pylist()
            taken += 1
    assert 0 < taken < 500
