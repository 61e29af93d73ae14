"""`rules`: 20 rules of four terms on one core.

One payment, its fields taken out of a dict, against datalogic-py (JSONLogic in Rust) and zen-engine with --peers; payments in batches;
how long packs take to compile.

Peers get the same dict and answer with the same 20 truth values, in two ways each: rule by rule, or as a decision table, as their documents
show rule sets (the aims were set against these), and the fastest way found, all rules as one expression. That all agree is checked first.
"""

from collections.abc import Callable, Mapping
from functools import partial
from time import process_time
from typing import Any, Final

import msgspec
import numpy as np

from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from rules.compile.compiler import compile_pack
from rules.decisions.decision import Decisions
from rules.decisions.pack import Decider, Pack
from rules.language.document import read_pack
from rules.vocabulary.catalogue import INPUTS
from rules.vocabulary.columns import COLUMN_COUNT, INDEX

NAME: Final = "rules"
RULES: Final = 20
RULES_LARGE: Final = 200
BATCH_AIM: Final = 20_000_000
DATALOGIC_AIM: Final = 10
ZEN_AIM: Final = 50
ROWS: Final = 16_384
"""As many as a large batch of a shard."""
BATCHES: Final = 60
BATCHES_QUICK: Final = 2
PAYMENTS: Final = 20_000
PAYMENTS_QUICK: Final = 200
SEED: Final = 20_261_122

_FIELDS: Final = (
    "amount",
    "payer_available",
    "payer_day_total",
    "payer_age_days",
    "payee_age_days",
    "payee_seen",
    'count("1h")',
    'sum("24h")',
    'max("7d")',
    'distinct_payees("24h")',
    "hour",
)
_COUNTRIES: Final = ("MM", "KH", "DE", "FR")
_AIMS: Final[dict[str, float | None]] = {
    "datalogic-py, rule by rule": DATALOGIC_AIM,
    "datalogic-py, one array of JSON": None,
    "zen-engine, decision table": ZEN_AIM,
    "zen-engine, one expression": None,
}
"""Ways of the peers, and how many times our time they should take."""
Payment = dict[str, Any]


def run(options: Options) -> list[Figure]:
    """CPU time of this process, which is one thread."""
    rng = np.random.default_rng(SEED)
    payments = [_payment(rng) for _ in range(PAYMENTS_QUICK if options.quick else PAYMENTS)]
    decider = Decider(_pack(RULES))
    ours = _One(decider.pack)
    turns: dict[str, Callable[[int], float]] = {
        "one payment, from a dict": lambda _: _microseconds(ours.evaluate, payments),
        "one payment, from a dict, decided": lambda _: _microseconds(ours.decide, payments),
    }
    if options.peers:
        for name, evaluate in _peers().items():
            assert all(evaluate(each) == ours.evaluate_all(each) for each in payments[:200]), f"{name} disagrees"
            turns[name] = partial(_turn, evaluate, payments)
    options.say(f"{NAME}: {len(payments):,} payments, one by one")
    singles = {
        case: figure(NAME, case, "us", values, better="lower", detail={"rules": RULES, "payments": len(payments)})
        for case, values in take_turns(turns, options.rounds).items()
    }
    found = [*singles.values(), *_batches(decider, payments, options), *_compiling(options)]
    for name in _AIMS if options.peers else ():
        found.append(ratio(NAME, singles[name], singles["one payment, from a dict"], _AIMS[name]))
    return found


def _turn(evaluate: Callable[[Payment], Any], payments: list[Payment], _: int) -> float:
    return _microseconds(evaluate, payments)


def _terms(rule: int) -> tuple[tuple[str, str, int], tuple[str, str, int], tuple[str, str, int]]:
    """Three comparisons of a rule; the fourth term is the country."""
    a, b, c = (_FIELDS[(rule * step + step) % len(_FIELDS)] for step in (1, 3, 5))
    return (a, ">", 1_000 + 7 * rule), (b, "<", 2_000 + rule), (c, ">=", 100 * rule)


def _condition(rule: int) -> str:
    (a, x, i), (b, y, j), (c, z, k) = _terms(rule)
    return f'{a} {x} {i} && {b} {y} {j} && ({c} {z} {k} || country == "{_COUNTRIES[rule % 4]}")'


def _pack(rules: int) -> Pack:
    lines = [
        f"  - {{id: r{rule}, when: '{_condition(rule)}', action: review, reason: R{rule % RULES}}}"
        for rule in range(rules)
    ]
    return compile_pack(read_pack("\n".join(["name: bench", "fallback: approve", "rules:", *lines])), {}, 1, 1)


def _payment(rng: np.random.Generator) -> Payment:
    numbers = rng.integers(0, 3_000, len(_FIELDS)).tolist()
    named = {_plain(field): number for field, number in zip(_FIELDS, numbers, strict=True)}
    return {**named, "country": _COUNTRIES[int(rng.integers(4))], "currency": "EUR", "channel": "app"}


def _plain(field: str) -> str:
    """A name that all engines can read: that of the column."""
    return INPUTS[field].column


class _One:
    """One payment at a time: a dict's fields into a row of columns, then the compiled rules."""

    def __init__(self, pack: Pack) -> None:
        self._columns = np.zeros((1, COLUMN_COUNT), np.int64)
        self._row = self._columns.reshape(-1).data
        self._hits = np.zeros((1, 1), np.uint64)
        self._unknown = np.zeros((1, 1), np.uint64)
        self._word = self._hits.reshape(-1).data
        self._decider = Decider(pack)
        self._fires = pack.fires
        words = {_plain(name): INPUTS[name].type.domain for name in ("country", "currency", "channel")}
        self._words: list[tuple[str, int, Mapping[str, int]]] = [
            (name, INDEX[name], domain.words) for name, domain in words.items() if domain is not None and domain.words
        ]
        self._numbers = [(_plain(field), INDEX[_plain(field)]) for field in _FIELDS]

    def _extract(self, payment: Payment) -> None:
        row = self._row
        for name, column in self._numbers:
            row[column] = payment[name]
        for name, column, words in self._words:
            row[column] = words[payment[name]]

    def evaluate(self, payment: Payment) -> int:
        """A bit for each rule."""
        self._extract(payment)
        self._word[0] = 0
        self._fires(self._columns, self._hits, self._unknown)
        bits: int = self._word[0]
        return bits

    def evaluate_all(self, payment: Payment) -> list[bool]:
        """The same as peers answer."""
        bits = self.evaluate(payment)
        return [bool(bits >> rule & 1) for rule in range(RULES)]

    def decide(self, payment: Payment) -> Decisions:
        """The whole decision."""
        self._extract(payment)
        return self._decider.decide(self._columns)


def _microseconds(evaluate: Callable[[Payment], Any], payments: list[Payment]) -> float:
    evaluate(payments[0])
    started = process_time()
    for payment in payments:
        evaluate(payment)
    return 1e6 * (process_time() - started) / len(payments)


def _peers() -> dict[str, Callable[[Payment], list[bool]]]:
    """Ways to evaluate, by the names in `_AIMS`."""
    return dict(zip(_AIMS, (*_datalogic(), *_zen()), strict=True))


def _datalogic() -> tuple[Callable[[Payment], list[bool]], Callable[[Payment], list[bool]]]:
    from datalogic_py import Engine

    def term(field: str, sign: str, number: int) -> dict[str, Any]:
        return {sign: [{"var": _plain(field)}, number]}

    def rule(number: int) -> dict[str, Any]:
        first, second, third = (term(*each) for each in _terms(number))
        country = {"==": [{"var": "country"}, _COUNTRIES[number % 4]]}
        return {"and": [first, second, {"or": [third, country]}]}

    engine = Engine()
    rules = [engine.compile(rule(number)) for number in range(RULES)]
    together = engine.compile([rule(number) for number in range(RULES)])
    session = engine.session()
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(list[bool]).decode
    return (
        lambda payment: [each.evaluate(payment) for each in rules],
        lambda payment: decode(session.evaluate_str(together, encode(payment).decode())),
    )


def _zen() -> tuple[Callable[[Payment], list[bool]], Callable[[Payment], list[bool]]]:
    from zen import ZenEngine, compile_expression

    def rule(number: int) -> str:
        (a, x, i), (b, y, j), (c, z, k) = _terms(number)
        country = _COUNTRIES[number % 4]
        return f'{_plain(a)} {x} {i} and {_plain(b)} {y} {j} and ({_plain(c)} {z} {k} or country == "{country}")'

    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": "i", "name": "condition", "type": "expression"}],
        "outputs": [{"id": "o", "field": "rule", "name": "rule", "type": "expression"}],
        "rules": [{"_id": str(number), "i": rule(number), "o": str(number)} for number in range(RULES)],
    }
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("in", "inputNode", {}),
        ("table", "decisionTableNode", table),
        ("out", "outputNode", {}),
    )
    nodes = [{"id": name, "name": name, "type": kind, "content": content} for name, kind, content in kinds]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    decision = ZenEngine().create_decision(msgspec.json.encode({"nodes": nodes, "edges": edges}).decode())
    expression = compile_expression("[" + ", ".join(rule(number) for number in range(RULES)) + "]")

    def by_table(payment: Payment) -> list[bool]:
        fired = {row["rule"] for row in decision.evaluate(payment)["result"]}
        return [number in fired for number in range(RULES)]

    return by_table, lambda payment: list(expression.evaluate(payment))


def _batches(decider: Decider, payments: list[Payment], options: Options) -> list[Figure]:
    columns = np.zeros((ROWS, COLUMN_COUNT), np.int64)
    words = INPUTS["country"].type.domain
    assert words is not None and words.words is not None
    for at in range(ROWS):
        payment = payments[at % len(payments)]
        for field in _FIELDS:
            columns[at, INDEX[_plain(field)]] = payment[_plain(field)]
        columns[at, INDEX["country"]] = words.words[payment["country"]]
    hits, unknown = np.zeros((2, ROWS, 1), np.uint64)
    batches = BATCHES_QUICK if options.quick else BATCHES
    options.say(f"{NAME}: {batches} batches of {ROWS:,} payments")

    def rate(work: Callable[[], object]) -> float:
        started = process_time()
        for _ in range(batches):
            work()
        return batches * ROWS / (process_time() - started)

    turns = {
        "batches, rules alone": lambda _: rate(lambda: decider.pack.fires(columns, hits, unknown)),
        "batches, decided": lambda _: rate(lambda: decider.decide(columns)),
    }
    aims = {"batches, rules alone": BATCH_AIM}
    detail = {"rules": RULES, "rows": ROWS}
    return [
        figure(NAME, case, "payments/s", values, aim=aims.get(case), detail=detail)
        for case, values in take_turns(turns, options.rounds).items()
    ]


def _compiling(options: Options) -> list[Figure]:
    """Seconds from a document to machine code, of packs that were never compiled."""
    found = []
    for rules in (RULES,) if options.quick else (RULES, RULES_LARGE):
        seconds = []
        for _ in range(options.rounds):
            started = process_time()
            Decider(_pack(rules))
            seconds.append(process_time() - started)
        found.append(figure(NAME, f"compile {rules} rules", "s", seconds, better="lower", detail={"rules": rules}))
    return found
