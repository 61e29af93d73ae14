"""What a front door does before it listens."""

import subprocess
import sys

import pytest

_SCRIPT = """
import numpy as np
import pyarrow as pa

from actors.records import ids
from actors.records.credit_layout import SCORE_ROW
from actors.records.layout import RESULT
from actors.records.secret import Secret
from models import evaluation, placing
from models.credit import score
from models.credit.points_table import points_table
from models.credit.score import DAYS, PAYMENTS, WalletScorer
from models.credit.shipped import shipped
from switch.api.front_door import load_kernels
from switch.api.score_features import EVERYBODY, Features, check_scores
from switch.gateway.arrow import encode_results
from switch.problems.table import ProblemError

modules = ids, evaluation, placing, score
kernels = [each for module in modules for each in vars(module).values() if hasattr(each, "signatures")]
secret = Secret.of(bytes(16))
load_kernels(secret)
loaded = [len(each.signatures) for each in kernels]
list(encode_results(secret, np.zeros(3, RESULT)))
raw = ids.encode_wallets(secret, np.arange(3))
raw.flags.writeable = False
ids.decode_wallets(secret, raw[1:])
ids.decode_transfers(secret, raw[::2])
ids.decode_wallet(secret, ids.encode_wallet(secret, 7))
ids.transfer_id(secret, 2**41, 2**40)
card = shipped()
names = [item.feature for item in card.characteristics]
features = Features(np.arange(3), pa.table({name: pa.array([1, None, 7]) for name in names}))
try:
    check_scores(card, np.zeros(3, SCORE_ROW), features)
except ProblemError:
    pass
record = {**dict.fromkeys(names, 2), DAYS: 1, PAYMENTS: 1}
points_table(WalletScorer(card, EVERYBODY), record)
assert [len(each.signatures) for each in kernels] == loaded, "something was left to load"
"""


@pytest.mark.long
def test_no_machine_code_is_loaded_once_it_listens() -> None:
    ended = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
