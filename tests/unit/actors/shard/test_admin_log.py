"""A shard's journal repeats the end of the log of administrators: each end once, also after a restart."""

from actors.records.admin_entries import LOG_SENDER
from actors.records.blocks import records_of
from actors.records.layout import SENDER, Kind
from actors.shard import messages as m
from actors.shard.channels import cursor_of
from tests.unit.actors.shard.one_shard import OneShard

HASH = bytes(range(32))


def repeated(shard: OneShard, *entries: int) -> list[tuple[int, bytes]]:
    """What the journal says of the log once it was told that it ends at these entries."""
    for entry in entries:
        shard.feed(m.AdminLogIs(entry=entry, hash=HASH))
    records = [each for block in shard.blocks for each in records_of(block.data)]
    found = [each for each in records if each["kind"] == Kind.CURSOR]
    assert all(each[SENDER] == LOG_SENDER and not each["digest"] and each["record_time"] for each in found)
    return [(cursor.block, cursor.hash) for cursor in map(cursor_of, found)]


def test_each_end_is_repeated_once_also_after_a_restart() -> None:
    shard = OneShard()
    assert repeated(shard) == []
    assert repeated(shard, 3, 3, 5, 5) == [(3, HASH[:16]), (5, HASH[:16])]
    assert len(repeated(shard.restarted(), 5)) == 2, "the journal remembers"
    assert repeated(shard, 6)[2:] == [(6, HASH[:16])]


def test_a_log_of_an_older_database_is_repeated_as_it_is() -> None:
    assert [entry for entry, _ in repeated(OneShard(), 5, 4)] == [5, 4]


def test_nothing_is_said_before_the_journal_is_open() -> None:
    shard = OneShard()
    blocks = len(shard.blocks)
    shard.core.serving = False
    shard.feed(m.AdminLogIs(entry=1, hash=HASH))
    assert len(shard.blocks) == blocks
