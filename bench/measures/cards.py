"""`cards`: a scorecard of 20 characteristics with reasons and subtotals, on one core.

`cards`: a scorecard of 20 characteristics with reasons and subtotals, on one core: encoded rows, tables, one record; with --peers beside
optbinning on the German credit data, where both score the same rows with the same points, and the AUC of both on held-out folds.

optbinning gives a score and no reasons. The AUC figures have no rounds: they are the same each time.
"""

import warnings
from collections import deque
from collections.abc import Callable
from time import process_time
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from models.evaluation import NULL, Evaluator
from models.scorecard import Characteristic, Scorecard

NAME: Final = "cards"
ROWS_AIM: Final = 5_000_000
RECORD_AIM_US: Final = 10.0
CHARACTERISTICS: Final = 20
CATEGORIES: Final = 10
VALUES: Final = 10_000
EDGES: Final = 6
MISSING_SHARE: Final = 0.03
ROWS: Final = 1_000_000
ROWS_QUICK: Final = 50_000
RECORDS: Final = 20_000
RECORDS_QUICK: Final = 500
PEER_ROWS: Final = 200_000
PEER_RECORDS: Final = 50
AUC_LOSS_MAX: Final = 0.001
FUNCTIONS_LOSS_MAX: Final = 0.003
SEED: Final = 20_261_122


def run(options: Options) -> list[Figure]:
    """CPU time of this process, which is one thread."""
    rows = ROWS_QUICK if options.quick else ROWS
    records = RECORDS_QUICK if options.quick else RECORDS
    rng = np.random.default_rng(SEED)
    evaluator = Evaluator(_card(rng))
    encoded = _encoded(rng, rows)
    table = _table(encoded)
    record = _record(encoded)
    evaluator.evaluate_table(table.slice(0, 10))  # compiles
    evaluator.evaluate(encoded[:10])
    options.say(f"{NAME}: {rows:,} rows of {CHARACTERISTICS} characteristics")
    turns = {
        "encoded rows, with reasons": lambda _: rows / _seconds(lambda: evaluator.evaluate(encoded)),
        "rows of an Arrow table, with reasons": lambda _: rows / _seconds(lambda: evaluator.evaluate_table(table)),
        "one record, with reasons": lambda _: (
            1e6 / records * _seconds(lambda: deque((evaluator.score(record) for _ in range(records)), maxlen=0))
        ),
    }
    rounds = take_turns(turns, options.rounds)
    aims = {"encoded rows, with reasons": ROWS_AIM, "one record, with reasons": RECORD_AIM_US}
    found = [
        figure(
            NAME,
            case,
            "us" if "record" in case else "rows/s",
            values,
            better="lower" if "record" in case else "higher",
            aim=aims.get(case),
            detail={"characteristics": CHARACTERISTICS, "rows": records if "record" in case else rows},
        )
        for case, values in rounds.items()
    ]
    return [*found, *_beside_optbinning(options)] if options.peers else found


def _seconds(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started


def _is_text(place: int) -> bool:
    return place % 5 == 4


def _card(rng: np.random.Generator) -> Scorecard:
    """A fifth of the characteristics are categories in five groups, the others numbers with two decimals in seven bins."""
    items = []
    for place in range(CHARACTERISTICS):
        shared: dict[str, Any] = {
            "feature": f"f{place}",
            "reason": f"R{place}",
            "dimension": f"d{place % 5}",
            "missing": 3,
        }
        if _is_text(place):
            names = [f"c{at}" for at in range(CATEGORIES)]
            groups = tuple(tuple(names[at : at + 2]) for at in range(0, CATEGORIES, 2))
            points = tuple(rng.integers(0, 100, len(groups)).tolist())
            items.append(Characteristic(**shared, categories=groups, points=points, unknown=0))
        else:
            edges = tuple(sorted(rng.choice(VALUES, EDGES, replace=False).tolist()))
            points = tuple(rng.integers(0, 100, EDGES + 1).tolist())
            items.append(Characteristic(**shared, scale=100, edges=edges, points=points))
    return Scorecard(name="bench", version=1, characteristics=tuple(items))


def _encoded(rng: np.random.Generator, rows: int) -> Any:
    columns = rng.integers(0, VALUES, (rows, CHARACTERISTICS))
    for place in filter(_is_text, range(CHARACTERISTICS)):
        columns[:, place] = rng.integers(0, CATEGORIES + 1, rows)
    columns[rng.random((rows, CHARACTERISTICS)) < MISSING_SHARE] = NULL
    return columns


def _table(encoded: Any) -> pa.Table:
    """The same rows as they come from a file: floats and texts. The code after the last category is one that the card does not know."""
    names = pa.array([f"c{at}" for at in range(CATEGORIES + 1)])
    columns = {}
    for place in range(CHARACTERISTICS):
        values = encoded[:, place]
        missing = values == NULL
        if _is_text(place):
            columns[f"f{place}"] = names.take(pa.array(np.where(missing, 0, values), mask=missing))
        else:
            columns[f"f{place}"] = pa.array(np.where(missing, 0, values) / 100, mask=missing)
    return pa.table(columns)


def _record(encoded: Any) -> dict[str, Any]:
    return dict(_table(encoded[:1]).to_pylist()[0])


def _beside_optbinning(options: Options) -> list[Figure]:
    from bench.measures.card_quality import quality
    from bench.workload.credit_data import FIVE, UNTUNED

    names = ["german"] if options.quick else ["german", "taiwan", *FIVE, *UNTUNED]
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found += _speed_beside_optbinning(options)
        for name in names:
            options.say(f"{NAME}: training on {name}, five folds, by both methods and by the peer")
            both = quality(name)
            detail = {"optbinning": both.optbinning, "folds": 5, "seed": 42}
            aim = both.optbinning - AUC_LOSS_MAX
            found.append(figure(NAME, f"AUC of the integer card, {name}", "AUC", [both.card], aim=aim, detail=detail))
            found.append(figure(NAME, f"AUC of optbinning + logistic regression, {name}", "AUC", [both.optbinning]))
        found += _additive_beside_optbinning(options)
    return found


def _additive_beside_optbinning(options: Options) -> list[Figure]:
    """What an additive card gains on optbinning, loses of its functions, and gives up against trees that join columns; one run a set."""
    from bench.measures.card_quality import ADDITIVE, additive_quality

    found = []
    for name in ADDITIVE[:1] if options.quick else ADDITIVE:
        options.say(f"{NAME}: an additive card of {name}, five folds")
        both = additive_quality(name)
        detail = {"folds": 5, "seed": 42, "optbinning": both.optbinning, "black_box": both.black_box}
        aim = max(both.optbinning, both.functions - FUNCTIONS_LOSS_MAX)
        found.append(figure(NAME, f"AUC of the additive card, {name}", "AUC", [both.card], aim=aim, detail=detail))
        found.append(figure(NAME, f"AUC of its functions, {name}", "AUC", [both.functions]))
        found.append(figure(NAME, f"AUC of boosted trees that join columns, {name}", "AUC", [both.black_box]))
    return found


def _speed_beside_optbinning(options: Options) -> list[Figure]:
    """Our card of the German data and theirs, on those rows over and over."""
    from bench.measures.card_quality import peer_frame, peer_scorecard, settings_of
    from bench.workload.credit_data import credit_table
    from models.training.train import fit, prepare

    settings = settings_of("german", "logistic")
    table = credit_table("german")
    data = prepare(table, settings)
    ours = Evaluator(fit(data, settings).card)
    names = list(ours.features)
    theirs = peer_scorecard(names, table, data.bad, (350, 950))
    rows = (PEER_ROWS // 10 if options.quick else PEER_ROWS) // table.num_rows * table.num_rows
    many = pa.concat_tables([table] * (rows // table.num_rows)).combine_chunks()
    frame = peer_frame(many, names)
    record = table.slice(0, 1).to_pylist()[0]
    one = peer_frame(table.slice(0, 1), names)
    turns = {
        "German credit, a table": lambda _: rows / _seconds(lambda: ours.evaluate_table(many)),
        "German credit, a table: optbinning, without reasons": lambda _: rows / _seconds(lambda: theirs.score(frame)),
        "German credit, one record": lambda _: (
            1e6 / RECORDS_QUICK * _seconds(lambda: deque((ours.score(record) for _ in range(RECORDS_QUICK)), maxlen=0))
        ),
        "German credit, one record: optbinning, without reasons": lambda _: (
            1e6 / PEER_RECORDS * _seconds(lambda: deque((theirs.score(one) for _ in range(PEER_RECORDS)), maxlen=0))
        ),
    }
    found = [
        figure(NAME, case, "us", values, better="lower") if "record" in case else figure(NAME, case, "rows/s", values)
        for case, values in take_turns(turns, options.rounds).items()
    ]
    return [*found, ratio(NAME, found[0], found[1]), ratio(NAME, found[3], found[2])]
