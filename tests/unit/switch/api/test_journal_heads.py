"""What a head says of a journal that is empty, and of a block that is not as it was sealed."""

from switch.api.journal_heads import _head


def test_an_empty_journal_has_no_head() -> None:
    head = _head((3, None, None, 2))
    assert (head.shard, head.block, head.segments) == (3, 0, 2)
    assert (head.hash, head.previous, head.whole, head.written_at) == (None, None, None, None)


def test_what_is_no_block_is_told_and_hashed_all_the_same() -> None:
    for data in (b"x", bytes(500)):
        head = _head((0, 9, data, 1))
        assert (head.block, head.whole, head.written_at) == (9, False, None)
        assert head.hash is not None and len(head.hash) == 64
