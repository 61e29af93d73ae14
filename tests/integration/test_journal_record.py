"""The view for people says of every record what its bytes say."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from actors.database.connection import connect
from actors.records import layout
from actors.records.addresses import record_address
from actors.records.ids import transfer_id
from actors.records.layout import RECORD, Kind
from actors.records.secret import Secret
from tests.journal_rows import journal

FLAGS = {name.removeprefix("FLAG_").lower(): value for name, value in vars(layout).items() if name.startswith("FLAG_")}
COUNT = 120


def some_records() -> Any:
    """Records of every kind with arbitrary values in every field."""
    chance = np.random.default_rng(3)
    records = np.frombuffer(bytearray(chance.bytes(COUNT * RECORD.itemsize)), RECORD)
    records["kind"] = chance.choice([int(kind) for kind in Kind], COUNT)
    records["kind"][: len(Kind)] = list(Kind)
    for name in ("record_time", "effective_time"):
        records[name] = chance.integers(1, 4_000_000_000_000, COUNT)
    records["expiry"] = np.where(chance.random(COUNT) < 0.5, 0, records["record_time"])
    records["flags"] %= 2048
    return records


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def shown(address: int, row: dict[str, Any]) -> dict[str, Any]:
    """What the view should say."""
    same = ("code", "payer", "payee", "amount", "currency", "payer_posted", "payee_posted", "payer_held", "reference")
    more = ("decision", "label", "channel", "caller", "pack", "points", "reasons", "payer_prev", "payee_prev")
    return {
        "shard": 3,
        "block": address >> 8 & (1 << 44) - 1,
        "slot": address & 255,
        "address": address,
        "kind": Kind(row["kind"]).name.lower(),
        "record_time": moment(row["record_time"]),
        "effective_time": moment(row["effective_time"]),
        "expiry": moment(row["expiry"]) if row["expiry"] else None,
        "flags": [name for name, bit in FLAGS.items() if row["flags"] & bit],
        **{name: row[name] for name in (*same, *more)},
    }


async def test_every_record_is_told_as_it_is(database_url: str) -> None:
    records = some_records()
    blocks = journal(3, [records])
    connection = await connect(database_url, name="test")
    try:
        rows = [(3, *block[:3]) for block in blocks]
        await connection.copy_records_to_table(
            "journal", columns=["shard", "block", "records", "details"], records=rows
        )
        seen = await connection.fetch("SELECT * FROM journal_record ORDER BY address")
        few = await connection.fetch("SELECT kind FROM journal_record WHERE shard = 3 AND block = 2")
    finally:
        await connection.close()
    names = RECORD.names or ()
    assert [dict(row) for row in seen] == [
        shown(record_address(3, 1 + i // 50, i % 50), dict(zip(names, records[i].item(), strict=True)))
        for i in range(COUNT)
    ]
    assert len(few) == 50


async def test_the_address_in_a_transfer_id_is_found(database_url: str) -> None:
    addresses = [record_address(3, 1, 0), record_address(1023, 2**44 - 1, 255), record_address(0, 7, 3)]
    secret = Secret.of(bytes(range(16)))
    connection = await connect(database_url, name="test")
    try:
        found = [
            await connection.fetchval(
                "SELECT shardpay_transfer_address($1)", transfer_id(secret, 1_700_000_000_000, address)
            )
            for address in addresses
        ]
    finally:
        await connection.close()
    assert found == addresses
