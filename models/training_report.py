"""What a training run found, as numbers: everything that the page shows, so whoever doubts a plot can compute it again.

Quality is measured on held-out folds, pooled where it is a curve. Stability (PSI) compares the rows with another table where one is
given, and otherwise the first half of the rows with the second, which shows drift where rows are in the order of time.
"""

from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation import Evaluator
from models.scorecard import Characteristic, Scorecard, card_hash
from models.statistics import Floats, auc, information_value, ks, probability, psi, roc
from models.training import Data, Fitted, Fold, LeftOut, Settings

DECILES: Final = 10
CURVE_POINTS: Final = 200
HISTOGRAM_BINS: Final = 30
HALVES: Final = "the second half of the rows against the first"


class BinReport(msgspec.Struct, frozen=True, kw_only=True):
    """One bin of a characteristic. The rate of one without rows is not known."""

    label: str
    rows: int
    bads: int
    bad_rate: float | None
    woe: float
    points: int


class CharacteristicReport(msgspec.Struct, frozen=True, kw_only=True):
    """One characteristic: its information value, its weight, how stable it is."""

    feature: str
    iv: float
    coefficient: float
    psi: float
    bins: tuple[BinReport, ...]


class FoldReport(msgspec.Struct, frozen=True, kw_only=True):
    """Quality on one held-out fold."""

    rows: int
    bads: int
    auc: float
    gini: float
    ks: float


class DecileReport(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the held-out rows by score: the bad rate that the score says, and the one there was."""

    score_min: int
    score_max: int
    rows: int
    predicted: float
    observed: float


class BandReport(msgspec.Struct, frozen=True, kw_only=True):
    """A band on held-out rows. `odds`: good rows for each bad one; none where there is no bad one."""

    name: str
    low: int
    rows: int
    bads: int
    odds: float | None
    odds_at_low: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of good and of bad held-out rows that score at or below each cut-off."""

    score: list[float]
    good: list[float]
    bad: list[float]


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out rows by score; `low` has one entry more, where the last bin ends."""

    low: list[float]
    good: list[int]
    bad: list[int]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a training run."""

    card: str
    version: int
    hash: str
    settings: Settings
    rows: int
    bads: int
    auc: float
    auc_sd: float
    gini: float
    ks: float
    training_auc: float
    pdo: float
    range: tuple[int, int]
    characteristics: tuple[CharacteristicReport, ...]
    left_out: tuple[LeftOut, ...]
    folds: tuple[FoldReport, ...]
    curve: Curve
    calibration: tuple[DecileReport, ...]
    distribution: Histogram
    bands: tuple[BandReport, ...]
    score_psi: float
    psi_of: str


def report_of(
    data: Data,
    fitted: Fitted,
    folds: list[Fold],
    settings: Settings,
    compared: pa.Table | None = None,
    compared_name: str = "",
) -> Report:
    """All figures. `compared`: rows with the card's features, to measure stability against; their outcome is not needed."""
    card = fitted.card
    evaluator = Evaluator(card)
    scores = evaluator.evaluate(evaluator.encode(data.table)).totals
    order = np.concatenate([fold.rows for fold in folds])
    held_out = np.concatenate([fold.scores for fold in folds])
    log_odds = np.concatenate([fold.log_odds for fold in folds])
    bad = data.bad[order]
    before, after = _halves(data.table) if compared is None else (data.table, compared)
    each = tuple(_fold(fold, data.bad) for fold in folds)
    return Report(
        card=card.name,
        version=card.version,
        hash=card_hash(card),
        settings=settings,
        rows=len(data.bad),
        bads=int(data.bad.sum()),
        auc=float(np.mean([fold.auc for fold in each])),
        auc_sd=float(np.std([fold.auc for fold in each])),
        gini=float(np.mean([fold.gini for fold in each])),
        ks=float(np.mean([fold.ks for fold in each])),
        training_auc=auc(scores, data.bad),
        pdo=fitted.factor * float(np.log(2)),
        range=(card.worst, card.best),
        characteristics=_characteristics(fitted, before, after),
        left_out=(*data.left_out, *fitted.left_out),
        folds=each,
        curve=_curve(held_out, bad),
        calibration=_calibration(held_out, log_odds, bad),
        distribution=_histogram(card, held_out, bad),
        bands=_bands(fitted, held_out, bad),
        score_psi=_score_psi(evaluator, before, after),
        psi_of=HALVES if compared is None else f"{compared_name} against the rows of training",
    )


def labels_of(item: Characteristic) -> list[str]:
    """What falls in each bin, in words; the last one is for what is missing."""
    if item.categories is not None:
        return [*(", ".join(group) for group in item.categories), "missing"]
    edges = [f"{edge / item.scale:,.10g}" for edge in item.edges or ()]
    if not edges:
        return ["any", "missing"]
    between = [f"{low} to under {high}" for low, high in pairwise(edges)]
    return [f"under {edges[0]}", *between, f"{edges[-1]} and more", "missing"]


def _halves(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    middle = table.num_rows // 2
    return table.slice(0, middle), table.slice(middle)


def _fold(fold: Fold, bad: NDArray[np.int64]) -> FoldReport:
    outcome = bad[fold.rows]
    area = auc(fold.scores, outcome)
    return FoldReport(
        rows=len(outcome), bads=int(outcome.sum()), auc=area, gini=2 * area - 1, ks=ks(fold.scores, outcome)
    )


def _characteristics(fitted: Fitted, before: pa.Table, after: pa.Table) -> tuple[CharacteristicReport, ...]:
    found = []
    for item, bins, coefficient in zip(fitted.card.characteristics, fitted.bins, fitted.coefficients, strict=True):
        rows = bins.goods + bins.bads
        points = [*item.points, item.missing]
        labels = labels_of(item)
        found.append(
            CharacteristicReport(
                feature=item.feature,
                iv=information_value(bins.goods, bins.bads),
                coefficient=coefficient,
                psi=psi(_counts(fitted.card, item, before), _counts(fitted.card, item, after)),
                bins=tuple(
                    BinReport(
                        label=labels[at],
                        rows=int(rows[at]),
                        bads=int(bins.bads[at]),
                        bad_rate=float(bins.bads[at] / rows[at]) if rows[at] else None,
                        woe=float(bins.weights[at]),
                        points=points[at],
                    )
                    for at in range(len(rows))
                ),
            )
        )
    return tuple(sorted(found, key=lambda item: (-item.iv, item.feature)))


def _counts(card: Scorecard, item: Characteristic, table: pa.Table) -> NDArray[np.int64]:
    """Rows by bin, then missing, then categories that training did not see: the place of each bin is scored as its points."""
    bins = len(item.points)
    unknown = None if item.categories is None else bins + 1
    places = msgspec.structs.replace(item, points=tuple(range(bins)), missing=bins, unknown=unknown)
    overrides = tuple(each for each in card.overrides or () if each.feature == item.feature) or None
    evaluator = Evaluator(Scorecard(name="places", version=1, characteristics=(places,), overrides=overrides))
    return np.bincount(evaluator.evaluate(evaluator.encode(table)).totals, minlength=bins + 2)


def _score_psi(evaluator: Evaluator, before: pa.Table, after: pa.Table) -> float:
    """Over the tenths of the scores before."""
    old = evaluator.evaluate(evaluator.encode(before)).totals
    new = evaluator.evaluate(evaluator.encode(after)).totals
    cuts = np.unique(np.quantile(old, np.arange(1, DECILES) / DECILES, method="higher"))
    counts = [
        np.bincount(np.searchsorted(cuts, scores, side="right"), minlength=len(cuts) + 1) for scores in (old, new)
    ]
    return psi(counts[0], counts[1])


def _curve(scores: NDArray[np.int64], bad: NDArray[np.int64]) -> Curve:
    cuts, goods, bads = roc(scores, bad)
    shown = np.unique(np.linspace(0, len(cuts) - 1, CURVE_POINTS).astype(np.int64))
    return Curve(score=cuts[shown].tolist(), good=goods[shown].tolist(), bad=bads[shown].tolist())


def _calibration(scores: NDArray[np.int64], log_odds: Floats, bad: NDArray[np.int64]) -> tuple[DecileReport, ...]:
    order = np.argsort(scores, kind="stable")
    predicted = probability(-log_odds)
    return tuple(
        DecileReport(
            score_min=int(scores[part[0]]),
            score_max=int(scores[part[-1]]),
            rows=len(part),
            predicted=float(predicted[part].mean()),
            observed=float(bad[part].mean()),
        )
        for part in np.array_split(order, DECILES)
    )


def _histogram(card: Scorecard, scores: NDArray[np.int64], bad: NDArray[np.int64]) -> Histogram:
    low = np.linspace(min(card.worst, int(scores.min())), max(card.best, int(scores.max())), HISTOGRAM_BINS + 1)
    goods, _ = np.histogram(scores[bad == 0], low)
    bads, _ = np.histogram(scores[bad == 1], low)
    return Histogram(low=low.tolist(), good=goods.tolist(), bad=bads.tolist())


def _bands(fitted: Fitted, scores: NDArray[np.int64], bad: NDArray[np.int64]) -> tuple[BandReport, ...]:
    bands = fitted.card.bands or ()
    place = np.searchsorted(np.array([band.low for band in bands[1:]], np.int64), scores, side="right")
    found = []
    for at, band in enumerate(bands):
        rows = int((place == at).sum())
        bads = int(bad[place == at].sum())
        found.append(
            BandReport(
                name=band.name,
                low=band.low,
                rows=rows,
                bads=bads,
                odds=(rows - bads) / bads if bads else None,
                odds_at_low=float(np.exp((band.low - fitted.offset) / fitted.factor)),
            )
        )
    return tuple(found)
