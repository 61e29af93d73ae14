"""20 million wallets on one machine, in one shard: a payment over HTTP takes at most a fifth longer than with 10 thousand. In short with 20
thousand, and generously. The benchmark audits the journal afterwards and fails on any difference."""

from pathlib import Path

import pytest

from bench import growth
from bench.figures import Figure
from bench.options import Options

GENEROUS = 3.0
BYTES_A_WALLET_MAX = 256
LARGE = growth.Sizes(
    last=growth.Stage(wallets=20_000_000, keys=22_000_000), rows=32_768, holds=100_000, warm_up_s=3.0, seconds=8.0
)


def _measured(place: Path, sizes: growth.Sizes, rounds: int) -> dict[str, Figure]:
    figures = growth.run_sizes(Options(work=place, say=print, rounds=rounds), sizes)
    for each in figures:
        print(f"{each.case}: {each.median:.2f} {each.unit}, aim {each.aim}")
    return {each.case: each for each in figures}


def _ratio(figures: dict[str, Figure]) -> float:
    (found,) = [each for case, each in figures.items() if case.startswith("p50 over HTTP") and " / " in case]
    return found.median


def test_ten_times_the_wallets_cost_a_payment_little(server_place: Path) -> None:
    figures = _measured(server_place, growth.QUICK, rounds=1)
    assert _ratio(figures) < GENEROUS
    assert {"a wallet", "a remembered key", "an open hold"} == {
        case.removeprefix("memory ") for case in figures if case.startswith("memory ")
    }


@pytest.mark.slow
def test_twenty_million_wallets_cost_a_payment_a_fifth_at_most(server_place: Path) -> None:
    figures = _measured(server_place, LARGE, rounds=3)
    assert _ratio(figures) <= growth.RATIO_AIM
    assert figures["memory a wallet"].median <= BYTES_A_WALLET_MAX
