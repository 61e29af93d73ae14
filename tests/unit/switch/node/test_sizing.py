"""Keys are sized by memory unless the configuration says how many."""

from actors.database.pool import SESSIONS_MAX
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from switch.node.sizing import (
    GENERATIONS,
    KEY_BYTES_MAX,
    KEYS_MAX,
    KEYS_STEP,
    MEMORY_SHARE,
    keys_for,
    keys_statement,
    sessions_for,
    sessions_statement,
    sized,
)

GIB = 1 << 30


def test_both_generations_of_all_shards_fit_their_share_of_memory() -> None:
    for memory in (4 * GIB, 16 * GIB, 23 * GIB):
        for shards in (1, 2, 8):
            keys = keys_for(memory, shards)
            assert keys % KEYS_STEP == 0 and keys >= KEYS_STEP
            assert keys == KEYS_STEP or keys * shards * GENERATIONS * KEY_BYTES_MAX <= MEMORY_SHARE * memory
    assert keys_for(16 * GIB, 1) == 62_000_000
    assert keys_for(1 << 44, 1) == KEYS_MAX
    assert keys_for(1 << 20, 64) == KEYS_STEP


def test_a_capacity_that_was_configured_stays() -> None:
    for keys in (7, Capacity().keys):
        assert sized(Capacity(keys=keys), 16 * GIB, 1, configured=True).keys == keys
    assert sized(Capacity(holds=9), 16 * GIB, 2, configured=False) == Capacity(holds=9, keys=31_000_000)


def test_as_many_keys_as_are_sized_for_can_be_remembered() -> None:
    Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(16)), Capacity(keys=KEYS_MAX))


def test_the_start_says_nothing_of_keys_where_there_is_room_for_a_usual_load() -> None:
    for memory, shards in ((4 * GIB, 1), (16 * GIB, 1), (64 * GIB, 8)):
        assert keys_statement(keys_for(memory, shards), shards, configured=False) is None


def test_a_server_that_takes_fewer_sessions_than_the_switch_may_want_is_told_of() -> None:
    wanted = sessions_for(shards=32, scorers=1, front_doors=2)
    assert wanted > 3 * 32 + 2 * SESSIONS_MAX
    assert sessions_statement(wanted, wanted, embedded=True) is None
    for embedded, how in ((True, "name --shards once"), (False, "raise max_connections")):
        stated = sessions_statement(100, wanted, embedded=embedded)
        assert stated == f"PostgreSQL takes 100 sessions, and this switch may want {wanted}: " + (
            f"stop whatever uses it, and {how}" if embedded else how
        )


def test_the_start_says_how_many_were_configured_or_fit_a_small_machine() -> None:
    configured = keys_statement(62_000_000, 1, configured=True)
    assert configured == (
        "room for 62,000,000 idempotency keys: 717 new requests/s on average over 24 h (docs/operations/size.md)"
    )
    small = keys_statement(keys_for(GIB, 1), 1, configured=False)
    assert (
        small == "room for 3,000,000 idempotency keys: 34 new requests/s on average over 24 h (docs/operations/size.md)"
    )
