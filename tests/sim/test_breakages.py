"""The simulation catches a core that is broken in one place; the same seed is clean when it is whole."""

import pytest

from actors.shard.core import ShardCore
from tests.sim.breakages import BREAKAGES
from tests.sim.simulation import run_seed

SEEDS_MAX = 120
"""Within so many seeds, all of them clean in `test_simulation`, each breakage must show."""
SHOWN_BY = {
    "BelievesItsCursors": 39,
    "ForgetsALostAnswer": 13,
    "ForgetsRefundsThatAreNotDurable": 59,
    "DropsAPageThatAPushOvertook": 13,
    "FreesAPayerWhomWindowsStillSee": 2,
    "KeepsAProfileThatAChangeOvertook": 28,
    "NamesOnlyWhatItKnowsToBeDurable": 16,
    "ReadsOriginalsAndNotTheirRefunds": 11,
    "SpeaksInTheNameOfWhoeverOwnsTheJournal": 34,
    "UsesASegmentAgain": 38,
}
"""The first seeds that show what most do not, tried first to save half a minute. Another load has others: then all are tried."""


@pytest.mark.parametrize("broken", BREAKAGES, ids=lambda broken: broken.__name__)
def test_a_breakage_is_caught(broken: type[ShardCore]) -> None:
    for seed in dict.fromkeys((SHOWN_BY.get(broken.__name__, 0), *range(SEEDS_MAX))):
        error = run_seed(seed, broken).error
        if error is not None:
            print(f"seed {seed}: {error}")
            assert run_seed(seed).error is None
            return
    pytest.fail(f"not caught in {SEEDS_MAX} seeds")
