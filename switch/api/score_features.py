"""Features that are published with scores.

With them a holder can recompute the score and ask what a change would give.

They are kept beside the record, where they can be erased. What is kept gives the published score, to the point: the card's own kernel is
asked before anything is published.
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.records.credit_layout import DIMENSIONS, ScoreRows
from models.credit.score import DAYS, PAYMENTS, Minimum, WalletScorer
from models.credit.shipped import shipped
from models.scorecard import Scorecard
from models.wording import counted
from switch.fairness.scheduling import STEP_ROWS, Steps
from switch.gateway.arrow import column_of
from switch.gateway.score_columns import ScoreTable
from switch.problems.table import invalid_field
from switch.views.credit_records import CreditDetails, credit_details

EVERYBODY: Final = Minimum(days=0, payments=0)
"""Who has a published score was known well enough to its publisher."""
KNOWN: Final = (DAYS, PAYMENTS)


class Features(NamedTuple):
    """The rows (k,) that come with features, and these, in the order of the card."""

    rows: NDArray[np.int64]
    table: pa.Table


def features_of(given: ScoreTable, card: Scorecard, rows: ScoreRows) -> Features | None:
    """The features of a batch; None when there are none. For a thread: most of it holds no interpreter. Raises ProblemError invalid_field
    unless they are those of the card and give what the rows say."""
    if "features" not in given.columns.column_names:
        return None
    array = column_of(given.columns, "features")
    wanted = card_features(card)
    names = [each.name for each in array.type]
    strange, missing = set(names) - set(wanted), set(wanted) - set(names)
    if strange or missing or len(names) > len(wanted):
        which = sorted(strange)[0] if strange else sorted(missing)[0] if missing else "one"
        wrong = "is not looked at by the card" if strange else "is missing" if missing else "is there twice"
        raise invalid_field("features", f"{which[:100]} {wrong}")
    there = array.is_valid().to_numpy(zero_copy_only=False)
    picked = np.flatnonzero(there & (rows["score"] > 0))
    chosen = array.take(pa.array(picked))
    features = Features(picked, pa.table({name: pc.struct_field(chosen, name) for name in wanted}))
    check_scores(card, rows, features)
    return features


def card_features(card: Scorecard) -> tuple[str, ...]:
    """What a card looks at, each once, in its order: the one in which they are kept."""
    return tuple(dict.fromkeys(item.feature for item in card.characteristics))


def check_scores(card: Scorecard, rows: ScoreRows, features: Features) -> None:
    """Raise ProblemError invalid_field for the first row whose features give another score, subtotals or reasons than it says."""
    table = features.table
    for name in KNOWN:
        if name not in table.column_names:
            table = table.append_column(name, pa.array(np.zeros(table.num_rows, np.int64)))
    try:
        found = WalletScorer(card, EVERYBODY).score_table(table).rows
    except ValueError as error:
        raise invalid_field("features", str(error)[:500]) from None
    scored = rows[features.rows]
    subtotals = np.zeros((len(scored), len(DIMENSIONS)), np.int64)
    subtotals[:, [DIMENSIONS.index(name) for name in card.dimensions]] = found.subtotals.T
    wrong = (
        (found.totals != scored["score"])
        | (subtotals != scored["subtotals"]).any(axis=1)
        | (found.reasons.T + 1 != scored["reasons"]).any(axis=1)
        | (found.gaps.T != scored["gaps"]).any(axis=1)
    )
    if wrong.any():
        at = int(np.argmax(wrong))
        message = f"they give {counted(int(found.totals[at]), 'point')} by this card, or other subtotals or reasons than the row says"
        raise invalid_field(f"features[{int(features.rows[at])}]", message)


def load_kernels() -> None:
    """Load the machine code that scores wallets: to compile it with the first batch takes seconds, in which the process answers nobody."""
    scorer = WalletScorer(shipped(), EVERYBODY)
    scorer.score_table(pa.table(dict.fromkeys(scorer.columns, pa.array([1]))))
    scorer.score(dict.fromkeys(scorer.columns))


def feature_details(features: Features) -> Steps[dict[int, bytes]]:
    """Details of scores by row."""
    found: dict[int, bytes] = {}
    for start in range(0, len(features.rows), STEP_ROWS):
        columns = [column.slice(start, STEP_ROWS).to_pylist() for column in features.table.columns]
        for row, values in zip(
            features.rows[start : start + STEP_ROWS].tolist(), zip(*columns, strict=True), strict=True
        ):
            entry = credit_details(CreditDetails(features=list(values)))
            assert entry is not None, "a card looks at something"
            found[row] = entry
        yield
    return found
