"""The bytes: rows by numpy, by struct and in SQL are the same; what is in use of zeros is what was written."""

import struct

import numpy as np
import pytest

from actors.records.layout import (
    AMOUNT_MAX,
    BLOCK_RECORDS_MAX,
    FLAG_FINAL,
    FLAG_REVIEW,
    KEY,
    RECORD,
    REQUEST,
    RESULT,
    WALLET,
    Kind,
    ReviewStatus,
    case_end,
    joined,
    offset_of,
    packing,
    zeros,
)

MAX = {"u": lambda bits: 2**bits - 1, "i": lambda bits: 2 ** (bits - 1) - 1}


def test_numbers_of_kinds_are_those_that_journals_have() -> None:
    assert [int(kind) for kind in Kind] == [
        *(1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22, 30, 31, 32),
        *range(40, 53),
        60,
        *range(70, 78),
    ]


@pytest.mark.parametrize(
    ("kind", "flags", "status"),
    [
        (Kind.CAPTURE, FLAG_REVIEW, ReviewStatus.APPROVED),
        (Kind.CAPTURE, FLAG_REVIEW | FLAG_FINAL, ReviewStatus.APPROVED),
        (Kind.APPROVAL, FLAG_REVIEW, ReviewStatus.APPROVED),
        (Kind.VOID, FLAG_REVIEW, ReviewStatus.DECLINED),
        (Kind.VOID, FLAG_REVIEW | FLAG_FINAL, ReviewStatus.VOIDED),
        (Kind.EXPIRY, FLAG_REVIEW, ReviewStatus.EXPIRED),
    ],
)
def test_what_ends_a_case_says_how(kind: Kind, flags: int, status: ReviewStatus) -> None:
    assert case_end(kind, flags) == status


def test_what_ends_no_case_is_a_bug() -> None:
    with pytest.raises(KeyError):
        case_end(Kind.REFUND, FLAG_REVIEW)


@pytest.mark.parametrize("dtype", [REQUEST, RESULT, RECORD], ids=["request", "result", "record"])
def test_rows_of_the_largest_values_are_packed_as_they_lie_in_memory(dtype: np.dtype) -> None:
    row = np.zeros(1, dtype)
    for name in dtype.names or ():
        form = dtype[name].str
        row[name] = MAX[form[1]](8 * int(form[2]))
    assert packing(dtype).pack(*row[0].item()) == row.tobytes()


def test_a_whole_key_is_16_bytes_and_padding_is_zero() -> None:
    row = np.zeros(1, REQUEST)
    row["key_hi"], row["key_lo"], row["spare"], row["amount"] = 2**64 - 1, 5, 77, 12
    packer = packing(REQUEST, whole_key=True, padding=("spare",))
    values = packer.unpack(row.tobytes())
    assert struct.pack("<QQ", 2**64 - 1, 5) in values and 77 not in values
    assert len(values) == len(REQUEST.names or ()) - 2
    row["spare"] = 0
    assert packer.pack(*values) == row.tobytes()


def test_a_field_begins_where_numpy_reads_it() -> None:
    row = np.zeros(1, RECORD)
    for name in RECORD.names or ():
        row[name] = 1
        at = row.tobytes().index(b"\x01")
        assert at == offset_of(RECORD, name), name
        row[name] = 0


def test_a_block_fits_into_a_row_of_a_page() -> None:
    assert 88 + BLOCK_RECORDS_MAX * RECORD.itemsize <= 8_092 < 88 + (BLOCK_RECORDS_MAX + 1) * RECORD.itemsize
    assert int(float(AMOUNT_MAX)) == AMOUNT_MAX and int(float(AMOUNT_MAX + 2)) != AMOUNT_MAX + 2


@pytest.mark.parametrize("count", [0, 1, 7, 1 << 16])
def test_zeros_begin_at_a_page_and_can_be_written(count: int) -> None:
    made = zeros(count, WALLET)
    assert len(made) == count and made.dtype == WALLET and made.ctypes.data % 4096 == 0
    assert not made["credits"].any()
    made["credits"][-1:] = 9
    assert int(made["credits"].sum()) == (9 if count else 0)


def test_joined_parts_are_one_writable_array() -> None:
    parts = np.zeros(5, KEY)
    parts["value"] = range(5)
    found = joined([parts[:2], parts[2:].tobytes(), b""], KEY)
    found["hi"] = 3
    assert found["value"].tolist() == [0, 1, 2, 3, 4] and not parts["hi"].any()
    assert len(joined([], KEY)) == 0
    with pytest.raises(ValueError, match="size"):
        joined([b"\x00" * (KEY.itemsize - 1)], KEY)
