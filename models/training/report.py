"""What a training run found, as numbers.

Everything that the page shows, so whoever doubts a plot can compute it again.

Quality is measured on held-out folds, pooled where it is a curve. Stability (PSI) compares the rows with another table where one is
given, and otherwise the first half of the rows with the second, which shows drift where rows are in the order of time.
Rows are counted as they are; rates, shares and quality count each row by its weight.
"""

from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation import Evaluator
from models.scorecard import Characteristic, Scorecard, card_hash
from models.statistics import Floats, auc, ks, probability, psi, roc
from models.tidying import kinds_that_differ
from models.training.binning import Bins, Plan, weights_of
from models.training.segments import Held, SegmentReport, WeeksReport, segment_report, weeks_report
from models.training.train import Data, Fitted, Fold, Settings
from models.training.weighed import LeftOut

DECILES: Final = 10
CUTOFFS: Final = 20
CURVE_POINTS: Final = 200
HISTOGRAM_BINS: Final = 30
HALVES: Final = "the second half of the rows against the first"


class BinReport(msgspec.Struct, frozen=True, kw_only=True):
    """One bin of a characteristic. The rate of one without rows is not known. `iv`: its part of the characteristic's information value."""

    label: str
    rows: int
    share: float
    bads: int
    bad_rate: float | None
    woe: float
    iv: float
    points: int


class CharacteristicReport(msgspec.Struct, frozen=True, kw_only=True):
    """One characteristic: its information value, its weight with its standard error, how stable it is, and the other characteristic whose
    weights of evidence go most with its own. `first`: for what share of held-out rows its reason is the first."""

    feature: str
    reason: str
    iv: float
    coefficient: float
    error: float
    psi: float
    closest: str | None
    correlation: float
    first: float
    bins: tuple[BinReport, ...]


class FoldReport(msgspec.Struct, frozen=True, kw_only=True):
    """Quality on one held-out fold."""

    rows: int
    bads: int
    auc: float
    gini: float
    ks: float


class DecileReport(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the held-out rows by score, the riskiest first: the bad rate, predicted and observed; the share of all
    bad rows in it and in those before it, and how many times as many that is as chance would put there."""

    score_min: int
    score_max: int
    rows: int
    bads: int
    predicted: float
    observed: float
    captured: float
    lift: float


class CutoffReport(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from accepting held-out rows that score at least `score`: shares of all rows, of the good and of the bad ones."""

    score: int
    accepted: float
    accepted_good: float
    accepted_bad: float
    bad_rate: float | None


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


class TrainingReport(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a training run. `correlations`: of the characteristics' weights of evidence, in the order of `characteristics`."""

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
    correlations: tuple[tuple[float, ...], ...]
    plan: Plan
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    folds: tuple[FoldReport, ...]
    curve: Curve
    calibration: tuple[DecileReport, ...]
    segments: tuple[SegmentReport, ...]
    weeks: WeeksReport | None
    cutoffs: tuple[CutoffReport, ...]
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
) -> TrainingReport:
    """All figures. `compared`: rows with the card's features, to measure stability against; their outcome is not needed."""
    card = fitted.card
    evaluator = Evaluator(card)
    scores = evaluator.evaluate_table(data.table).totals
    order = np.concatenate([fold.rows for fold in folds])
    held_out = np.concatenate([fold.scores for fold in folds])
    log_odds = np.concatenate([fold.log_odds for fold in folds])
    bad, weights = data.bad[order], data.weights[order]
    held = Held(scores=held_out, log_odds=log_odds, bad=bad, weights=weights)
    before, after = _halves(data.table) if compared is None else (data.table, compared)
    each = tuple(_fold(fold, data) for fold in folds)
    characteristics, correlations = _characteristics(data, fitted, evaluator, before, after)
    return TrainingReport(
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
        training_auc=auc(scores, data.bad, data.weights),
        pdo=fitted.factor * float(np.log(2)),
        range=(card.worst, card.best),
        characteristics=characteristics,
        correlations=correlations,
        plan=fitted.plan,
        notes=data.notes,
        left_out=(*data.left_out, *fitted.left_out),
        folds=each,
        curve=_curve(held_out, bad, weights),
        calibration=_calibration(held_out, log_odds, bad, weights),
        segments=tuple(segment_report(name, data.table.column(name).take(order), held) for name in settings.segments),
        weeks=None
        if settings.time is None
        else weeks_report(settings.time, data.table.column(settings.time).take(order), held),
        cutoffs=_cutoffs(held_out, bad, weights),
        distribution=_histogram(card, held_out, bad),
        bands=_bands(fitted, held_out, bad, weights),
        score_psi=_score_psi(Evaluator(lenient(card)), before, after),
        psi_of=HALVES if compared is None else f"{compared_name} against the rows of training",
    )


def refuse_compared(data: Data, compared: pa.Table | None, name: str) -> None:
    """Raises ValueError for a table to compare with that lacks a column that the card may use, or holds it as another kind."""
    if compared is None:
        return
    names = [column.feature for column in data.columns]
    wrong = kinds_that_differ(data.table, compared, names)
    if wrong:
        raise ValueError(f"{name}: {'; '.join(wrong)}. --exclude leaves a column out")
    if not compared.num_rows:
        raise ValueError(f"{name}: no rows to compare with")


def labels_of(item: Characteristic) -> list[str]:
    """What falls in each bin, in words; the last one is for what is missing."""
    if item.categories is not None:
        return [*(", ".join(group) for group in item.categories), "missing"]
    edges = [f"{edge / item.scale:,.10g}" for edge in item.edges or ()]
    if not edges:
        return ["any", "missing"]
    between = [
        f"{edges[at]} to under {edges[at + 1]}" if high > low + 1 else f"exactly {edges[at]}"
        for at, (low, high) in enumerate(pairwise(item.edges or ()))
    ]
    return [f"under {edges[0]}", *between, f"{edges[-1]} and more", "missing"]


def lenient(card: Scorecard) -> Scorecard:
    """The card as it scores rows of which some hold categories that it calls an error: those get the fewest points."""
    items = tuple(
        msgspec.structs.replace(item, unknown=min(*item.points, item.missing)) if item.unknown == "error" else item
        for item in card.characteristics
    )
    return msgspec.structs.replace(card, characteristics=items)


def _halves(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    middle = table.num_rows // 2
    return table.slice(0, middle), table.slice(middle)


def _fold(fold: Fold, data: Data) -> FoldReport:
    outcome, weights = data.bad[fold.rows], data.weights[fold.rows]
    area = auc(fold.scores, outcome, weights)
    return FoldReport(
        rows=len(outcome), bads=int(outcome.sum()), auc=area, gini=2 * area - 1, ks=ks(fold.scores, outcome, weights)
    )


def _characteristics(
    data: Data, fitted: Fitted, evaluator: Evaluator, before: pa.Table, after: pa.Table
) -> tuple[tuple[CharacteristicReport, ...], tuple[tuple[float, ...], ...]]:
    """By information value, and the correlations of their weights of evidence in that order."""
    columns = {column.feature: column for column in data.columns}
    inputs = np.array([weights_of(bins, columns[bins.feature].values) for bins in fitted.bins])
    together = np.atleast_2d(np.corrcoef(inputs))
    firsts = evaluator.evaluate_table(data.table).reasons[0]
    found = []
    for at, (item, bins) in enumerate(zip(fitted.card.characteristics, fitted.bins, strict=True)):
        others = np.abs(np.delete(together[at], at))
        closest = int(np.argmax(others)) if len(others) else None
        place = None if closest is None else closest + (closest >= at)
        found.append(
            CharacteristicReport(
                feature=item.feature,
                reason=item.reason,
                iv=bins.iv,
                coefficient=fitted.coefficients[at],
                error=fitted.errors[at],
                psi=psi(_counts(fitted.card, item, before), _counts(fitted.card, item, after)),
                closest=None if place is None else fitted.bins[place].feature,
                correlation=0.0 if place is None else float(together[at, place]),
                first=float((firsts == fitted.card.reasons.index(item.reason)).mean()),
                bins=_bin_reports(item, bins),
            )
        )
    order = sorted(range(len(found)), key=lambda at: (-found[at].iv, found[at].feature))
    rows = tuple(tuple(float(together[one, other]) for other in order) for one in order)
    return tuple(found[at] for at in order), rows


def _bin_reports(item: Characteristic, bins: Bins) -> tuple[BinReport, ...]:
    points = [*item.points, item.missing]
    weight = bins.goods + bins.bads
    return tuple(
        BinReport(
            label=label,
            rows=int(bins.rows[at]),
            share=float(weight[at] / weight.sum()),
            bads=round(float(bins.bads[at])),
            bad_rate=float(bins.bads[at] / weight[at]) if weight[at] else None,
            woe=float(bins.weights[at]),
            iv=float(bins.ivs[at]),
            points=points[at],
        )
        for at, label in enumerate(labels_of(item))
    )


def _counts(card: Scorecard, item: Characteristic, table: pa.Table) -> NDArray[np.int64]:
    """Rows by bin, then missing, then categories that training did not see: the place of each bin is scored as its points."""
    bins = len(item.points)
    unknown = None if item.categories is None else bins + 1
    places = msgspec.structs.replace(item, points=tuple(range(bins)), missing=bins, unknown=unknown)
    overrides = tuple(each for each in card.overrides or () if each.feature == item.feature) or None
    evaluator = Evaluator(Scorecard(name="places", version=1, characteristics=(places,), overrides=overrides))
    return np.bincount(evaluator.evaluate_table(table).totals, minlength=bins + 2)


def _score_psi(evaluator: Evaluator, before: pa.Table, after: pa.Table) -> float:
    """Over the tenths of the scores before; scores below and above all of them are by themselves."""
    old = evaluator.evaluate_table(before).totals
    new = evaluator.evaluate_table(after).totals
    tenths = np.quantile(old, np.arange(1, DECILES) / DECILES, method="higher")
    cuts = np.unique([old.min(), *tenths, old.max() + 1])
    counts = [
        np.bincount(np.searchsorted(cuts, scores, side="right"), minlength=len(cuts) + 1) for scores in (old, new)
    ]
    return psi(counts[0], counts[1])


def _curve(scores: NDArray[np.int64], bad: NDArray[np.int64], weights: Floats) -> Curve:
    cuts, goods, bads = roc(scores, bad, weights)
    shown = np.unique(np.linspace(0, len(cuts) - 1, CURVE_POINTS).astype(np.int64))
    return Curve(score=cuts[shown].tolist(), good=goods[shown].tolist(), bad=bads[shown].tolist())


def _calibration(
    scores: NDArray[np.int64], log_odds: Floats, bad: NDArray[np.int64], weights: Floats
) -> tuple[DecileReport, ...]:
    order = np.argsort(scores, kind="stable")
    predicted = probability(-log_odds)
    total, all_bads = float(weights.sum()), float((weights * bad).sum())
    found, seen, captured = [], 0.0, 0.0
    for part in np.array_split(order, DECILES):
        weight, bads = float(weights[part].sum()), float((weights[part] * bad[part]).sum())
        seen, captured = seen + weight, captured + bads
        found.append(
            DecileReport(
                score_min=int(scores[part[0]]),
                score_max=int(scores[part[-1]]),
                rows=len(part),
                bads=int(bad[part].sum()),
                predicted=float((weights[part] * predicted[part]).sum() / weight) if weight else 0.0,
                observed=bads / weight if weight else 0.0,
                captured=captured / all_bads,
                lift=captured / all_bads / (seen / total) if seen else 0.0,
            )
        )
    return tuple(found)


def _cutoffs(scores: NDArray[np.int64], bad: NDArray[np.int64], weights: Floats) -> tuple[CutoffReport, ...]:
    """At each twentieth of the scores."""
    found = []
    good, worse = weights * (bad == 0), weights * (bad == 1)
    for cut in np.unique(np.quantile(scores, np.arange(CUTOFFS) / CUTOFFS, method="higher")):
        taken = scores >= cut
        accepted, bads = float(weights[taken].sum()), float(worse[taken].sum())
        found.append(
            CutoffReport(
                score=int(cut),
                accepted=accepted / float(weights.sum()),
                accepted_good=float(good[taken].sum() / good.sum()),
                accepted_bad=bads / float(worse.sum()),
                bad_rate=bads / accepted if accepted else None,
            )
        )
    return tuple(found)


def _histogram(card: Scorecard, scores: NDArray[np.int64], bad: NDArray[np.int64]) -> Histogram:
    low = np.linspace(min(card.worst, int(scores.min())), max(card.best, int(scores.max())), HISTOGRAM_BINS + 1)
    goods, _ = np.histogram(scores[bad == 0], low)
    bads, _ = np.histogram(scores[bad == 1], low)
    return Histogram(low=low.tolist(), good=goods.tolist(), bad=bads.tolist())


def _bands(
    fitted: Fitted, scores: NDArray[np.int64], bad: NDArray[np.int64], weights: Floats
) -> tuple[BandReport, ...]:
    bands = fitted.card.bands or ()
    place = np.searchsorted(np.array([band.low for band in bands[1:]], np.int64), scores, side="right")
    found = []
    for at, band in enumerate(bands):
        here = place == at
        goods, worse = (float((weights * (bad == kind))[here].sum()) for kind in (0, 1))
        found.append(
            BandReport(
                name=band.name,
                low=band.low,
                rows=int(here.sum()),
                bads=int(bad[here].sum()),
                odds=goods / worse if worse else None,
                odds_at_low=float(np.exp((band.low - fitted.offset) / fitted.factor)),
            )
        )
    return tuple(found)
