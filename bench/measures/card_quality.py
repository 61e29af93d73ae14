"""The integer scorecard against optbinning with logistic regression.

Same columns, same stratified folds, mean area under the ROC curve.
"""

from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from bench.workload.credit_data import SOURCES, credit_table
from models.evaluation import NULL
from models.scorecard import Override
from models.statistics import auc
from models.training.additive import log_odds_of
from models.training.extra import optional_module
from models.training.train import Data, Fold, Method, Settings, folds, prepare

FOREIGN_WORKER: Final = Override(
    feature="foreign_worker", because="compared with published figures; no person is scored"
)

ADDITIVE: Final = ("german", "taiwan", "boston", "lending", "loans")
"""Five public sets for additive cards, named before they were measured."""
DEFAULT: Final = Settings(name="default", target="default").method
"""That of `shardpay train`."""
MISSING: Final = (0, "empirical")
"""What optbinning puts for missing values: the average row's weight of evidence, or that of the missing ones."""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Mean AUC over the folds; optbinning's with the better of its treatments of missing values."""

    card: float
    optbinning: float


class AdditiveQuality(Quality, frozen=True, kw_only=True):
    """`card`: of the method additive. `functions`: those that it came from, before bins are joined and points rounded. `black_box`: boosted
    trees that may join columns, untuned."""

    functions: float
    black_box: float


def settings_of(name: str, method: Method = DEFAULT) -> Settings:
    """How a data set is trained on: without sex and marital status."""
    source = SOURCES[name]
    overrides = (FOREIGN_WORKER,) if name == "german" else ()
    return Settings(
        name=name, target=source.target, bad=source.bad, exclude=source.left_out, overrides=overrides, method=method
    )


def quality(name: str, method: Method = DEFAULT) -> Quality:
    """Both on a data set of `SOURCES`. Raises NotAvailable without the data, MissingExtra without optbinning."""
    settings = settings_of(name, method)
    data = prepare(credit_table(name), settings)
    held_out = folds(data, settings)
    return Quality(card=_mean_auc(data, held_out), optbinning=_peer_auc(data, settings, held_out))


def additive_quality(name: str) -> AdditiveQuality:
    """All on the same folds of a data set of `SOURCES`. Raises as `quality` does."""
    settings = settings_of(name, "additive")
    data = prepare(credit_table(name), settings)
    held_out = folds(data, settings)
    inputs = np.column_stack([np.where(column.values == NULL, np.nan, column.values) for column in data.columns])
    functions, black_box = [], []
    with optional_module("threadpoolctl").threadpool_limits(1):
        for fold in held_out:
            training = np.setdiff1d(np.arange(len(data.bad)), fold.rows)
            log_odds = log_odds_of(data.columns, (training, fold.rows), data.bad, data.weights, settings.seed)
            functions.append(auc(log_odds, data.bad[fold.rows]))
            model = _black_box().fit(inputs[training], data.bad[training])
            black_box.append(auc(-model.decision_function(inputs[fold.rows]), data.bad[fold.rows]))
    return AdditiveQuality(
        card=_mean_auc(data, held_out),
        optbinning=_peer_auc(data, settings, held_out),
        functions=float(np.mean(functions)),
        black_box=float(np.mean(black_box)),
    )


def _mean_auc(data: Data, held_out: list[Fold]) -> float:
    return float(np.mean([auc(fold.scores, data.bad[fold.rows]) for fold in held_out]))


def _peer_auc(data: Data, settings: Settings, held_out: list[Fold]) -> float:
    """optbinning's with the better of its treatments of missing values."""
    names = [item for item in data.table.column_names if item not in (settings.target, *settings.exclude)]
    theirs: dict[Any, list[float]] = {missing: [] for missing in MISSING}
    frame = peer_frame(data.table, names)
    for fold in held_out:
        training = np.setdiff1d(np.arange(len(data.bad)), fold.rows)
        binning = peer_binning(names, data.table)
        binning.fit(frame.iloc[training], data.bad[training])
        for missing, areas in theirs.items():
            inputs = [binning.transform(frame.iloc[rows], metric_missing=missing) for rows in (training, fold.rows)]
            model = _regression().fit(inputs[0], data.bad[training])
            areas.append(auc(-model.decision_function(inputs[1]), data.bad[fold.rows]))
    return max(float(np.mean(areas)) for areas in theirs.values())


def peer_frame(table: pa.Table, names: list[str]) -> Any:
    """Columns as optbinning takes them: floats with NaN, or objects."""
    columns = {}
    for name in names:
        column = table.column(name)
        if pa.types.is_string(column.type):
            columns[name] = np.array(column.to_pylist(), object)
        elif column.null_count:
            columns[name] = column.cast(pa.float64()).fill_null(np.nan).to_numpy()
        else:
            columns[name] = column.to_numpy()
    return optional_module("pandas").DataFrame(columns)


def peer_binning(names: list[str], table: pa.Table) -> Any:
    """optbinning with all its defaults."""
    texts = [name for name in names if pa.types.is_string(table.schema.field(name).type)]
    return optional_module("optbinning").BinningProcess(names, categorical_variables=texts)


def _black_box() -> Any:
    return optional_module("sklearn.ensemble").HistGradientBoostingClassifier(
        learning_rate=0.05, early_stopping=True, max_iter=600, n_iter_no_change=20, random_state=0
    )


def _regression() -> Any:
    return optional_module("sklearn.linear_model").LogisticRegression(max_iter=1_000)


def peer_scorecard(names: list[str], table: pa.Table, bad: Any, limits: tuple[int, int]) -> Any:
    """A fitted optbinning scorecard, scaled to a range."""
    card = optional_module("optbinning").Scorecard(
        binning_process=peer_binning(names, table),
        estimator=_regression(),
        scaling_method="min_max",
        scaling_method_params={"min": limits[0], "max": limits[1]},
    )
    return card.fit(peer_frame(table, names), bad)
