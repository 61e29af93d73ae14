"""A snapshot holds all that a replay would rebuild, and one that does not fit changes nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger
from actors.ledger.table import table_slots, with_room
from actors.records.addresses import OPERATOR_SLOT_FIRST
from actors.records.layout import Kind
from rules.vocabulary.encodings import WalletKind
from tests.oracle import oracle_ledger
from tests.unit.actors.ledger.both import SMALL, Both, crowd, new_row

EXTERNAL, USER, OTHER = 1024, 1 << 16, (1 << 16) + 1


def opening(kind: int = 1, place: int = 0, tier: int = 0, **fields: int) -> oracle_ledger.Row:
    return new_row(Kind.WALLET_OPENED, kind=int(kind), payee=place, tier=tier, **fields)


def pay(payer: int, payee: int, amount: int, **fields: int) -> oracle_ledger.Row:
    return new_row(Kind.TRANSFER, payer=payer, payee=payee, amount=amount, **fields)


def act(world: Both, *rows: oracle_ledger.Row) -> list[int]:
    return [int(outcome["code"]) for outcome in world.batch([{**row, **world.fresh_key()} for row in rows])]


def small_world(**options: object) -> Both:
    world = Both(**options)  # type: ignore[arg-type]
    assert act(world, opening(WalletKind.EXTERNAL, EXTERNAL), opening(tier=1), opening()) == [0, 0, 0]
    assert act(world, pay(EXTERNAL, USER, 50_000)) == [0]
    return world


def test_a_snapshot_with_more_keys_than_a_generation_surely_holds_is_restored_all_the_same() -> None:
    world = small_world(scored=False)
    ledger = world.ledger
    ledger.book = ledger.book._replace(keys=with_room(ledger.book.keys, 20_000))
    crowd(ledger, 0)
    act(world, *[pay(USER, OTHER, 1)] * 40)
    fresh = Ledger(world.config, Capacity(segments=5, segment_map=16, keys=5, payers=200, attempts=6_000, profiles=100))
    assert len(fresh.book.keys.slots) < table_slots(ledger.book.keys)
    fresh.restore(world.ledger.snapshot(), world.ledger.keys_since_ms)
    world._check_fresh_keys(fresh)


def test_a_snapshot_that_does_not_fit_changes_nothing() -> None:
    world = small_world(scored=True)
    fresh = Ledger(world.config, Capacity(segments=5, segment_map=16, keys=5, payers=0, attempts=0, profiles=0))
    act(world, pay(USER, OTHER, 1))
    before = {name: array.tobytes() for name, array in fresh.snapshot().arrays.items()}
    with pytest.raises(ValueError, match="do not fit"):
        fresh.restore(world.ledger.snapshot(), 0)
    assert {name: array.tobytes() for name, array in fresh.snapshot().arrays.items()} == before
    assert not fresh.book.wallets["currency"][OPERATOR_SLOT_FIRST:].any()


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("credit.meta", lambda array: array.astype(np.float64)),
        ("credit.order_table.parts", lambda array: array[:, :1]),
        ("credit.meta", lambda array: np.append(array, 0)),
    ],
    ids=["another type", "another width", "more"],
)
def test_arrays_of_another_layout_do_not_fit(name: str, other: Callable[[Any], Any]) -> None:
    world = small_world(scored=False)
    kept = world.ledger.snapshot()
    kept.arrays[name] = other(kept.arrays[name])
    with pytest.raises(ValueError, match=f"{name}: .* do not fit"):
        Ledger(world.config, SMALL).restore(kept, 0)


def test_the_first_array_that_is_missing_is_named() -> None:
    world = small_world(scored=False)
    kept = world.ledger.snapshot()
    for name in ("credit.meta", "wallets", "profiles"):
        del kept.arrays[name]
    first = next(name for name in world.ledger.snapshot().arrays if name not in kept.arrays)
    with pytest.raises(ValueError, match=f"there is no {first}$"):
        Ledger(world.config, SMALL).restore(kept, 0)
