"""One declaration of the bytes: struct formats, offsets in SQL and the views for people follow from the dtypes of records/layout.py."""

import re
from pathlib import Path

import numpy as np
import pytest

from actors.database.connection import SQL_DIRECTORY
from actors.records.addresses import address_after, block_of, count_before, record_address, shard_of, slot_of
from actors.records.layout import FIELDS_OF_KIND, RECORD, REQUEST, RESULT, offset_of, packing

ROOT = Path(__file__).parents[2]
NUMBERS = re.compile(
    r"substring\(\s*\w*\.?records FROM \d{2}|(?:shardpay_int8|get_byte)\([\w.]+, \d|(?:address|record|place) (?:>>|&) \d"
)


WRITTEN_OTHERWISE = [
    "actors/export/columns.py: _NUMBERS: Final = 1 << 16",
    "actors/ledger/book.py: BATCH_NUMBERS: Final = 1 << 16",
    "actors/ledger/holds.py: CALLER_SLOTS: Final = 1 << 16",
    "switch/importer/runner.py: segments: NDArray[np.int64] = (high[:, 0] << 16 | high[:, 1] << 8 | high[:, 2]) >> 4",
]
"""Numbers that are no parts of addresses."""


@pytest.mark.parametrize("dtype", [REQUEST, RESULT, RECORD], ids=["request", "result", "record"])
def test_struct_and_numpy_see_the_same_values(dtype: np.dtype) -> None:
    row = np.zeros(1, dtype)
    for number, name in enumerate(dtype.names or (), 1):
        row[name] = number
    assert packing(dtype).unpack(row.tobytes()) == row[0].item()
    assert packing(dtype).pack(*row[0].item()) == row.tobytes()


def test_a_field_that_moves_moves_in_every_statement() -> None:
    for file in SQL_DIRECTORY.glob("*.sql"):
        for line in file.read_text().splitlines():
            assert line.startswith("--") or not NUMBERS.search(line), f"{file.name}: {line}"


def test_no_module_but_addresses_takes_addresses_apart() -> None:
    arithmetic = re.compile(
        r"(?:>>|<<) (?:8|16|52|SLOT_BITS|BLOCK_SHIFT|SHARD_SHIFT)\b|& (?:255|65_?535|0xFFFFFFFFFFF)\b|\* 65_?536\b"
    )
    wrong = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for top in ("actors", "switch")
        for path in sorted((ROOT / top).rglob("*.py"))
        if path.parts[-2:]
        not in (
            ("records", "addresses.py"),
            ("records", "ids.py"),
            ("database", "record_layout.py"),
            ("reference", "journal_format.py"),
        )
        for line in path.read_text().splitlines()
        if arithmetic.search(line) and not line.strip().startswith(("#", '"'))
    ]
    assert wrong == WRITTEN_OTHERWISE


def test_addresses_come_apart_as_they_were_put_together() -> None:
    address = record_address(1023, (1 << 44) - 1, 255)
    assert (shard_of(address), block_of(address), slot_of(address)) == (1023, (1 << 44) - 1, 255)
    first = record_address(3, 7, 0)
    for count in (0, 1, 49, 50, 51, 1000):
        assert count_before(address_after(first, count) - first) == count


def test_offsets_are_those_that_journals_have() -> None:
    known = {
        "kind": 0,
        "payer": 8,
        "amount": 24,
        "reference": 88,
        "record_time": 96,
        "payer_prev": 112,
        "flags": 136,
        "expiry": 152,
    }
    assert {name: offset_of(RECORD, name) for name in known} == known


def test_what_a_kind_calls_its_fields_are_fields() -> None:
    for kind, fields in FIELDS_OF_KIND.items():
        for name, field in fields.items():
            assert set(field.split()) <= set(RECORD.names or ()), (kind, name)
