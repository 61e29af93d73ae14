"""20 million wallets on one machine, in one shard: a payment over HTTP takes at most a fifth longer than with 10 thousand. The benchmark
starts the switch again from its checkpoint, audits the journal afterwards and fails on any difference."""

from pathlib import Path

import pytest

from bench.measures import growth
from bench.report.options import Options

BYTES_A_WALLET_MAX = 256
LARGE = growth.Sizes(
    last=growth.Stage(wallets=20_000_000, keys=22_000_000), rows=32_768, holds=1_000_000, warm_up_s=3.0, seconds=8.0
)


@pytest.mark.slow
def test_twenty_million_wallets_cost_a_payment_a_fifth_at_most(server_place: Path) -> None:
    figures = growth.run_sizes(Options(work=server_place, say=print, rounds=3), LARGE)
    for each in figures:
        print(f"{each.case}: {each.median:.2f} {each.unit}, aim {each.aim}")
    found = {each.case: each for each in figures}
    (ratio,) = [each for case, each in found.items() if case.startswith("p50 over HTTP") and " / " in case]
    assert ratio.median <= growth.RATIO_AIM
    assert found["memory a wallet"].median <= BYTES_A_WALLET_MAX
