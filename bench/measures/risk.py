"""`risk`: what the default pack finds on a simulated month of mobile money.

The review capacity is 0.5 % of payments.

These are figures of a simulation (PaySim), no claim about real fraud: there every fraud empties an account in two moves. So everything is
measured twice, the second time without any column that depends on the payer's balance. Never used: the hour, and steps that hold nothing
but fraud. Cards are trained on the month's first part, everything is measured on the rest. All columns are columns of decisions, filled by
the ledger before it carries a payment out.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.report.figures import Figure, figure
from bench.report.options import Options
from bench.workload.mobile_money import Month, month_file, read_month
from models.capacity import Capacity, at_capacity, split_by_time
from models.scorecard import Scorecard
from models.training.train import Range, Settings, fit, prepare
from rules.builtin import DOCUMENT
from rules.compile.compiler import compile_pack
from rules.decisions.decision import Decisions
from rules.decisions.pack import Decider
from rules.language.document import CardReference, PackDocument
from rules.language.ir import Op
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import COLUMNS, INDEX, NULL, WINDOW_NAMES
from rules.vocabulary.encodings import WalletKind

NAME: Final = "risk"
TRAINED_SHARE: Final = 0.6
"""Of the payments that are left, the earliest. Later, and there would be few frauds to measure on; earlier, to train on."""
BALANCE: Final = ("payer_available", "payer_credits", "payer_debits", "payer_credited", "payer_credited_ago_s")
"""Columns that depend on the payer's balance, if only together with the amount: a mule pays out exactly what it was just credited."""
NO_TABLE: Final = ("hour", "weekday", "effective_time", "payer", "payee", "payer_age_days", "payee_age_days")
"""No card sees these: the hour gives frauds away, who pays whom names them, and as all wallets open on the first day, an age is a date."""
CURRENCY_FREE: Final = ("payee_kind", "count_24h", "count_7d", "payees_24h", "payees_7d")
"""What the default card is trained on: no amount, for it must do in any currency. Of the last hour rules know more than a card can say, and
whether a payee is new costs points by rule: by the card, too, it would count twice."""
IN_MONEY: Final = (
    "label",
    "amount",
    "payer_day_total",
    *(f"{what}_{w}" for w in WINDOW_NAMES for what in ("sum", "max")),
)
"""What an operator's own card is trained on, too: its amounts are what its future ones will be like."""
CARD: Final = Settings(
    name="payment-risk",
    version=2,
    target="is_fraud",
    scaling=Range(low=500, high=900),
    method="logistic",
    trend="monotonic",
)
STRICTER: Final = 1 << 24
"""Queued before everything that was decided less strictly, whatever its points."""


class Halves(msgspec.Struct, frozen=True, kw_only=True):
    """Payments of wallets, without the steps that hold nothing but fraud: to train on, and to measure on."""

    early: Month
    late: Month


def run(options: Options) -> list[Figure]:
    """The same each time: there are no rounds."""
    options.say(f"{NAME}: a simulated month through a ledger")
    halves = halves_of(read_month(month_file()))
    found = []
    for (with_balance, own), each in measured(halves, options).items():
        columns = "with balance" if with_balance else "without balance"
        card = "trained on amounts too" if own else "as shipped"
        for what, share in (
            ("precision", each.precision),
            ("recall", each.recall),
            ("amount", each.amount_recall),
        ):
            assert share is not None, "there are frauds and reviews"
            case = f"simulated, {columns}, {card}: {what}"
            found.append(figure(NAME, case, "%", [100 * share], detail=msgspec.to_builtins(each)))
    return found


def measured(halves: Halves, options: Options) -> dict[tuple[bool, bool], Capacity]:
    """At the review capacity, by whether the balance is known, and whether the card was trained on amounts, too."""
    found = {}
    for own in (False, True):
        options.say(f"{NAME}: training on {len(halves.early.amount):,} simulated payments")
        card = train_card(halves.early, (*CURRENCY_FREE, *(IN_MONEY if own else ())))
        for with_balance in (True, False):
            found[with_balance, own] = queue_of(halves.late, pack_with(card, with_balance=with_balance))
    return {key: found[key] for key in sorted(found, key=lambda key: (not key[0], key[1]))}


def halves_of(month: Month) -> Halves:
    """Split by time. A cash-in is no wallet's payment: the operator's own wallet pays."""
    steps = int(month.step.max()) + 1
    payments, frauds = (
        np.bincount(month.step, minlength=steps),
        np.bincount(month.step[month.is_fraud], minlength=steps),
    )
    wallet_pays = month.columns[:, INDEX["payer_kind"]] <= WalletKind.MERCHANT
    month = month.rows((payments != frauds)[month.step] & wallet_pays)
    early, late = split_by_time(month.step, TRAINED_SHARE)
    return Halves(early=month.rows(early), late=month.rows(late))


def training_table(month: Month, features: Sequence[str]) -> pa.Table:
    """Columns that a decision sees, under their names, and whether it was fraud. Raises ValueError for any other."""
    unseen = [name for name in features if name not in COLUMNS or name in NO_TABLE]
    if unseen:
        raise ValueError(f"no card may see {', '.join(unseen)}")
    columns = {name: _column(name, month.columns[:, INDEX[name]]) for name in features}
    return pa.table({**columns, CARD.target: month.is_fraud})


def _column(name: str, values: NDArray[np.int64]) -> pa.Array:
    if name not in CODES:
        return pa.array(values, mask=values == NULL)
    words = {number: word for word, number in CODES[name].items()}
    return pa.array([words.get(value) for value in values.tolist()], pa.string())


def train_card(month: Month, features: Sequence[str]) -> Scorecard:
    """The card that `shardpay train --method logistic --trend monotonic` makes of them."""
    return fit(prepare(training_table(month, features), CARD), CARD).card


def pack_with(card: Scorecard, *, with_balance: bool) -> Decider:
    """The default pack with a card in place of its own, and without the rules that look at the balance if that is not to be known."""
    assert with_balance or not {item.feature for item in card.characteristics} & set(BALANCE)
    named = DOCUMENT.card
    assert named is not None, "the default pack has a card"
    reference = CardReference(reference=named.reference, card=card, problem=named.problem)
    rules = tuple(rule for rule in DOCUMENT.rules if with_balance or not sees(DOCUMENT, rule.root) & set(BALANCE))
    return Decider(compile_pack(msgspec.structs.replace(DOCUMENT, card=reference, rules=rules), {}, 1, 1))


def sees(document: PackDocument, root: int) -> set[str]:
    """Columns that a condition looks at."""
    op: Op = document.ops[root]
    found = {COLUMNS[_column_of(op)]} if op.name in ("column", "flag", "bit", "null") else set()
    return found.union(*(sees(document, place) for place in op.args))


def _column_of(op: Op) -> int:
    assert isinstance(op.value, int), "an operation on a column has one number"
    return op.value // 64 if op.name == "bit" else op.value


def queue_of(month: Month, decider: Decider) -> Capacity:
    """The analysts' queue: what the pack would decline, what it would hold, then the rest, by points."""
    decisions: Decisions = decider.decide(month.columns)
    score = decisions["points"].astype(np.int64) - STRICTER * decisions["action"].astype(np.int64)
    return at_capacity(month.step, score, month.is_fraud, month.amount)
