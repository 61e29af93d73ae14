"""The simulation catches a core that is broken in one place; the same seed is clean when it is whole."""

import functools

import pytest

from actors.shard.core import ShardCore
from tests.sim.breakages import BREAKAGES
from tests.sim.simulation import run_seed

SEEDS_MAX = 100
"""Within so many seeds, all of them clean in `test_simulation`, each breakage must show."""
SHOWN_BY = {
    "ApprovesAfterTheExpiry": 3,
    "BelievesForEverThatAWalletDoesNotExist": 29,
    "BelievesItsCursors": 21,
    "CapturesADeadHold": 3,
    "CapturesAnApprovedHold": 8,
    "CountsAPayeeAtTheEdgeOfAWindowTwice": 2,
    "CollectsBehindTheBackOfWindows": 15,
    "CountsWhatWasDeleted": 34,
    "CutsALinkedGroup": 3,
    "FilesStaleAnswersAboutOriginals": 2,
    "ForgetsALostAnswer": 2,
    "ForgetsALostAnswerOfOneOfMany": 11,
    "ForgetsConsentsAfterACheckpoint": 25,
    "ForgetsDisputesAfterAStart": 4,
    "ForgetsInACheckpointUntilWhenAReviewedHoldIsKept": 2,
    "ForgetsItsClocksAfterAStart": 5,
    "ForgetsRefundsThatAreNotDurable": 56,
    "FreesAPayerWhomWindowsStillSee": 2,
    "IgnoresInANewRingThatAttemptsWereLost": 26,
    "KeepsAProfileThatAChangeOvertook": 27,
    "KeepsADeletedScore": 4,
    "LeavesCreditOutOfTheTransaction": 15,
    "LetsAnUntriedRowSayThatNothingHappened": 11,
    "LetsItsTimeGoBack": 3,
    "LosesWhatWasErased": 4,
    "NeverPassesADisputeOn": 4,
    "LosesWhatWaitsWhenThePushIsBusy": 2,
    "SaysYesWithoutAConsent": 15,
    "ScoresAWalletAgainInTheSameRun": 15,
    "SpeaksInTheNameOfWhoeverOwnsTheJournal": 96,
    "StoresACollectionWithoutItsOrder": 15,
    "TakesAnotherHeadForItsOwn": 9,
    "TakesPushesOfAnotherTimeline": 716,
    "UsesASegmentAgain": 12,
    "WritesNoCursorWithoutLegs": 6,
}
"""The first seeds that show what most do not, tried first to save half a minute. Another load has others: then all are tried."""


@functools.cache
def _unbroken(seed: int) -> str | None:
    """What is wrong with a seed without any breakage: one run for all that it shows."""
    return run_seed(seed).error


@pytest.mark.parametrize("broken", BREAKAGES, ids=lambda broken: broken.__name__)
def test_a_breakage_is_caught(broken: type[ShardCore]) -> None:
    for seed in dict.fromkeys((SHOWN_BY.get(broken.__name__, 0), *range(SEEDS_MAX))):
        error = run_seed(seed, broken).error
        if error is not None:
            print(f"seed {seed}: {error}")
            assert _unbroken(seed) is None
            return
    pytest.fail(f"not caught in {SEEDS_MAX} seeds")
