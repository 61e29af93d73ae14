"""What is recalled of a payer is what its windows are made of, for any number of attempts."""

import numpy as np

from actors.ledger.admission import Channels
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import record_address
from actors.shard import messages as m
from actors.shard.recall import recalled
from rules.vocabulary.columns import INDEX, WINDOW_NAMES, WINDOWS_MS
from switch.api.windows import window_of
from tests.unit.actors.shard.one_shard import SMALL, OneShard
from tests.unit.actors.shard.test_preview import BANK, payment

HALF_A_DAY_MS = 43_200_000


def test_the_windows_of_what_is_recalled_are_those_of_the_next_payment() -> None:
    """Of rings of none, of a few, moved to more room, and full; times go on so far that attempts leave."""
    shard, seed = OneShard(), np.random.default_rng(7)
    ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(16)), SMALL)
    ledger.book = shard.core.ledger.book
    payer, payees = shard.wallet(balance=10**6), [shard.wallet() for _ in range(3)]
    channels, first = Channels(np.zeros(1, np.int64), np.zeros(1, np.int64)), record_address(0, 500, 0)
    for number in range(150):
        ledger.advance(ledger.record_time + int(seed.choice([1_000, 600_000, HALF_A_DAY_MS], p=[0.8, 0.19, 0.01])))
        rows = payment(shard, payer, payees[number % 3], 1 + number % 7)
        admitted = ledger.going_on(rows, ledger.admit(rows, channels, first - 1))
        found = recalled(ledger.book, payer)
        assert found is not None and found.times == sorted(found.times)
        (columns,) = ledger.columns(admitted)
        for bit, (name, length) in enumerate(zip(WINDOW_NAMES, WINDOWS_MS, strict=True)):
            window = window_of(found, name, length, int(columns[INDEX["effective_time"]]))
            seen = tuple(int(columns[INDEX[f"{what}_{name}"]]) for what in ("count", "sum", "max", "payees"))
            assert (window.count, window.sum, window.max, window.payees) == seen, (number, name)
            assert window.complete is not bool(columns[INDEX["saturated"]] >> bit & 1)
        assert found.day_total == columns[INDEX["payer_day_total"]] or found.day < ledger.record_time // 86_400_000
        ledger.apply(admitted, None, first)
        first = record_address(0, 501 + number, 0)


def test_nothing_is_recalled_of_an_operator_of_a_stranger_and_where_nothing_is_counted() -> None:
    shard = OneShard()
    payer = shard.wallet(balance=5)
    assert recalled(shard.core.ledger.book, BANK) is None
    assert recalled(shard.core.ledger.book, payer + 10**9) is None
    assert shard.ask(lambda ref: m.Recall(ref=ref, wallet=payer)) is None, "this shard runs unscored"
