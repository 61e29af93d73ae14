"""Conditions against CEL itself (cel-expr-python): the same value, or none where CEL has an error, for any expression.

A field that may be unknown is an entry of a CEL map that may be absent: reading it is an error, as it is here.
"""

import datetime
import random

import numpy as np
import pytest
from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rules.compile.codegen import Fires
from rules.language.ir import INT_MAX, INT_MIN
from rules.language.problems import ExpressionError
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.encodings import Channel, Label, country_number
from tests.unit.rules.language.expressions import Payment, code_of, columns_of, run_plain

KNOWN = {"amount": "INT", "hour": "INT", "currency": "STRING", "channel": "STRING", "kind": "STRING", "hold": "BOOL"}
NUMBERS = {"payer_available": "payer_available", 'count("1h")': "count_1h"}
ENVIRONMENT = cel.NewEnv(
    variables={
        **{name: getattr(cel.Type, type_) for name, type_ in KNOWN.items()},
        "effective_time": cel.Type.TIMESTAMP,
        "n": cel.Type.Map(cel.Type.STRING, cel.Type.INT),
        "s": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    }
)
EDGES = [0, 1, -1, 2, 3, 10, -7, 20, 1000, 2**31, 2**32, 2**53 - 1, 2**62, INT_MAX, INT_MIN + 1]
WORDS = {
    "country": ["MM", "KH", "DE", "MY"],
    "currency": ["EUR", "USD", "EGP"],
    "channel": ["app", "atm", "api"],
    "kind": ["cash_in", "cash_out", "payment"],
}
NUMBER_OF = {
    "country": country_number,
    "currency": NUMERIC.__getitem__,
    "channel": lambda word: int(Channel[word.upper()]),
    "kind": lambda word: int(Label[word.upper()]),
}
Pair = tuple[str, str]
"""An expression of the rule language and the same in CEL."""

numbers: st.SearchStrategy[Pair] = st.one_of(
    st.sampled_from([*EDGES, INT_MIN]).map(lambda number: (str(number), str(number))),
    st.sampled_from(["amount", "hour"]).map(lambda name: (name, name)),
    st.builds(
        lambda method, zone: (f"effective_time.{method}({zone})",) * 2,
        st.sampled_from(["getHours", "getMinutes", "getDayOfWeek"]),
        st.sampled_from(["", '"Europe/Berlin"', '"America/St_Johns"', '"Asia/Kathmandu"']),
    ),
    st.sampled_from(list(NUMBERS.items())).map(lambda item: (item[0], f"n.{item[1]}")),
)


def both(form: str, *parts: Pair) -> Pair:
    return form.format(*(part[0] for part in parts)), form.format(*(part[1] for part in parts))


def word_field(name: str) -> Pair:
    return name, f"s.{name}" if name == "country" else name


words_of = st.sampled_from(list(WORDS))
text_tests: st.SearchStrategy[Pair] = words_of.flatmap(
    lambda name: st.one_of(
        st.builds(
            lambda sign, word: both(f'{{0}} {sign} "{word}"', word_field(name)),
            st.sampled_from(["==", "!="]),
            st.sampled_from(WORDS[name]),
        ),
        st.lists(st.sampled_from(WORDS[name]), max_size=3).map(
            lambda words: both("{0} in [" + ", ".join(f'"{word}"' for word in words) + "]", word_field(name))
        ),
        st.sampled_from([word[:1] for word in WORDS[name]]).map(
            lambda prefix: both(f'{{0}}.startsWith("{prefix}")', word_field(name))
        ),
    )
)
moments = st.sampled_from(["<", "<=", ">", ">=", "==", "!="]).map(
    lambda sign: both(f'effective_time {sign} timestamp("2026-01-31T12:00:00Z")')
)
null_tests: st.SearchStrategy[Pair] = st.one_of(
    st.just(("country == null", "!has(s.country)")),
    st.sampled_from(list(NUMBERS.items())).map(lambda item: (f"{item[0]} != null", f"has(n.{item[1]})")),
)


def arithmetic(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.builds(lambda sign, a, b: both(f"({{0}} {sign} {{1}})", a, b), st.sampled_from("+-*/%"), inner, inner),
        inner.map(lambda a: both("-({0})", a)),
        st.builds(lambda c, a, b: both("({0} ? {1} : {2})", c, a, b), leaves, inner, inner),
    )


leaves: st.SearchStrategy[Pair] = st.one_of(
    text_tests,
    null_tests,
    moments,
    st.sampled_from(["hold", "true", "false"]).map(lambda text: (text, text)),
    st.builds(
        lambda a, sign, b: both(f"{{0}} {sign} {{1}}", a, b), numbers, st.sampled_from(["<", ">=", "=="]), numbers
    ),
)
sums = st.recursive(numbers, arithmetic, max_leaves=6)
comparisons = st.builds(
    lambda a, sign, b: both(f"{{0}} {sign} {{1}}", a, b),
    sums,
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    sums,
)
members = st.builds(
    lambda a, items: both("{0} in [" + ", ".join(map(str, items)) + "]", a),
    sums,
    st.lists(st.sampled_from(EDGES), max_size=12),
)


def logic(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.builds(lambda a, sign, b: both(f"({{0}} {sign} {{1}})", a, b), inner, st.sampled_from(["&&", "||"]), inner),
        inner.map(lambda a: both("!({0})", a)),
        st.builds(lambda c, a, b: both("({0} ? {1} : {2})", c, a, b), inner, inner, inner),
        st.builds(
            lambda a, sign, b: both(f"(({{0}}) {sign} ({{1}}))", a, b), inner, st.sampled_from(["==", "!="]), inner
        ),
    )


conditions = st.recursive(st.one_of(leaves, comparisons, members), logic, max_leaves=8)
integers = st.one_of(st.sampled_from(EDGES), st.integers(INT_MIN + 1, INT_MAX))
raw_payments = st.fixed_dictionaries(
    {
        "amount": integers,
        "hour": st.integers(0, 23),
        "hold": st.booleans(),
        "effective_time": st.sampled_from([1_769_860_800_000, 1_769_860_799_999, 1_769_860_800_001, 1_774_746_000_000]),
        "payer_available": st.none() | integers,
        'count("1h")': st.none() | st.integers(0, 64),
        "country": st.none() | st.sampled_from(WORDS["country"]),
        **{name: st.sampled_from(WORDS[name]) for name in ("currency", "channel", "kind")},
    }
)


def payment_of(raw: dict[str, object]) -> Payment:
    return {
        name: None if value is None else NUMBER_OF[name](value) if name in NUMBER_OF else int(value)  # type: ignore[call-overload,no-untyped-call]
        for name, value in raw.items()
    }


def by_cel(text: str, raws: list[dict[str, object]]) -> list[bool | None]:
    program = ENVIRONMENT.compile(text)
    values: list[bool | None] = []
    for raw in raws:
        data = {name: raw[name] for name in KNOWN}
        data["effective_time"] = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(
            milliseconds=int(str(raw["effective_time"]))
        )
        data["n"] = {key: raw[name] for name, key in NUMBERS.items() if raw[name] is not None}
        data["s"] = {"country": raw["country"]} if raw["country"] is not None else {}
        found = program.eval(data=data)
        values.append(found.value() if found.type() == cel.Type.BOOL else None)
    return values


def values_of(hits: NDArray[np.uint64], unknown: NDArray[np.uint64], place: int) -> list[bool | None]:
    word, bit = divmod(place, 64)
    return [
        None if int(no[word]) >> bit & 1 else bool(int(yes[word]) >> bit & 1)
        for yes, no in zip(hits, unknown, strict=True)
    ]


@pytest.mark.long
@settings(max_examples=400, deadline=None, report_multiple_bugs=False)
@given(conditions, st.lists(raw_payments, min_size=1, max_size=6))
def test_any_condition_has_the_value_it_has_in_cel(pair: Pair, raws: list[dict[str, object]]) -> None:
    ours, theirs = pair
    try:
        code = code_of([ours])
    except ExpressionError as error:
        assert error.message in ("beyond 64 bits", "division by zero"), ours
        return  # A constant part that never has a value is refused at once; CEL finds out at the first payment.
    hits, unknown = run_plain(code, columns_of([payment_of(raw) for raw in raws]))
    assert values_of(hits, unknown, 0) == by_cel(theirs, raws), ours


@pytest.mark.slow
def test_compiled_rules_have_the_values_they_have_in_cel() -> None:
    seed = 20261122
    print(f"seed {seed}")
    pairs, raws = _examples(seed, 128, 200)
    code = code_of([ours for ours, _ in pairs])
    columns = columns_of([payment_of(raw) for raw in raws])
    hits, unknown = np.zeros((2, len(raws), 4), np.uint64)
    Fires(code)(columns, hits, unknown)
    for place, (ours, theirs) in enumerate(pairs):
        differ = [
            (raw, found, wanted)
            for raw, found, wanted in zip(raws, values_of(hits, unknown, place), by_cel(theirs, raws), strict=True)
            if found is not wanted
        ]
        assert not differ, (ours, theirs, differ[0])


def _examples(seed: int, rules: int, payments: int) -> tuple[list[Pair], list[dict[str, object]]]:
    """Conditions that check, and payments, from Hypothesis' strategies."""
    pairs: list[Pair] = []
    raws: list[dict[str, object]] = []
    chance = random.Random(seed)

    @settings(max_examples=rules * 3, database=None, deadline=None, derandomize=True)
    @given(conditions, raw_payments)
    def collect(pair: Pair, raw: dict[str, object]) -> None:
        raws.append(raw)
        try:
            code_of([pair[0]])
        except ExpressionError:
            return
        pairs.append(pair)

    collect()
    chance.shuffle(pairs)
    return pairs[:rules], raws[:payments]
