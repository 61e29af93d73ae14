"""What every store asserts of an append before it touches anything: one shard, numbers in a row, records that fit a page."""

import pytest

from actors.journal.interface import RECORDS_BYTES_MAX, Block, BlockConflict, JournalError, OutcomeUnknown, check_append
from tests.journal_blocks import blocks


@pytest.mark.parametrize(
    "good",
    [
        blocks(0, 1),
        blocks(7, 3),
        blocks(0, 2, size=0),
        blocks(0, 1, size=RECORDS_BYTES_MAX, details=b"d" * 5_000_000),
    ],
    ids=["one", "in the middle", "empty", "full"],
)
def test_a_good_append_is_taken(good: list[Block]) -> None:
    check_append(good)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([], "at least one block"),
        (blocks(0, 1) + blocks(2, 1), "block 2 after 0"),
        (blocks(5, 2)[::-1], "block 5 after 6"),
        (blocks(3, 1) * 2, "block 3 after 3"),
        (blocks(0, 1) + blocks(1, 1, shard=2), "block of shard 2 among those of shard 1"),
        (blocks(0, 1) + blocks(1, 1, size=RECORDS_BYTES_MAX + 1), f"{RECORDS_BYTES_MAX + 1} bytes of records"),
    ],
)
def test_an_append_that_no_store_could_keep_is_a_bug_of_the_caller(wrong: list[Block], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_append(wrong)


@pytest.mark.parametrize(("details", "size"), [(None, 4), (b"", 4), (b"123", 7)])
def test_the_size_of_a_block_is_that_of_records_and_details(details: bytes | None, size: int) -> None:
    assert Block(shard=1, number=1, records=b"r" * 4, details=details).size == size


def test_only_expected_ends_are_journal_errors() -> None:
    assert issubclass(BlockConflict, JournalError) and issubclass(OutcomeUnknown, JournalError)
    assert not issubclass(JournalError, OSError)
