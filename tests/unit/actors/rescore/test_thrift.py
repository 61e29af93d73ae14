"""Thrift's compact protocol: footers of Arrow's writer are read whole, and written again to the byte."""

import io
import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rescore.thrift import (
    BINARY,
    FALSE,
    I8,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    Field,
    Struct,
    decode,
    encode,
    varint,
)


def footer(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    data = file.getvalue()
    (length,) = struct.unpack("<I", data[-8:-4])
    return data[-8 - length : -8]


def test_a_footer_is_read_and_written_again_to_the_byte() -> None:
    columns = {f"column {at}": pa.array(range(at, at + 10)) for at in range(20)}
    short = {str(kind): pa.array([1] * 10, kind) for kind in (pa.int8(), pa.uint16(), pa.uint64())}
    table = pa.table({**columns, **short, "list": pa.array([[1, None]] * 10), "text": pa.array(["a", None] * 5)})
    data = footer(table, row_group_size=1, sorting_columns=[pq.SortingColumn(0)])
    found = decode(data)
    assert encode(found) == data
    assert found[3].value == 10 and len(found[4].value[1]) == 10
    assert [each[4].value.decode() for each in found[2].value[1]][1:21] == list(columns)


whole = st.one_of(
    st.builds(Field, st.just(I8), st.integers(-(2**7), 2**7 - 1)),
    st.builds(Field, st.just(I16), st.integers(-(2**15), 2**15 - 1)),
    st.builds(Field, st.just(I32), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Field, st.just(I64), st.integers(-(2**63), 2**63 - 1)),
)
flat = whole | st.builds(Field, st.just(BINARY), st.binary(max_size=200))
truths = st.sampled_from([Field(TRUE, True), Field(FALSE, False)])
numbers = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20).map(lambda items: Field(LIST, (I32, items)))


def structs(each: st.SearchStrategy[Field]) -> st.SearchStrategy[Struct]:
    return st.dictionaries(st.integers(1, 200), each, max_size=5)


nested = structs(flat | truths | numbers).map(lambda fields: Field(STRUCT, fields))
lists = st.lists(structs(flat), max_size=20).map(lambda items: Field(LIST, (STRUCT, items)))


@given(structs(flat | truths | numbers | nested | lists))
def test_what_is_written_is_read_again(fields: Struct) -> None:
    assert decode(encode(fields) + b"and more") == fields


@pytest.mark.parametrize(("number", "data"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_numbers_take_seven_bits_a_byte(number: int, data: bytes) -> None:
    assert varint(number) == data


def test_types_that_are_not_read_are_named_and_what_ends_too_soon_is_an_error() -> None:
    with pytest.raises(ValueError, match="type 7"):
        decode(b"\x17" + bytes(8))
    with pytest.raises(ValueError, match="list of truths"):
        decode(b"\x19\x21\x01\x02\x00")
    with pytest.raises(IndexError):
        decode(encode({1: Field(I64, 2**60)})[:3])
