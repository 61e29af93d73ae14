"""How far a wallet's chain is ahead of a record is kept in 32 bits: exact within 24 days, in whole seconds beyond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records.chain_time import LAG_SECONDS, chain_time

NOW = 1_795_521_600_123
DAY_MS = 86_400_000


@given(st.integers(0, 2**42), st.integers(0, LAG_SECONDS - 1))
def test_a_lag_below_the_top_bit_is_milliseconds(effective: int, lag: int) -> None:
    assert int(chain_time(effective, lag)) == effective + lag


@pytest.mark.parametrize("days", [25, 400, 20_000])
def test_a_lag_with_the_top_bit_is_whole_seconds_between_whole_seconds(days: int) -> None:
    lag = LAG_SECONDS | days * 86_400
    assert int(chain_time(NOW, lag)) == NOW - NOW % 1_000 + days * DAY_MS
