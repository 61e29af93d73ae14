"""The page of a training run needs nothing else, whatever script names are in."""

import numpy as np
import pyarrow as pa
import pytest

from models.training.page import page
from models.training.report import report_of
from models.training.train import (
    fit,
    folds,
    prepare,
)
from tests.extra import needs
from tests.unit.models.training.sample import BAD, ROWS, X, settings

pytestmark = pytest.mark.long
needs("optbinning")
RNG = np.random.default_rng(12)


def test_names_in_any_script_have_reasons_of_their_own_and_a_page() -> None:
    city = np.where(BAD == 1, RNG.choice(["北京", "上海"], ROWS), RNG.choice(["上海", "广州"], ROWS))
    data = prepare(pa.table({"收入": X, "城市": city, "bad": BAD}), settings())
    fitted = fit(data, settings())
    assert {item.reason for item in fitted.card.characteristics} == {"收入", "城市"}
    assert "城市" in page(report_of(data, fitted, folds(data, settings()), settings()))
