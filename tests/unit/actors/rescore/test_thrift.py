"""What stands in a footer is read, and written again to the same bytes."""

import struct
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore.thrift import BINARY, BYTE, FALSE, I16, I64, LIST, STRUCT, TRUE, decode_struct, encode_struct

TABLE = pa.table(
    {
        "small": pa.array([1, None], pa.int8()),
        "unsigned": pa.array([1, 2], pa.uint16()),
        "amount": pa.array([Decimal("1.5"), None], pa.decimal128(9, 2)),
        "at": pa.array([1, 2], pa.timestamp("us", "UTC")),
        "id": pa.array([uuid.UUID(int=1).bytes] * 2, pa.uuid()),
        "word": pa.array(["a", None]).dictionary_encode(),
        "real": pa.array([0.5, float("nan")]),
        "list": pa.array([[1, 2], None]),
        **{f"more_{at}": pa.array([at, at]) for at in range(20)},
    }
)


@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_footer_of_pyarrow_has_the_same_bytes_when_it_is_written_again(rows: int, statistics: bool) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE.slice(0, rows), sink, row_group_size=1, write_statistics=statistics)
    data = sink.getvalue().to_pybytes()
    (length,) = struct.unpack("<I", data[-8:-4])
    footer = data[-8 - length : -8]
    found = decode_struct(footer)
    assert found[3] == (I64, rows) and len(found[2][1][1]) > len(TABLE.column_names)
    assert encode_struct(found) == footer


@pytest.mark.parametrize(
    ("fields", "encoded"),
    [
        ({}, "00"),
        ({1: (TRUE, True), 2: (FALSE, False)}, "111200"),
        ({1: (I16, 0), 17: (I16, -1)}, "140004220100"),
        ({3: (I64, 300), 4: (I64, -(2**63))}, "36d80416ffffffffffffffffff0100"),
        ({1: (BYTE, b"\x07"), 2: (BINARY, b"ab")}, "130718026162" + "00"),
        ({1: (LIST, (I64, [1] * 15))}, "19f60f" + "02" * 15 + "00"),
        ({1: (LIST, (STRUCT, [{}, {2: (TRUE, True)}]))}, "192c00210000"),
    ],
)
def test_each_kind_has_the_bytes_of_the_protocol(fields: dict[int, tuple[int, object]], encoded: str) -> None:
    assert encode_struct(fields).hex() == encoded
    assert decode_struct(bytes.fromhex(encoded)) == fields
