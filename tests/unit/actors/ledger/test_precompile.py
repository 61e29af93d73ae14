"""Once it was warm, a ledger compiles nothing: the first payment waits for no compiler."""

import subprocess
import sys

import pytest

from actors.ledger import precompile
from actors.ledger.ledger import Ledger
from actors.records.codes import Code
from actors.records.layout import Kind
from tests.compiled import COMPILED

COUNTS = """
import numpy as np
from models import jit
from numba.core.dispatcher import Dispatcher
import gc
from actors.ledger.precompile import warm
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.ledger.admission import Channels
from actors.records.addresses import record_address, wallet_address
from actors.records.layout import REQUEST, Kind
from rules.vocabulary.encodings import WalletKind

def compiled():
    return sum(len(each.signatures) for each in gc.get_objects() if isinstance(each, Dispatcher))

warm()
before = compiled()
ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(16)), Capacity(segments=2, segment_map=4, keys=99, payers=9,
                attempts=999, profiles=9, holds=9, originals=9))
ledger.advance(1)
ledger.book.owners[1] = 1
ledger.use_segment(1)
for block, (op, columns) in enumerate((
    (Kind.WALLET_OPENED, dict(kind=WalletKind.EXTERNAL, payee=1024)),
    (Kind.WALLET_OPENED, dict(kind=WalletKind.USER)),
    (Kind.TRANSFER, dict(payer=1024, payee=wallet_address(1, 0), amount=9)),
    (Kind.HOLD, dict(payer=wallet_address(1, 0), payee=1024, amount=1, expires_in_s=1)),
    (Kind.VOID, dict(payer=wallet_address(1, 0), payee=1024, after=record_address(0, 4, 0))),
), start=1):
    rows = np.zeros(1, REQUEST)
    rows["op"], rows["currency"], rows["key_lo"] = op, 978, block
    for name, value in columns.items():
        rows[name] = value
    first = record_address(0, block, 0)
    admitted = ledger.going_on(rows, ledger.admit(rows, Channels(np.zeros(1, np.int64), np.zeros(1, np.int64)), first - 1))
    ledger.columns(admitted)
    assert not ledger.apply(admitted, None, first).results["code"].any(), op
ledger.advance(5_000)
ledger.expire(record_address(0, 9, 0))
ledger.wallet(wallet_address(1, 0))
print(before > 20, compiled() - before)
"""
"""In a process of its own: other tests have compiled what else they call."""


@pytest.mark.long
@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_a_ledger_compiles_nothing_after_the_warm_up() -> None:
    done = subprocess.run([sys.executable, "-c", COUNTS], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == ["True", "0"], done.stderr


def test_a_step_that_is_refused_ends_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a change of the ledger could make it warm up nothing."""
    apply = Ledger.apply

    def declined(ledger: Ledger, *values: object) -> object:
        applied = apply(ledger, *values)  # type: ignore[arg-type]
        applied.records["code"][applied.records["kind"] == Kind.HOLD] = Code.INSUFFICIENT_FUNDS
        return applied

    monkeypatch.setattr(Ledger, "apply", declined)
    with pytest.raises(AssertionError, match="a step of the warm-up was refused"):
        precompile.warm()


def test_both_halves_of_the_warm_up_run_on_any_ledger() -> None:
    for _ in range(2):
        precompile.warm()
        precompile.warm_last()
