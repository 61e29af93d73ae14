"""A payment is explained by what its rules and its card made of the columns that its decision saw, by name and in words."""

import numpy as np
import pytest

from actors.backtest.decided_under import DecidedUnder
from actors.backtest.explain import LEFT_OUT, Explanation, explained
from actors.ledger.rebuilding import Rebuilt
from actors.records.layout import RECORD
from models.scorecard import Characteristic, Scorecard
from rules.compile.compiler import compile_pack
from rules.decisions.decision import Action
from rules.decisions.pack import Decider
from rules.language.document import read_pack
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import COLUMN_COUNT, COLUMNS, INDEX, NULL
from rules.vocabulary.encodings import country_number

CHANNEL = list(CODES["channel"])[1]
CARD = Scorecard(
    name="c",
    version=2,
    base=100,
    characteristics=(
        Characteristic(feature="amount", reason="BIG", edges=(100,), points=(30, -20), missing=0),
        Characteristic(feature="payer_score", reason="SCORE", edges=(600,), points=(0, 9), missing=-5),
    ),
)
PACK = """name: p
fallback: approve
card: c@2
rules:
  - {id: large, when: amount > 500, action: review, reason: LARGE, points: 7}
  - {id: scored, when: payer_score > 1, action: decline, reason: SCORED}
  - {id: quiet, when: amount > 1, action: decline, reason: QUIET, mode: shadow}
"""
ADDRESSES = (40, 50, 60)


@pytest.fixture(scope="module")
def decider() -> Decider:
    return Decider(compile_pack(read_pack(PACK), {"c@2": CARD}, 9, 1))


def attempts(decider: Decider) -> Rebuilt:
    columns = np.zeros((len(ADDRESSES), COLUMN_COUNT), np.int64)
    columns[:, INDEX["amount"]] = (50, 900, 100)
    columns[:, INDEX["payer_score"]] = (700, NULL, 1)
    columns[:, INDEX["channel"]] = CODES["channel"][CHANNEL]
    columns[:, INDEX["country"]] = (country_number("FI"), NULL, NULL)
    records, decisions = np.zeros(len(ADDRESSES), RECORD), decider.decide(columns)
    records["decision"] = decisions["action"]
    for name in ("points", "reasons", "pack"):
        records[name] = decisions[name]
    return Rebuilt(records, np.array(ADDRESSES), columns)


def found(decider: Decider, address: int, rebuilt: Rebuilt | None = None) -> Explanation:
    made = explained(decider, rebuilt or attempts(decider), DecidedUnder(), address)
    assert made is not None
    return made


def test_each_rule_fired_or_not_or_had_no_value(decider: Decider) -> None:
    made = found(decider, 50)
    assert [(rule.id, rule.fired, rule.no_value, rule.live) for rule in made.rules] == [
        ("large", True, False, True),
        ("scored", False, True, True),
        ("quiet", True, False, False),
    ]
    assert (made.pack, made.card, made.base, made.same) == ("p@1", "c@2", 100, True)
    assert (made.action, made.points) == ("review", 100 - 20 - 5 + 7)
    other = found(decider, 40)
    assert [rule.fired for rule in other.rules] == [False, True, True] and other.action == "decline"


def test_each_characteristic_gives_what_its_value_is_worth(decider: Decider) -> None:
    lines = [(line.feature, line.value, line.points, line.best) for line in found(decider, 50).lines]
    assert lines == [("amount", 900, -20, 30), ("payer_score", None, -5, 9)]
    lines = [(line.feature, line.value, line.points, line.best) for line in found(decider, 40).lines]
    assert lines == [("amount", 50, 30, 30), ("payer_score", 700, 9, 9)]


def test_columns_are_words_where_people_have_words_and_no_numbers_of_our_own(decider: Decider) -> None:
    columns = found(decider, 40).columns
    assert (columns["channel"], columns["country"], columns["amount"]) == (CHANNEL, "FI", 50)
    assert found(decider, 60).columns["country"] is None
    assert set(columns) == set(COLUMNS) - set(LEFT_OUT)


def test_what_is_not_there_has_no_explanation(decider: Decider) -> None:
    for address in (39, 45, 61):
        assert explained(decider, attempts(decider), DecidedUnder(), address) is None


@pytest.mark.parametrize("name", ["decision", "points", "reasons", "pack"])
def test_what_was_recorded_otherwise_is_said(decider: Decider, name: str) -> None:
    rebuilt = attempts(decider)
    rebuilt.records[name][1] = int(Action.DECLINE) if name == "decision" else 77
    assert not found(decider, 50, rebuilt).same and found(decider, 40, rebuilt).same
