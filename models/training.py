"""The same table, settings and seed give the same card to the byte; a prohibited column is used only by name and with a reason.

Each column is binned, each bin gets its weight of evidence (WOE), a logistic regression weighs the characteristics, and their sum is scaled
to integer points. Whatever the report says of the card's quality was measured on rows that its training had not seen.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.binning import Bins, Column, Trend, bins_of, column_of, weights_of
from models.evaluation import NULL, Evaluator
from models.extra import optional_module
from models.prohibited import prohibited_category, prohibited_word
from models.scorecard import Band, Characteristic, Override, Scorecard
from models.statistics import Floats, logistic

FOLD_ROWS_MIN: Final = 10
"""Good rows and bad rows that each fold needs at least, for its figures to mean anything."""
UNKNOWN: Final = ("neutral", "worst", "error")

Unknown = Literal["neutral", "worst", "error"]
Progress = Callable[[int, int], None]


class Range(msgspec.Struct, frozen=True, kw_only=True, tag="range"):
    """Scale so that the worst and the best case score exactly this; the points to double the odds follow."""

    low: int = 350
    high: int = 950


class Pdo(msgspec.Struct, frozen=True, kw_only=True, tag="pdo"):
    """Scale so that `points` mean good:bad odds of `odds`, and `pdo` more points double them; the range follows."""

    pdo: float
    points: float = 600.0
    odds: float = 30.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What to train. `bad`: the target's value that means bad; without it the target is 0, 1, true or false. `band_odds`: good:bad odds
    at which a new band begins; without them half, the same, twice and four times the odds of all rows."""

    name: str
    target: str
    version: int = 1
    bad: str | None = None
    exclude: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    scaling: Range | Pdo = Range()
    trend: Trend = "auto"
    iv_min: float = 0.0
    unknown: Unknown = "neutral"
    band_odds: tuple[float, ...] | None = None
    folds: int = 5
    seed: int = 42


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A column that the card does not use, and why."""

    feature: str
    why: str


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """A table made ready: `bad` is 1 for bad rows."""

    table: pa.Table
    columns: tuple[Column, ...]
    bad: NDArray[np.int64]
    left_out: tuple[LeftOut, ...]


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """A card and what it came from. Good:bad log odds of a score are (score - offset) / factor."""

    card: Scorecard
    bins: tuple[Bins, ...]
    coefficients: tuple[float, ...]
    intercept: float
    factor: float
    offset: float
    left_out: tuple[LeftOut, ...]


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that a card was not trained on, their scores, and the good:bad log odds that the card gives them."""

    rows: NDArray[np.intp]
    scores: NDArray[np.int64]
    log_odds: Floats


def prepare(table: pa.Table, settings: Settings) -> Data:
    """Read target and candidates. Raises ValueError for what cannot be trained on, naming the columns."""
    for name in (settings.target, *settings.exclude):
        if name not in table.column_names:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
    bad = _target(table.column(settings.target), settings)
    used = [name for name in table.column_names if name != settings.target and name not in settings.exclude]
    _refuse_prohibited(table, used, settings)
    columns, left_out = [], [LeftOut(feature=name, why="excluded") for name in settings.exclude]
    for name in used:
        try:
            column = column_of(name, table.column(name))
        except ValueError as error:
            left_out.append(LeftOut(feature=name, why=str(error)))
            continue
        why = _useless(column)
        if why is None:
            columns.append(column)
        else:
            left_out.append(LeftOut(feature=name, why=why))
    if not columns:
        raise ValueError("no column is left to train on")
    return Data(table=table, columns=tuple(columns), bad=bad, left_out=tuple(left_out))


def fit(
    data: Data, settings: Settings, rows: NDArray[np.intp] | None = None, step: Callable[[], None] = lambda: None
) -> Fitted:
    """Train a card on all rows, or on some."""
    rows = np.arange(len(data.bad)) if rows is None else rows
    bad = data.bad[rows]
    kept: list[tuple[Bins, Floats]] = []
    left_out = []
    for column in data.columns:
        bins = bins_of(column, rows, data.bad, settings.trend)
        step()
        if len(bins.weights) > 2 and bins.iv >= settings.iv_min:
            kept.append((bins, weights_of(bins, column.values[rows])))
        else:
            left_out.append(LeftOut(feature=column.feature, why=f"information value {bins.iv:.4f}"))
    while kept:
        intercept, coefficients = logistic(np.column_stack([weights for _, weights in kept]), bad)
        worst = int(np.argmax(coefficients))
        if coefficients[worst] < 0:
            break
        why = "beside the others it would give more points for more risk"
        left_out.append(LeftOut(feature=kept.pop(worst)[0].feature, why=why))
    if not kept:
        raise ValueError("no column tells good from bad")
    return _scaled([bins for bins, _ in kept], -coefficients, intercept, bad, settings, left_out)


def folds(data: Data, settings: Settings, step: Callable[[], None] = lambda: None) -> list[Fold]:
    """Stratified folds by the seed, each scored by a card trained on the others."""
    stratified = optional_module("sklearn.model_selection").StratifiedKFold
    splitter = stratified(settings.folds, shuffle=True, random_state=settings.seed)
    found = []
    for training, held_out in splitter.split(data.bad, data.bad):
        fitted = fit(data, settings, training, step)
        scores = scores_of(fitted.card, data.table.take(held_out))
        log_odds = (scores.astype(np.float64) - fitted.offset) / fitted.factor
        found.append(Fold(rows=held_out, scores=scores, log_odds=log_odds))
    return found


def scores_of(card: Scorecard, table: pa.Table) -> NDArray[np.int64]:
    """Scores of a table's rows. A category that training did not see is left to the card; where that is an error, it is one here."""
    evaluator = Evaluator(card)
    return evaluator.evaluate(evaluator.encode(table)).totals


def _target(column: pa.ChunkedArray, settings: Settings) -> NDArray[np.int64]:
    if column.null_count:
        raise ValueError(f"{settings.target}: {column.null_count:,} rows have no outcome; leave them out of the file")
    values = column.to_pylist()
    if settings.bad is None:
        strange = sorted({str(value) for value in values if value not in (0, 1)})[:3]
        if strange:
            raise ValueError(f"{settings.target} holds {', '.join(strange)}: say with --bad which value means bad")
        bad = np.array(values, np.int64)
    else:
        bad = np.array([str(value) == settings.bad for value in values], np.int64)
    needed = settings.folds * FOLD_ROWS_MIN
    counts = {"bad": int(bad.sum()), "good": int(len(bad) - bad.sum())}
    for kind, count in counts.items():
        if count < needed:
            raise ValueError(f"{settings.target}: {count:,} {kind} rows; {settings.folds} folds need at least {needed}")
    return bad


def _refuse_prohibited(table: pa.Table, names: list[str], settings: Settings) -> None:
    allowed = {item.feature for item in settings.overrides}
    found = []
    for name in names:
        word = prohibited_word(name)
        kind = table.schema.field(name).type
        if word is None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            word = next(
                filter(None, map(prohibited_category, pc.unique(table.column(name)).drop_null().to_pylist())), None
            )
        if word is not None and name not in allowed:
            found.append(f"{name} ({word})")
    if found:
        raise ValueError(
            f"prohibited inputs: {', '.join(found)}. Leave them out with --exclude COLUMN, "
            "or use one with --allow-prohibited 'COLUMN=why it may be used', which the card will say"
        )
    unused = allowed - set(names)
    if unused:
        raise ValueError(f"--allow-prohibited names no column that is used: {', '.join(sorted(unused))}")


def _useless(column: Column) -> str | None:
    known = column.values[column.values != NULL]
    if not len(known):
        return "always missing"
    different = np.unique(known)
    if len(different) == 1 and len(known) == len(column.values):
        return "always the same"
    if len(different) == len(column.values) and len(different) > 2:
        if column.names is not None:
            return "every row has a category of its own"
        if int(different[-1] - different[0]) == len(different) - 1:
            return "it numbers the rows"
    return None


def _scaled(
    bins: list[Bins],
    weights: Floats,
    intercept: float,
    bad: NDArray[np.int64],
    settings: Settings,
    left_out: list[LeftOut],
) -> Fitted:
    """Integer points. In each characteristic the worst bin gets none and the base holds what is left, so a card of a range hits both of
    its ends whatever is rounded in between."""
    parts = [np.append(item.weights, 0.0) * weight for item, weight in zip(bins, weights, strict=True)]
    lows = np.array([part.min() for part in parts])
    widths = np.array([part.max() for part in parts]) - lows
    if isinstance(settings.scaling, Range):
        low, high = settings.scaling.low, settings.scaling.high
        factor = (high - low) / float(widths.sum())
        offset = low + factor * (intercept - float(lows.sum()))
        spans, base = _whole(widths * factor, high - low), low
    else:
        factor = settings.scaling.pdo / float(np.log(2))
        offset = settings.scaling.points - factor * float(np.log(settings.scaling.odds))
        spans = np.rint(widths * factor).astype(np.int64)
        base = round(offset + factor * (float(lows.sum()) - intercept))
    items, used = [], []
    for place, item in enumerate(bins):
        if spans[place] == 0:
            left_out.append(LeftOut(feature=item.feature, why="its points round to nothing"))
            continue
        points = np.rint((parts[place] - lows[place]) / widths[place] * spans[place]).astype(np.int64)
        items.append(_characteristic(item, points.tolist(), settings.unknown))
        used.append(place)
    card = Scorecard(
        name=settings.name,
        version=settings.version,
        range=(base, base + int(spans.sum())),
        base=base,
        characteristics=tuple(items),
        overrides=tuple(o for o in settings.overrides if o.feature in {item.feature for item in items}) or None,
    )
    return Fitted(
        card=msgspec.structs.replace(card, bands=bands_of(card.range or (0, 0), factor, offset, bad, settings)),
        bins=tuple(bins[place] for place in used),
        coefficients=tuple(float(weights[place]) for place in used),
        intercept=intercept,
        factor=factor,
        offset=offset,
        left_out=tuple(left_out),
    )


def _whole(spans: Floats, total: int) -> NDArray[np.int64]:
    """Whole numbers that sum to `total`: rounded down, and what is left goes to the largest remainders, the first of equal ones."""
    down = np.floor(spans + 1e-9).astype(np.int64)
    order = np.argsort(-(spans - down), kind="stable")
    down[order[: total - int(down.sum())]] += 1
    return down


def _characteristic(bins: Bins, points: list[int], unknown: Unknown) -> Characteristic:
    """`points`: by bin, then for missing, then neutral."""
    *given, missing, neutral = points
    groups = None
    if bins.groups is not None and bins.names is not None:
        groups = tuple(tuple(bins.names[place] for place in group) for group in bins.groups)
    stated: int | Literal["error"] = {"neutral": neutral, "worst": 0}.get(unknown, "error")
    return Characteristic(
        feature=bins.feature,
        reason=re.sub(r"[^A-Z0-9]+", "_", bins.feature.upper()).strip("_") or "OTHER",
        scale=bins.scale,
        edges=bins.edges,
        categories=groups,
        points=tuple(given),
        missing=missing,
        unknown=stated if groups is not None else None,
    )


def bands_of(
    limits: tuple[int, int], factor: float, offset: float, bad: NDArray[np.int64], settings: Settings
) -> tuple[Band, ...]:
    """Bands that begin where the score means the given odds; the best is called A. Odds outside the range make no band."""
    share = float(bad.mean())
    odds = settings.band_odds or tuple((1 - share) / share * times for times in (0.5, 1, 2, 4))
    lows = {limits[0], *(round(offset + factor * float(np.log(each))) for each in odds)}
    lows = {low for low in lows if limits[0] <= low <= limits[1]}
    return tuple(Band(name=chr(ord("A") + at), low=low) for at, low in enumerate(sorted(lows, reverse=True)))[::-1]


def train(
    table: pa.Table, settings: Settings, progress: Progress = lambda done, due: None
) -> tuple[Data, Fitted, list[Fold]]:
    """The card of all rows, and the folds that show what it is worth."""
    data = prepare(table, settings)
    due = len(data.columns) * (settings.folds + 1)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, due)

    held_out = folds(data, settings, step)
    return data, fit(data, settings, step=step), held_out
