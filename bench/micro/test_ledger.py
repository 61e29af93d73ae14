"""Each step of a batch of 4,096 payments between 200,000 wallets, and the sealing of its records."""

from typing import Any

import numpy as np
import pytest

from actors.records.addresses import record_address
from actors.records.blocks import GENESIS, Writer, seal
from actors.records.ids import decode_wallets, encode_wallets
from actors.records.layout import RECORD
from bench.workload.ledger_load import LedgerLoad
from bench.workload.payments import payment_rows

WALLETS = 200_000
ROWS = 4_096
ROUNDS = 30
FIRST = record_address(0, 1_000_000, 0)


@pytest.fixture(scope="module")
def load() -> LedgerLoad:
    made = LedgerLoad(WALLETS, 8 * ROUNDS * ROWS, scored_rows=4 * ROUNDS * ROWS)
    for scored in (False, True):
        made.run(payment_rows(made.addresses, ROWS, made.rng), scored=scored)
    return made


def _admitted(load: LedgerLoad) -> Any:
    rows = payment_rows(load.addresses, ROWS, load.rng)
    return load.ledger.going_on(rows, load.ledger.admit(rows, load.channels, FIRST - 1))


def test_admit(benchmark: Any, load: LedgerLoad) -> None:
    def setup() -> Any:
        return (payment_rows(load.addresses, ROWS, load.rng), load.channels, FIRST - 1), {}

    admission = benchmark.pedantic(load.ledger.admit, setup=setup, rounds=ROUNDS)
    assert not admission.code.any() and not admission.duplicate.any()


def test_columns(benchmark: Any, load: LedgerLoad) -> None:
    columns = benchmark.pedantic(load.ledger.columns, setup=lambda: ((_admitted(load),), {}), rounds=ROUNDS)
    assert len(columns) == ROWS


def test_decide(benchmark: Any, load: LedgerLoad) -> None:
    columns = load.ledger.columns(_admitted(load))
    decisions = benchmark(load.decider.decide, columns)
    assert not decisions["action"].any()


def test_apply(benchmark: Any, load: LedgerLoad) -> None:
    def setup() -> Any:
        return (_admitted(load), None, FIRST), {}

    applied = benchmark.pedantic(load.ledger.apply, setup=setup, rounds=ROUNDS)
    assert len(applied.records) == ROWS and not applied.results["code"].any()


def test_seal(benchmark: Any) -> None:
    writer = Writer(0, 1, 7, bytes(16))
    records = np.frombuffer(np.random.default_rng(3).bytes(ROWS * RECORD.itemsize), RECORD)
    blocks, _ = benchmark(seal, writer, first=1, previous=GENESIS, seen=0, records=records, details={})
    assert blocks[-1].number == -(-ROWS // 50)


@pytest.mark.parametrize("count", [2, ROWS])
def test_decode_wallet_ids(benchmark: Any, load: LedgerLoad, count: int) -> None:
    addresses = load.addresses[:count]
    ids = encode_wallets(load.ledger.secret, addresses)
    decoded = benchmark(decode_wallets, load.ledger.secret, ids)
    assert np.array_equal(decoded, addresses)
