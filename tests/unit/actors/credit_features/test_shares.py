"""Shares are exact for all amounts that a ledger can hold."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from actors.credit_features.shares import shares
from models.credit.feature import RATIO_MAX, WHOLE

AMOUNTS = st.integers(0, 2**62 - 1) | st.integers(0, 2**20)


@given(AMOUNTS, AMOUNTS)
@example(2**49, 2**62 - 1)
@example(2**62 - 1, 2**62 - 2)
@example(2**49 + 1, 3)
def test_a_share_is_that_of_whole_numbers(part: int, whole: int) -> None:
    found, known = shares(np.array([part]), np.array([whole]))
    assert bool(known[0]) == (whole > 0)
    assert found[0] == (min(part * WHOLE // whole, RATIO_MAX) if whole else 0)
