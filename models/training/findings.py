"""One line for each thing that looks wrong in a table, before anybody relies on a card of it.

A column that gives the outcome away, rows that stand in the file twice, columns of a great many categories, an order of rows that is not
that of time. None of it is an error: some tables are like that.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation import NULL
from models.statistics import auc
from models.tidying import duplicated_rows, is_sorted
from models.training.binning import Column
from models.training.outcome import sorted_by_outcome

LEAK_AUC: Final = 0.98
"""No single thing known before the outcome separates good from bad so well."""
CHANCE_TIMES: Final = 10
"""Columns that go together make equal rows more often than estimated."""
CATEGORIES_MANY: Final = 100
"""So many are names or codes more often than categories."""


def findings_of(table: pa.Table, columns: Sequence[Column], bad: NDArray[np.int64], target: str) -> tuple[str, ...]:
    """One line for each thing."""
    return (
        *_leaks(columns, bad),
        *_many_categories(columns),
        *_twice(columns, bad),
        *_order(table, columns, bad, target),
    )


def gives_away(column: Column, bad: NDArray[np.int64]) -> float:
    """How well the column alone separates good from bad, as an area under the ROC curve of 0.5 to 1, by the bad rates of its cells."""
    cell = column.cell + 1
    rows = np.bincount(cell)
    rates = np.bincount(cell, bad) / np.maximum(rows, 1)
    return auc(-rates[cell], bad)


def _leaks(columns: Sequence[Column], bad: NDArray[np.int64]) -> Iterator[str]:
    for column in columns:
        if column.names is not None and len(column.names) > CATEGORIES_MANY:
            continue  # Almost every row has a category of its own: it identifies these rows and predicts nothing of others.
        area = gives_away(column, bad)
        if area >= LEAK_AUC:
            yield (
                f"{column.feature}: looks like leakage: it alone gives the outcome away (AUC {area:.3f}). Is it known before the "
                f"outcome? Leave it out with --exclude {column.feature} if not"
            )


def _many_categories(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if column.names is not None and len(column.names) > CATEGORIES_MANY:
            yield f"{column.feature}: {len(column.names):,} categories; --max-categories leaves such columns out"


def _twice(columns: Sequence[Column], bad: NDArray[np.int64]) -> Iterator[str]:
    """Only where there are many more than chance makes, which is what two rows agree in by chance, column by column, multiplied."""
    agreeing = 1.0
    for column in columns:
        shares = np.unique(column.values, return_counts=True)[1] / len(bad)
        agreeing *= float((shares**2).sum())
    by_chance = len(bad) ** 2 / 2 * agreeing
    twice = duplicated_rows([*(column.values for column in columns), bad])
    if twice > CHANCE_TIMES * by_chance:
        yield f"{twice:,} of {len(bad):,} rows stand in the file before, the same in every column: folds are not independent"


def _order(table: pa.Table, columns: Sequence[Column], bad: NDArray[np.int64], target: str) -> Iterator[str]:
    """The stability of halves is that of time only where rows are in the order of time."""
    if sorted_by_outcome(bad):
        yield f"rows are in the order of {target}, not of time: the halves' stability (PSI) says nothing"
        return
    times = [name for name in table.column_names if pa.types.is_temporal(table.schema.field(name).type)]
    for name in times:
        if not is_sorted(table.column(name)):
            yield f"rows are not in the order of {name}: the halves' stability (PSI) is not that of time"
    if times:
        return
    for column in columns:
        if (
            (column.values != NULL).all()
            and len(np.unique(column.values)) > 2
            and is_sorted(table.column(column.feature))
        ):
            yield f"rows are in the order of {column.feature}: if that is not time, the halves' stability (PSI) is not that of time"
