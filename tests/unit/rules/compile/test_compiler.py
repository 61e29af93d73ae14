"""A pack that was checked and the card it names become one that decides; a card that does not fit is refused where it is named."""

import msgspec
import numpy as np
import pytest

from models.scorecard import Characteristic, Scorecard
from rules.compile.compiler import compile_pack
from rules.decisions.decision import Action
from rules.decisions.pack import REASONS_PER_PACK_MAX, Decider
from rules.language.document import read_pack
from rules.language.problems import PackError
from rules.vocabulary.columns import COLUMN_COUNT, INDEX

HEAD = "name: p\nfallback: review\n"


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("other@1", "there is no such card"),
        (
            "{name: c, version: 1, characteristics: [{feature: size, reason: R, edges: [1], points: [1, 2], missing: 0}]}",
            "size",
        ),
        (
            "{name: c, version: 1, characteristics: [{feature: hour, scale: 10, reason: R, edges: [1], points: [1, 2], missing: 0}]}",
            "has no scale here",
        ),
    ],
)
def test_a_card_that_is_not_there_or_does_not_fit_is_refused(card: str, message: str) -> None:
    with pytest.raises(PackError) as refused:
        compile_pack(read_pack(HEAD + f"card: {card}\n"), {}, 1, 1)
    assert (refused.value.problems[0].line, message in refused.value.problems[0].message) == (3, True)


def test_a_card_for_loans_in_a_payment_pack_hears_what_payments_have() -> None:
    features = ["loan_amount", "grade", "payer_teir"]
    items = ", ".join(f"{{feature: {each}, reason: R, edges: [1], points: [1, 2], missing: 0}}" for each in features)
    text = HEAD + f"card: {{name: loans, version: 1, characteristics: [{items}]}}\n"
    with pytest.raises(PackError) as refused:
        compile_pack(read_pack(text), {}, 1, 1)
    (problem,) = refused.value.problems
    assert problem.message == (
        "the card loans@1 looks at 'loan_amount' (did you mean amount?), 'grade', 'payer_teir' (did you mean payer_tier?), "
        "which no payment has"
    )
    assert "amount, channel, count_1h," in problem.hint


@pytest.mark.parametrize(
    ("feature", "word", "message"),
    [
        ("country", "UK", "the card's country: 'UK' is no country, two letters of ISO 3166-1 like MM; write GB"),
        ("country", "United Kingdom", "the card's country: 'United Kingdom' is no country"),
        (
            "payee_kind",
            "usr",
            "the card's payee_kind: 'usr' is no wallet_kind, one of the wallet kinds; did you mean user?",
        ),
    ],
)
@pytest.mark.parametrize("published", [True, False])
def test_a_category_of_a_card_that_stands_for_nothing_is_refused_as_a_rule_about_it_is(
    feature: str, word: str, message: str, published: bool
) -> None:
    item = Characteristic(feature=feature, reason="R", categories=((word,),), points=(1,), missing=0, unknown=0)
    card = Scorecard(name="c", version=1, characteristics=(item,))
    text = HEAD + f"card: {'c@1' if published else msgspec.json.encode(card).decode()}\n"
    with pytest.raises(PackError) as refused:
        compile_pack(read_pack(text), {"c@1": card}, 1, 1)
    (problem,) = refused.value.problems
    assert problem.message.startswith(message)
    if word == "UK":
        compile_pack(read_pack(text, stored=True), {"c@1": card}, 1, 1)


def test_rules_that_are_off_are_not_compiled_and_those_in_shadow_are_not_live() -> None:
    rules = ", ".join(
        f"{{id: {name}, when: amount > {at}, action: decline, reason: R, mode: {mode}}}"
        for at, (name, mode) in enumerate((("a", "live"), ("b", "off"), ("c", "shadow")))
    )
    pack = compile_pack(read_pack(HEAD + f"rules: [{rules}]\n"), {}, 7, 3)
    assert [(rule.id, rule.live) for rule in pack.rules] == [("a", True), ("c", False)]
    assert (pack.number, pack.name, pack.version, pack.fallback) == (7, "p", 3, Action.REVIEW)
    columns = np.zeros((3, COLUMN_COUNT), np.int64)
    columns[:, INDEX["amount"]] = [0, 1, 3]
    assert Decider(pack).trace(columns).hits.tolist() == [[False, False], [True, False], [True, True]]


def test_the_card_that_is_named_is_the_one_of_that_version() -> None:
    item = Characteristic(feature="hour", reason="H", edges=(12,), points=(1, 2), missing=0)
    cards = {f"c@{version}": Scorecard(name="c", version=version, characteristics=(item,)) for version in (1, 2)}
    pack = compile_pack(read_pack(HEAD + "card: c@2\n"), cards, 1, 1)
    assert pack.card is cards["c@2"] and "H" in pack.reasons


def test_more_reasons_than_a_decision_keeps_are_refused() -> None:
    rules = ", ".join(
        f"{{id: r{at}, when: amount > {at}, action: review, reason: R{at}}}" for at in range(REASONS_PER_PACK_MAX + 1)
    )
    with pytest.raises(PackError, match=rf"{REASONS_PER_PACK_MAX + 1} different reasons"):
        compile_pack(read_pack(HEAD + f"rules: [{rules}]\n"), {}, 1, 1)
