"""What a stream announces is bounded before Arrow reads it: nothing stands for more than its bytes."""

import struct
import time

import pyarrow as pa
import pytest

from switch.gateway import arrow_messages
from switch.gateway.arrow_messages import BATCHES_MAX, DICTIONARIES_MAX, ENTRIES_MAX, METADATA_BYTES_MAX, check_messages
from switch.problems.table import ProblemError
from tests.hostile_arrow import as_stream, field_at, messages, number_at, numbers_of, table_at
from tests.steps import to_end

CODED = pa.dictionary(pa.int8(), pa.string())


def refusal(body: bytes) -> tuple[str, str]:
    with pytest.raises(ProblemError) as raised:
        to_end(check_messages(body))
    return raised.value.code, raised.value.detail or ""


def rows(count: int = 4) -> pa.Table:
    return pa.table({"text": pa.array(["a", "b"] * (count // 2)).cast(CODED), "number": range(count)})


def nested(depth: int) -> tuple[bytes, list[tuple[int, int]]]:
    """A stream whose schema has structs of two within each other, and by depth where both are named."""
    kind = pa.int64()
    for _ in range(depth):
        kind = pa.struct([("a", kind), ("b", pa.int64())])
    body = as_stream(pa.table({"deep": pa.nulls(1, kind)}))
    fields = table_at(body, field_at(body, table_at(body, field_at(body, table_at(body, 8), 2)), 1))
    places = []
    for _ in range(depth):
        field = table_at(body, fields + 4)
        fields = table_at(body, field_at(body, field, 5))
        places.append((fields + 4, fields + 8))
    return body, places


def test_what_is_written_usually_is_taken() -> None:
    features = pa.struct([(f"feature_{at}", pa.float64()) for at in range(256)])
    table = rows().append_column("features", pa.nulls(4, features)).replace_schema_metadata({"pandas": "x" * 60_000})
    to_end(check_messages(as_stream(table, 1)))
    to_end(check_messages(as_stream(rows(), metadata_version=pa.ipc.MetadataVersion.V4, use_legacy_format=True)))


def test_a_field_that_is_named_from_many_places_counts_each_time() -> None:
    """Two to the thirtieth fields, in 8 kB: Arrow would read them all."""
    body, places = nested(30)
    to_end(check_messages(body))
    data = bytearray(body)
    for first, second in places:
        struct.pack_into("<I", data, second, table_at(body, first) - second)
    began = time.perf_counter()
    assert refusal(bytes(data)) == (
        "payload_too_large",
        f"A stream has at most {ENTRIES_MAX:,} fields and pairs of metadata.",
    )
    assert time.perf_counter() - began < 1.0


def test_a_text_that_is_named_from_many_places_counts_each_time() -> None:
    pairs = {f"key_{at}": "x" * (20_000 if at == 19 else 1) for at in range(20)}
    body = as_stream(rows().replace_schema_metadata(pairs))
    to_end(check_messages(body))
    data = bytearray(body)
    vector = table_at(body, field_at(body, table_at(body, field_at(body, table_at(body, 8), 2)), 2))
    named = [vector + 4 + 4 * at for at in range(20)]
    longest = max(
        map(lambda at: table_at(body, at), named),
        key=lambda pair: number_at(body, table_at(body, field_at(body, pair, 1))),
    )
    for at in named:
        if at < longest:
            struct.pack_into("<I", data, at, longest - at)
    assert refusal(bytes(data)) == (
        "payload_too_large",
        f"Names and metadata have at most {METADATA_BYTES_MAX:,} bytes.",
    )


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_body_that_is_compressed_as_version_4_has_it_is_refused(codec: str) -> None:
    """Arrow unfolds it by a word in the message's metadata, to whatever length the body names."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4)
    batch = pa.record_batch({"number": range(4)})
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch, custom_metadata={"note": "x", "ARROW:experimental_compression": codec})
    assert refusal(sink.getvalue().to_pybytes()) == (
        "unsupported_media_type",
        "Compressed Arrow streams are not taken.",
    )


def test_a_stream_has_its_schema_first_and_once() -> None:
    body = as_stream(rows())
    schema, coded, batch = messages(body)
    parts = {name: body[each.start : each.end] for name, each in (("s", schema), ("d", coded), ("b", batch))}
    to_end(check_messages(parts["s"] + parts["d"] + parts["b"]))
    for order in ("ssdb", "sdbs", "db", "b"):
        with pytest.raises(ValueError, match="one schema, then dictionaries and record batches"):
            to_end(check_messages(b"".join(parts[name] for name in order)))


@pytest.mark.parametrize(
    "table",
    [
        rows().replace_schema_metadata({"note": "x" * METADATA_BYTES_MAX}),
        pa.table({f"column_{at}": [1] for at in range(8_000)}),
    ],
    ids=["text", "columns"],
)
def test_long_metadata_is_refused_unread(table: pa.Table) -> None:
    expected = f"The metadata of a message has at most {METADATA_BYTES_MAX:,} bytes."
    assert refusal(as_stream(table)) == ("payload_too_large", expected)


def test_more_fields_than_a_card_can_look_at_are_refused() -> None:
    table = pa.table({f"{at}": [1] for at in range(ENTRIES_MAX + 1)})
    assert refusal(as_stream(table))[0] == "payload_too_large"


def test_batches_are_counted_empty_ones_too() -> None:
    body = as_stream(rows(), 4)
    *first, batch = messages(body)
    assert [message.kind for message in first] == [1, 2]
    start, one = body[: batch.start], body[batch.start : batch.end]
    to_end(check_messages(start + one * BATCHES_MAX))
    code, detail = refusal(start + one * (BATCHES_MAX + 1))
    assert code == "payload_too_large" and "batches" in detail


def test_metadata_of_batches_counts_together() -> None:
    sink, table = pa.BufferOutputStream(), rows()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches() * 2:
            writer.write_batch(batch, custom_metadata={str(at): "" for at in range(ENTRIES_MAX // 2 + 1)})
    body = sink.getvalue().to_pybytes()
    *_, last = messages(body)
    to_end(check_messages(body[: last.start]))
    assert refusal(body) == ("payload_too_large", f"A stream has at most {ENTRIES_MAX:,} fields and pairs of metadata.")


def test_dictionaries_before_one_batch_are_counted() -> None:
    body = as_stream(rows())
    schema, coded, batch = (body[message.start : message.end] for message in messages(body))
    to_end(check_messages(schema + (coded * DICTIONARIES_MAX + batch) * 3))
    code, detail = refusal(schema + coded * (DICTIONARIES_MAX + 1) + batch)
    assert code == "payload_too_large" and "dictionaries" in detail


def test_dictionaries_that_grow_are_not_taken() -> None:
    table = pa.concat_tables(
        pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array(values))})
        for values in (["a"], ["a", "b"])
    )
    to_end(check_messages(as_stream(table)))
    assert refusal(as_stream(table, emit_dictionary_deltas=True)) == (
        "unsupported_media_type",
        "Dictionaries that grow (deltas) are not taken: send each whole.",
    )


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_bodies_are_not_taken(codec: str) -> None:
    assert refusal(as_stream(rows(), compression=codec))[0] == "unsupported_media_type"


def test_a_buffer_is_that_of_one_column() -> None:
    body = bytearray(as_stream(pa.table({f"{at}": range(1_000) for at in range(9)})))
    (_, batch) = messages(body)
    *_, last, _ = numbers_of(body, batch, 2)
    struct.pack_into("<q", body, field_at(body, table_at(body, batch.metadata), 3), number_at(body, last, "<q") // 2)
    assert refusal(bytes(body)) == ("malformed_arrow", "The buffers of a batch overlap.")


def test_steps_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    body = as_stream(pa.table({f"{at}": [1] for at in range(500)}), 1)
    assert len(list(check_messages(body))) >= 500 // arrow_messages.WALKED
    monkeypatch.setattr(arrow_messages, "WALKED", 1)
    assert len(list(check_messages(body))) >= 500
