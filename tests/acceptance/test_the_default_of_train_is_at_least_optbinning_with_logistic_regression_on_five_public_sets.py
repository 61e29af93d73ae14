"""On five public sets that nothing was tuned on, and on five that were looked at:
mean AUC over five held-out folds of the integer card that `train` makes by default, against optbinning with
logistic regression and the better of its treatments of missing values, minus 0.001.
Slow; tests/unit/models/training/test_against_optbinning.py has German credit in every run.
"""

import warnings

import pytest

from bench.measures.card_quality import quality
from bench.workload.credit_data import FIVE, UNTUNED, NotAvailable
from tests.extra import needs

needs("optbinning", reason="the peer is installed with the extra dev")

AUC_LOSS_MAX = 0.001


@pytest.mark.slow
@pytest.mark.parametrize("name", [*UNTUNED, *FIVE])
def test_the_default_of_train_is_at_least_as_good(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = quality(name)
        except NotAvailable as error:
            pytest.skip(str(error))
    assert found.card >= found.optbinning - AUC_LOSS_MAX
    assert 0.7 < found.optbinning < 1
