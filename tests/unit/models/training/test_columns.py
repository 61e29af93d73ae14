"""A column of integers is encoded as the evaluator does it, nulls and the ends of each type too."""

import pyarrow as pa
import pytest

from models.evaluation import NULL
from models.scorecard import EDGE_MAX
from models.training.binning import column_of


@pytest.mark.parametrize(
    ("kind", "low", "high"), [(pa.int64(), -(2**63), 2**63 - 1), (pa.uint64(), 0, 2**64 - 1)], ids=str
)
def test_what_is_missing_is_null_and_what_lies_at_an_end_is_not(kind: pa.DataType, low: int, high: int) -> None:
    column = column_of("feature", pa.chunked_array([pa.array([None, low, 7, high], kind)]))
    assert column.values.tolist() == [NULL, max(low, -EDGE_MAX), 7, EDGE_MAX]
