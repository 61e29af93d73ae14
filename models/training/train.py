"""Train a scorecard: the same table, settings and seed give the same card to the byte.

A prohibited column is used only by name and with a reason.

Each column is binned; each bin gets its weight of evidence (WOE) and a logistic regression weighs the characteristics, or the mean of
such functions and boosted ones of one column each gives both. Their sum is scaled to integer points. Whatever the report says of the
card's quality was measured on rows that its training had not seen.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrow_numbers import nearest_floats
from models.evaluation import NULL, Evaluator
from models.prohibited import prohibited_category, prohibited_word
from models.scorecard import CATEGORIES_MAX, CHARACTERISTICS_MAX, TEXT_MAX, Band, Characteristic, Override, Scorecard
from models.statistics import Floats, auc, whole_numbers
from models.tidying import tidy
from models.training.additive import BIN_SHARE, shapes
from models.training.binning import Bins, Column, Plan, column_of, direction_of
from models.training.cutting import STRAIGHT, TURNING
from models.training.extra import optional_module
from models.training.findings import findings_of
from models.training.outcome import outcome_of
from models.training.segments import refuse_parts
from models.training.weighed import LeftOut, Model, weighed
from models.wording import counted

UNKNOWN: Final = ("neutral", "worst", "error")
CHOOSING_FOLDS: Final = 5
"""Of the rows given, to choose how columns are cut."""

Unknown = Literal["neutral", "worst", "error"]
Trend = Literal["auto", "monotonic"]
Method = Literal["logistic", "additive", "auto"]
Progress = Callable[[int, int], None]
Part = tuple[NDArray[np.intp], NDArray[np.intp]]

SHARES: Final = (0.05, 0.02, 0.01)
"""Least shares of all rows in a bin: coarse bins suit small tables, fine ones large tables."""
PLANS: Final = tuple(Plan(shapes=shapes, share=share) for shapes in (STRAIGHT, TURNING) for share in SHARES)
"""What is tried; `monotonic` tries the straight ones alone."""


class Range(msgspec.Struct, frozen=True, kw_only=True, tag="range"):
    """Scale so that the worst and the best case score exactly this; the points to double the odds follow."""

    low: int = 350
    high: int = 950


class Pdo(msgspec.Struct, frozen=True, kw_only=True, tag="pdo"):
    """Scale so that `points` mean good:bad odds of `odds`, and `pdo` more points double them; the range follows."""

    pdo: float
    points: float = 600.0
    odds: float = 30.0


class Special(msgspec.Struct, frozen=True, kw_only=True):
    """A number that stands for something else, in one column or in all: it gets a bin of its own."""

    value: float
    feature: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What to train. `bad`, `good`: the target's values that mean it, one alone makes all others the other; without them the target is
    0, 1, true or false. `weight`: a column of how many rows each row stands for. `bin_share`: the least share of all rows in a bin, else
    what cross-validation shows to be best. `band_odds`: good:bad odds at which a new band begins;
    without them half, the same, twice and four times the odds of all rows. `rising`, `falling`: columns of numbers with which risk may only
    rise, or fall. `segments`: columns by whose values the report is cut; `time`: one whose weeks cut it, which is not trained on."""

    name: str
    target: str
    version: int = 1
    bad: str | None = None
    good: str | None = None
    weight: str | None = None
    special: tuple[Special, ...] = ()
    max_categories: int = CATEGORIES_MAX
    exclude: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    time: str | None = None
    overrides: tuple[Override, ...] = ()
    scaling: Range | Pdo = Range()
    method: Method = "auto"
    trend: Trend = "auto"
    bin_share: float | None = None
    rising: tuple[str, ...] = ()
    falling: tuple[str, ...] = ()
    iv_min: float = 0.0
    unknown: Unknown = "neutral"
    band_odds: tuple[float, ...] | None = None
    folds: int = 5
    seed: int = 42


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """A table made ready: `bad` is 1 for bad rows, `weights` say how many rows each stands for, one in the mean. `notes`: what was taken
    for something else, left out or looks wrong, a line each."""

    table: pa.Table
    columns: tuple[Column, ...]
    bad: NDArray[np.int64]
    weights: Floats
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """A card and what it came from. Good:bad log odds of a score are (score - offset) / factor. Of an additive card the weights of the
    bins are its functions, `coefficients` are 1 and `errors` 0: nothing was weighed after."""

    card: Scorecard
    plan: Plan
    bins: tuple[Bins, ...]
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
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
    _refuse_names(table, settings)
    outcome = outcome_of(settings.target, table.column(settings.target), settings.bad, settings.good, settings.folds)
    if len(outcome.rows) < table.num_rows:
        table = table.take(outcome.rows)
    refuse_parts(table, settings.segments, settings.time)
    besides = {settings.target, *settings.exclude, *([settings.time] if settings.time else [])}
    tidied = tidy(table, besides)
    table = tidied.table
    used = [name for name in table.column_names if name not in besides and name != settings.weight]
    _refuse_prohibited(table, used, settings)
    weights = _row_weights(table, settings)
    columns, left_out = [], [LeftOut(feature=name, why="excluded") for name in settings.exclude]
    for name in used:
        specials = [each.value for each in settings.special if each.feature in (None, name)]
        try:
            column = column_of(name, table.column(name), specials, settings.max_categories)
            why = _useless(column)
        except ValueError as error:
            why = str(error)
        if why is None:
            columns.append(column)
        else:
            left_out.append(LeftOut(feature=name, why=why))
    if not columns:
        raise ValueError("no column is left to train on")
    _refuse_directions(columns, settings)
    found = findings_of(table, columns, outcome.bad, settings.target)
    why_left_out = tuple(f"{each.feature}: left out: {each.why}" for each in left_out if each.why != "excluded")
    return Data(
        table=table,
        columns=tuple(columns),
        bad=outcome.bad,
        weights=weights,
        left_out=tuple(left_out),
        notes=(*outcome.notes, *tidied.notes, *why_left_out, *found),
    )


def fit(
    data: Data, settings: Settings, rows: NDArray[np.intp] | None = None, step: Callable[[], None] = lambda: None
) -> Fitted:
    """Train a card on all rows, or on some. How columns are cut is chosen by cross-validation within these rows. On one thread: products
    of small matrices wait for busy cores hundreds of times as long as they take, and sums do not depend on how many there are."""
    rows = np.arange(len(data.bad)) if rows is None else rows
    with optional_module("threadpoolctl").threadpool_limits(1):
        plan = _chosen(data, settings, rows, step)
        model = _modelled(data, settings, rows, plan)
    step()
    if not model.bins:
        raise ValueError("no column tells good from bad")
    return _scaled(model, plan, data, rows, settings)


def cross_validated(data: Data, settings: Settings, parts: Sequence[Part], plan: Plan) -> Floats:
    """AUC on the rows that each part holds out, of log odds before they are rounded to points."""
    found = []
    for training, held_out in parts:
        log_odds = _modelled(data, settings, training, plan).log_odds(data.columns, held_out)
        found.append(auc(log_odds, data.bad[held_out], data.weights[held_out]))
    return np.array(found)


def parts_of(data: Data, settings: Settings, rows: NDArray[np.intp]) -> list[Part]:
    """What is trained on and what is held out of these rows, in stratified folds, to choose how columns are cut."""
    return [(rows[one], rows[other]) for one, other in _split(data.bad[rows], CHOOSING_FOLDS, settings.seed)]


def plans_of(settings: Settings) -> tuple[Plan, ...]:
    """Those that are tried."""
    turning = settings.trend == "auto"
    weighed = PLANS if turning else tuple(plan for plan in PLANS if plan.shapes == STRAIGHT)
    boosted = Plan(additive=True, shapes=TURNING if turning else STRAIGHT, share=BIN_SHARE)
    tried = {"logistic": weighed, "additive": (boosted,), "auto": (*weighed, boosted)}
    plans = tried[settings.method]
    if settings.bin_share is None:
        return plans
    return tuple(dict.fromkeys(msgspec.structs.replace(plan, share=settings.bin_share) for plan in plans))


def _chosen(data: Data, settings: Settings, rows: NDArray[np.intp], step: Callable[[], None]) -> Plan:
    """The plan of the highest mean AUC. One by which risk may turn must beat the best straight one by a standard error, so that `auto`
    is never worse than `monotonic` where it chooses, and seldom elsewhere. An additive one has only to be the best."""
    plans = plans_of(settings)
    if len(plans) == 1:
        step()
        return plans[0]
    parts = parts_of(data, settings, rows)
    areas = []
    for plan in plans:
        areas.append(cross_validated(data, settings, parts, plan))
        step()
    means = [float(each.mean()) for each in areas]
    weighed = [at for at, plan in enumerate(plans) if not plan.additive]
    straight = max((at for at in weighed if plans[at].shapes == STRAIGHT), key=lambda at: means[at])
    best = max(weighed, key=lambda at: means[at])
    gain = areas[best] - areas[straight]
    chosen = best if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)) else straight
    return plans[max((chosen, *(at for at, plan in enumerate(plans) if plan.additive)), key=lambda at: means[at])]


def _additive(data: Data, settings: Settings, rows: NDArray[np.intp], plan: Plan) -> Model:
    """Boosted functions as bins that need no weighing. What they say of a column beside the others may go against what it says alone:
    that is what they are asked for, and `rising`, `falling` or `--trend monotonic` forbid it."""
    directions = _directions(settings)
    if plan.shapes == STRAIGHT:
        numbers = (column for column in data.columns if column.names is None and column.feature not in directions)
        directions |= {column.feature: direction_of(column, rows, data.bad, data.weights) for column in numbers}
    found, intercept = shapes(data.columns, rows, data.bad, data.weights, directions, settings.seed, plan.share)
    spread = [float((bins.rows * bins.weights**2).sum()) for bins in found]
    kept: list[int] = []
    left_out = []
    for place in sorted(range(len(found)), key=lambda at: -spread[at]):
        bins = found[place]
        if not np.ptp(bins.weights[bins.rows > 0]):
            left_out.append(LeftOut(feature=bins.feature, why="beside the others it says nothing"))
        elif settings.iv_min and bins.iv < settings.iv_min:
            left_out.append(LeftOut(feature=bins.feature, why=f"information value {bins.iv:.4f}"))
        elif len(kept) == CHARACTERISTICS_MAX:
            why = f"a card has {CHARACTERISTICS_MAX} characteristics at most, and it says less than theirs"
            left_out.append(LeftOut(feature=bins.feature, why=why))
        else:
            kept.append(place)
    kept.sort()
    return Model(
        bins=tuple(found[place] for place in kept),
        places=tuple(kept),
        coefficients=np.ones(len(kept)),
        errors=np.zeros(len(kept)),
        intercept=intercept,
        left_out=tuple(left_out),
    )


def _modelled(data: Data, settings: Settings, rows: NDArray[np.intp], plan: Plan) -> Model:
    if plan.additive:
        return _additive(data, settings, rows, plan)
    return weighed(data.columns, rows, data.bad, data.weights, plan, _directions(settings), settings.iv_min)


def _directions(settings: Settings) -> dict[str, int]:
    """Those that are asked for: 1 where risk may only rise with a column, -1 fall."""
    return dict.fromkeys(settings.rising, 1) | dict.fromkeys(settings.falling, -1)


def _split(bad: NDArray[np.int64], count: int, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    stratified = optional_module("sklearn.model_selection").StratifiedKFold
    yield from stratified(count, shuffle=True, random_state=seed).split(bad, bad)


def folds(data: Data, settings: Settings, step: Callable[[], None] = lambda: None) -> list[Fold]:
    """Stratified folds by the seed, each scored by a card trained on the others."""
    if settings.unknown == "error":
        # A fold may hold a category that its card did not see, which is no error of the card of all rows.
        settings = msgspec.structs.replace(settings, unknown="neutral")
    found = []
    for training, held_out in _split(data.bad, settings.folds, settings.seed):
        fitted = fit(data, settings, training, step)
        scores = scores_of(fitted.card, data.table.take(held_out))
        log_odds = (scores.astype(np.float64) - fitted.offset) / fitted.factor
        found.append(Fold(rows=held_out, scores=scores, log_odds=log_odds))
    return found


def scores_of(card: Scorecard, table: pa.Table) -> NDArray[np.int64]:
    """Scores of a table's rows. A category that training did not see is left to the card; where that is an error, it is one here."""
    evaluator = Evaluator(card)
    return evaluator.evaluate_table(table).totals.astype(np.int64)


def _refuse_names(table: pa.Table, settings: Settings) -> None:
    twins = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twins:
        raise ValueError(f"columns of the same name: {', '.join(twins)}; give each a name of its own")
    special = [each.feature for each in settings.special if each.feature is not None]
    asked = (*settings.rising, *settings.falling)
    for name in filter(None, (settings.target, settings.weight, *settings.exclude, *special, *asked)):
        if name not in table.column_names:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
    if settings.weight == settings.target:
        raise ValueError(f"{settings.weight!r} cannot be the target and the weight")


def _row_weights(table: pa.Table, settings: Settings) -> Floats:
    """How many rows each row stands for, scaled so that the mean is 1 and as much is known as there are rows."""
    if settings.weight is None:
        return np.ones(table.num_rows)
    column = table.column(settings.weight)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        raise ValueError(f"{settings.weight}: weights are numbers, the column holds {column.type}")
    weights: Floats = nearest_floats(column).fill_null(np.nan).to_numpy().copy()
    wrong = int((~np.isfinite(weights) | (weights < 0)).sum())
    if wrong or not weights.any():
        raise ValueError(
            f"{settings.weight}: weights are 0 or more and not all 0; {counted(wrong, 'row holds', 'rows hold')} none such"
        )
    scaled: Floats = weights / weights.mean()
    return scaled


def _refuse_prohibited(table: pa.Table, names: list[str], settings: Settings) -> None:
    allowed = {item.feature for item in settings.overrides}
    found = []
    for name in names:
        word = prohibited_word(name)
        if word is None and pa.types.is_string(table.schema.field(name).type):
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


def _refuse_directions(columns: Sequence[Column], settings: Settings) -> None:
    both = sorted(set(settings.rising) & set(settings.falling))
    if both:
        raise ValueError(f"{both[0]}: risk cannot both rise and fall with it")
    words = {column.feature for column in columns if column.names is not None}
    for name in (*settings.rising, *settings.falling):
        if name in words:
            raise ValueError(f"{name}: it holds categories; only with numbers can risk rise or fall")


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
        if column.scale > 1:
            return None
        if int(different[-1] - different[0]) == len(different) - 1:
            return "it numbers the rows"
    return None


def _scaled(model: Model, plan: Plan, data: Data, rows: NDArray[np.intp], settings: Settings) -> Fitted:
    """Integer points. In each characteristic the worst bin gets none and the base holds what is left, so a card of a range hits both of
    its ends whatever is rounded in between."""
    bins, weights, intercept = model.bins, model.coefficients, model.intercept
    left_out = list(model.left_out)
    parts = [np.append(item.weights, 0.0) * weight for item, weight in zip(bins, weights, strict=True)]
    lows = np.array([part.min() for part in parts])
    widths = np.array([part.max() for part in parts]) - lows
    if isinstance(settings.scaling, Range):
        low, high = settings.scaling.low, settings.scaling.high
        factor = (high - low) / float(widths.sum())
        offset = low + factor * (intercept - float(lows.sum()))
        spans, base = whole_numbers(widths * factor, high - low), low
    else:
        factor = settings.scaling.pdo / float(np.log(2))
        offset = settings.scaling.points - factor * float(np.log(settings.scaling.odds))
        spans = np.rint(widths * factor).astype(np.int64)
        base = round(offset + factor * (float(lows.sum()) - intercept))
    items: list[Characteristic] = []
    used = []
    for place, item in enumerate(bins):
        if spans[place] == 0:
            left_out.append(LeftOut(feature=item.feature, why="its points round to nothing"))
            continue
        points = np.rint((parts[place] - lows[place]) / widths[place] * spans[place]).astype(np.int64)
        reason = reason_code(item.feature, {item.reason for item in items})
        items.append(_characteristic(item, points.tolist(), settings.unknown, reason))
        used.append(place)
    card = Scorecard(
        name=settings.name,
        version=settings.version,
        range=(base, base + int(spans.sum())),
        base=base,
        characteristics=tuple(items),
        overrides=tuple(o for o in settings.overrides if o.feature in {item.feature for item in items}) or None,
    )
    share = float((data.weights[rows] * data.bad[rows]).sum() / data.weights[rows].sum())
    return Fitted(
        card=msgspec.structs.replace(card, bands=bands_of(card.range or (0, 0), factor, offset, share, settings)),
        plan=plan,
        bins=tuple(bins[place] for place in used),
        coefficients=tuple(float(weights[place]) for place in used),
        errors=tuple(float(model.errors[place]) for place in used),
        intercept=intercept,
        factor=factor,
        offset=offset,
        left_out=tuple(left_out),
    )


def reason_code(feature: str, taken: set[str]) -> str:
    """A code in capitals, in whatever script the feature's name is written, and a number where another has that code already."""
    code = re.sub(r"\W+", "_", feature.upper()).strip("_") or "OTHER"
    if code not in taken:
        return code[:TEXT_MAX]
    endings = (f"_{number}" for number in count(2))
    return next(made for ending in endings if (made := code[: TEXT_MAX - len(ending)] + ending) not in taken)


def _characteristic(bins: Bins, points: list[int], unknown: Unknown, reason: str) -> Characteristic:
    """`points`: by bin, then for missing, then neutral."""
    *given, missing, neutral = points
    groups = None
    if bins.groups is not None and bins.names is not None:
        groups = tuple(tuple(bins.names[place] for place in group) for group in bins.groups)
    stated: int | Literal["error"] = {"neutral": neutral, "worst": 0}.get(unknown, "error")
    return Characteristic(
        feature=bins.feature,
        reason=reason,
        scale=bins.scale,
        edges=bins.edges,
        categories=groups,
        points=tuple(given),
        missing=missing,
        unknown=stated if groups is not None else None,
    )


def bands_of(
    limits: tuple[int, int], factor: float, offset: float, share: float, settings: Settings
) -> tuple[Band, ...]:
    """Bands that begin where the score means the given odds; the best is called A. Odds outside the range make no band.
    `share`: of bad rows."""
    odds = settings.band_odds or tuple((1 - share) / share * times for times in (0.5, 1, 2, 4))
    lows = {limits[0], *(round(offset + factor * float(np.log(each))) for each in odds)}
    lows = {low for low in lows if limits[0] <= low <= limits[1]}
    return tuple(Band(name=chr(ord("A") + at), low=low) for at, low in enumerate(sorted(lows, reverse=True)))[::-1]


def train(
    table: pa.Table,
    settings: Settings,
    progress: Progress = lambda done, due: None,
    check: Callable[[Data], None] = lambda data: None,
) -> tuple[Data, Fitted, list[Fold]]:
    """The card of all rows, and the folds that show what it is worth. `check` looks at what is trained on, and may refuse it."""
    data = prepare(table, settings)
    check(data)
    due = (len(plans_of(settings)) + 1) * (settings.folds + 1)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, due)

    held_out = folds(data, settings, step)
    return data, fit(data, settings, step=step), held_out
