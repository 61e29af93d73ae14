"""The simulation catches a core that is broken in one place; the same seed is clean when it is whole."""

import pytest

from actors.shard.core import ShardCore
from tests.sim.breakages import BREAKAGES
from tests.sim.simulation import run_seed

SEEDS_MAX = 120
"""Within so many seeds, all of them clean in `test_simulation`, each breakage must show."""
SHOWN_BY = {
    "BelievesForEverThatAWalletDoesNotExist": 19,
    "BelievesItsCursors": 8,
    "CountsAPayeeAtTheEdgeOfAWindowTwice": 3,
    "CutsALinkedGroup": 3,
    "DropsAPageThatAPushOvertook": 3,
    "FilesStaleAnswersAboutOriginals": 2,
    "FollowsAStepOfTheClockAtOnce": 6,
    "ForgetsALostAnswer": 2,
    "ForgetsALostAnswerOfOneOfMany": 2,
    "ForgetsInACheckpointUntilWhenAReviewedHoldIsKept": 16,
    "ForgetsRefundsThatAreNotDurable": 8,
    "FreesAPayerWhomWindowsStillSee": 2,
    "IgnoresInANewRingThatAttemptsWereLost": 8,
    "KeepsAProfileThatAChangeOvertook": 29,
    "LetsAnUntriedRowSayThatNothingHappened": 2,
    "LosesWhatWaitsWhenThePushIsBusy": 2,
    "LosesWhoWaitsWhenAnOutcomeIsUnknown": 2,
    "OutlivesAFailover": 5,
    "SpeaksInTheNameOfWhoeverOwnsTheJournal": 16,
    "TakesAnotherHeadForItsOwn": 7,
    "TakesPushesOfAnotherTimeline": 8,
    "TellsOfRecordsThatItIsStillMaking": 5,
    "UsesASegmentAgain": 27,
    "WritesAgainUnderTheNextNumber": 2,
    "WritesNoCursorWithoutLegs": 4,
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
