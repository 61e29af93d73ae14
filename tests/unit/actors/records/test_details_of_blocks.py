"""What is erased of a block's details leaves the others as they were, and no way to try it out."""

import msgspec

from actors.records.blocks import details_digest, entries_of, header_of, without_entries
from actors.records.layout import Kind
from tests.journal_rows import journal, record

ENTRIES = {at: msgspec.msgpack.encode({"text": f"text of {at}"}) for at in (0, 2, 3)}


def test_entries_are_taken_out_one_by_one() -> None:
    (block,) = journal(0, [record(Kind.TRANSFER) for _ in range(5)], details=ENTRIES)
    assert block.details is not None and header_of(block.data).details_digest == details_digest(block.details)
    left = without_entries(block.details, {2: None, 4: None}, bytes(range(16)))
    assert {slot: bytes(raw) for slot, raw in entries_of(left).items()} == {at: ENTRIES[at] for at in (0, 3)}
    assert b"text of 2" not in left and entries_of(block.details).keys() == ENTRIES.keys()
    assert entries_of(without_entries(left, {0: None, 3: None}, bytes(16))) == {}
    other = without_entries(block.details, {2: b"\x80"}, bytes(16))
    assert {slot: bytes(raw) for slot, raw in entries_of(other).items()} == ENTRIES | {2: b"\x80"}


def test_the_salt_goes_with_what_it_salted() -> None:
    (block,) = journal(0, [record(Kind.TRANSFER)], details={0: ENTRIES[0]})
    assert block.details is not None
    (salt, _) = msgspec.msgpack.decode(block.details)
    assert salt not in without_entries(block.details, {0: None}, bytes(range(16)))
