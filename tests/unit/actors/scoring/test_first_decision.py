"""What a shard and a scorer have compiled before they are ready is what the first payment needs."""

import subprocess
import sys

import pytest

_SCRIPT = """
import numpy as np

from actors.ledger import apply
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Admitted, Ledger, LedgerConfig
from actors.records.addresses import record_address
from actors.records.layout import REQUEST
from models import card_rows
from rules.builtin import PACK
from rules.decisions import counting, pack
from rules.decisions.decision import DECISION
from rules.vocabulary.columns import COLUMN_COUNT

kernels = [each for room in (apply, card_rows, counting, pack) for each in vars(room).values() if hasattr(each, "signatures")]
decider = pack.Decider(PACK)
counting.warm(decider)
small = Capacity(segments=4, segment_map=8, keys=64, payers=8, attempts=512, profiles=8, holds=8, originals=8)
book = Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), small)
none = np.zeros(0, np.int64)
rows = Admitted(none, np.zeros(0, REQUEST), none, none, none, 0, 0)
book.apply(rows, None, record_address(0, 1, 0))
loaded = [len(each.signatures) for each in kernels]
assert sum(loaded) > 5
columns = np.frombuffer(np.zeros((1, COLUMN_COUNT), np.int64).tobytes(), np.int64).reshape(1, COLUMN_COUNT)
decisions = np.frombuffer(decider.decide(columns).tobytes(), DECISION)
assert not columns.flags.writeable and not decisions.flags.writeable, "as they come with a message"
book.apply(rows, decisions[:0], record_address(0, 1, 0))
assert [len(each.signatures) for each in kernels] == loaded, "something was left to compile"
"""


@pytest.mark.long
def test_nothing_is_compiled_at_the_first_decision() -> None:
    ended = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
