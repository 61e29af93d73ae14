"""What a front door does before it listens."""

import subprocess
import sys

_SCRIPT = """
import numpy as np

from actors.records import ids
from actors.records.layout import RESULT
from switch.api.front_door import load_kernels
from switch.gateway.arrow import encode_results

kernels = [each for each in vars(ids).values() if hasattr(each, "signatures")]
secret = ids.Secret.of(bytes(16))
load_kernels(secret)
loaded = [len(each.signatures) for each in kernels]
list(encode_results(secret, np.zeros(3, RESULT)))
raw = ids.encode_wallets(secret, np.arange(3))
raw.flags.writeable = False
ids.decode_wallets(secret, raw[1:])
ids.decode_transfers(secret, raw[::2])
ids.decode_wallet(secret, ids.encode_wallet(secret, 7))
ids.transfer_id(secret, 2**41, 2**40)
assert [len(each.signatures) for each in kernels] == loaded, "something was left to load"
"""


def test_no_machine_code_is_loaded_once_it_listens() -> None:
    ended = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
