"""The audit follows a wallet's chain time as the ledger makes it, however late a record came, and notices one that is not so."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.audit.balances import STATE, _chained
from actors.records.chain_time import chain_time, lag_of

MONTH_MS = 31 * 86_400_000


@settings(deadline=None)  # the first call loads a kernel
@given(st.lists(st.integers(1, 4 * MONTH_MS), min_size=1, max_size=12))
def test_chain_times_are_those_of_the_ledger(times: list[int]) -> None:
    wallet, newest = np.zeros(1, STATE)[0], 0
    for address, effective in enumerate(times, start=1):
        lag = int(lag_of(newest, effective))
        for wrong in (lag + 1, lag - 1):
            if wrong >= 0:
                assert _chained(wallet.copy(), wallet["head"], wrong, effective, address) != 0
        assert _chained(wallet, wallet["head"], lag, effective, address) == 0
        newest = int(chain_time(effective, lag))
        assert wallet["chain_time"] == newest
