"""Recompute one row in 10,000 in plain Python while the job runs, and compare every figure.

Of each 10,000 rows of a file one is chosen, by a hash of the file and of where they are: the same ones in each run.
"""

import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.scoring import ScoredRows
from models.credit.score import DAYS, PAYMENTS, Cause
from models.evaluation import NONE
from models.hashing import splitmix64s
from models.plain_score import plain_score
from models.scorecard import Scorecard

ONE_IN: Final = 10_000
NOT_TEXT: Final = "\udcff"
"""In place of a text that is no UTF-8."""


def chosen(path: str, rows: NDArray[np.int64]) -> list[int]:
    """Places in `rows` (n,), which ascend, of those that are checked."""
    if not len(rows):
        return []
    blocks = np.arange(rows[0] // ONE_IN, rows[-1] // ONE_IN + 1)
    seed = (zlib.crc32(path.encode()) >> 1) << 32
    picked = blocks * ONE_IN + (splitmix64s(blocks + seed) % np.uint64(ONE_IN)).astype(np.int64)
    found = np.searchsorted(rows, picked)
    return [
        place
        for place, row in zip(found.tolist(), picked.tolist(), strict=True)
        if place < len(rows) and rows[place] == row
    ]


class SelfCheck:
    """The check of one card."""

    def __init__(self, card: Scorecard, settings: Settings, wallets: bool) -> None:
        self._card, self._settings, self._wallets = card, settings, wallets
        self._dimensions, self._reasons = card.dimensions, card.reasons
        features = [item.feature for item in card.characteristics]
        self._names = list(dict.fromkeys([*features, *((DAYS, PAYMENTS) if wallets else ())]))

    def __call__(self, path: str, rows: NDArray[np.int64], table: pa.Table, found: ScoredRows) -> int:
        """How many rows of a batch were recomputed. Raises RescoreRefused for one that differs."""
        places = chosen(path, rows)
        schema = table.schema  # which a table makes anew for whoever asks it for a column by its name
        columns = {name: table.column(schema.get_field_index(name)) for name in self._names} if places else {}
        for place in places:
            record = {name: _plain(_value(column[place])) for name, column in columns.items()}
            expected, given = self._expected(record), self._given(found, place)
            if expected != given:
                raise RescoreRefused(f"{path}, row {rows[place]}: scored {given}, but plain Python gives {expected}")
        return len(places)

    def _expected(self, record: Mapping[str, Any]) -> Any:
        if self._wallets:
            for name, least, cause in (
                (DAYS, self._settings.min_days, Cause.FEW_DAYS),
                (PAYMENTS, self._settings.min_payments, Cause.FEW_PAYMENTS),
            ):
                value = record[name]
                if (0 if value is None or value != value else int(value)) < least:
                    return int(cause)
        scored = plain_score(self._card, record)
        return (scored.score,) if self._settings.scores_only else (scored.score, scored.subtotals, scored.reasons)

    def _given(self, found: ScoredRows, place: int) -> Any:
        if found.causes[place]:
            return int(found.causes[place])
        scores = found.scores
        if self._settings.scores_only:
            return (int(scores.totals[place]),)
        named = zip(scores.reasons[:, place].tolist(), scores.gaps[:, place].tolist(), strict=True)
        return (
            int(scores.totals[place]),
            dict(zip(self._dimensions, scores.subtotals[:, place].tolist(), strict=True)),
            [(self._reasons[reason], gap) for reason, gap in named if reason != NONE],
        )


def _value(scalar: pa.Scalar) -> Any:
    """A value as Python has it; a text that is no UTF-8 as one that no card names."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return NOT_TEXT


def _plain(value: Any) -> Any:
    """A decimal is compared as the float that it is read as."""
    return float(value) if isinstance(value, Decimal) else value
