"""Labels, and which payments were refunded, come as arrays, ascending, also when there are none: of all, or of some."""

import numpy as np

from actors.database.connection import connect
from actors.database.label_rows import all_labels, all_refunded, labels_of, refunded_of
from actors.records.addresses import record_address
from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD, Kind


async def test_without_labels_there_are_empty_arrays_of_the_right_kinds(database_url: str) -> None:
    connection = await connect(database_url, name="test")
    try:
        addresses, frauds = await all_labels(connection)
    finally:
        await connection.close()
    assert (addresses.tolist(), frauds.tolist()) == ([], [])
    assert addresses.dtype == np.dtype(np.int64) and frauds.dtype == np.dtype(np.int8)


async def test_of_some_payments_it_is_what_it_is_of_all(database_url: str) -> None:
    kinds = (Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.REFUND, Kind.TRANSFER, Kind.REFUND, Kind.HOLD, Kind.CAPTURE)
    records = np.zeros(len(kinds), RECORD)
    records["kind"] = kinds
    paid, held, capture, of_capture, kept, refund, open_hold, other = (
        record_address(1, 5, slot) for slot in range(len(kinds))
    )
    connection = await connect(database_url, name="test")
    try:
        raw = bytes(HEADER_BYTES) + records.tobytes()
        await connection.execute("INSERT INTO journal (shard, block, records) VALUES (1, 5, $1)", raw)
        rows = [(held, capture), (capture, of_capture), (paid, refund), (open_hold, other)]
        await connection.copy_records_to_table("reference", columns=("target", "record"), records=rows)
        account = await connection.fetchval("INSERT INTO account (name) VALUES ('ann') RETURNING id")
        labels = [(kept, True, account), (paid, False, account)]
        await connection.copy_records_to_table("transfer_label", columns=("record", "fraud", "made_by"), records=labels)
        assert (await all_refunded(connection)).tolist() == [paid, held]
        everything = np.array([paid, held, kept, open_hold])
        assert (await refunded_of(connection, everything)).tolist() == [paid, held]
        assert (await refunded_of(connection, everything[1:])).tolist() == [held]
        assert (await refunded_of(connection, everything[:0])).tolist() == []
        for asked, known in ((everything, [(paid, 0), (kept, 1)]), (everything[1:], [(kept, 1)]), (everything[:0], [])):
            assert list(zip(*(each.tolist() for each in await labels_of(connection, asked)), strict=True)) == known
        assert [each.tolist() for each in await all_labels(connection)] == [[paid, kept], [0, 1]]
    finally:
        await connection.close()
