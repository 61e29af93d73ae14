"""A sample of a thousand rows: one column that says something of the outcome, and what else a test puts beside it."""

from typing import Any

import numpy as np
import pyarrow as pa

from models.training.train import Data, Settings, fit

ROWS = 1_200
_RNG = np.random.default_rng(11)
X = _RNG.normal(50, 12, ROWS).round(1)
BAD = (_RNG.random(ROWS) < 1 / (1 + np.exp(0.08 * (X - 35)))).astype(np.int64)


def settings(**changes: Any) -> Settings:
    """Of weights of evidence alone: the other method has tests of its own, and takes five times as long."""
    return Settings(**{"name": "sample", "target": "bad", "method": "logistic", **changes})


def table(**columns: Any) -> pa.Table:
    return pa.table({"x": X, "bad": BAD, **columns})


def stated(data: Data) -> str:
    return "\n".join(data.notes)


def points_of(data: Data, feature: str, **changes: Any) -> Any:
    (found,) = [item for item in fit(data, settings(**changes)).card.characteristics if item.feature == feature]
    return found
