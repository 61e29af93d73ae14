"""A replay takes nothing on trust: one record of each sort that says what cannot be, and it stops there."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.ledger.ledger import Ledger
from actors.records.codes import Code
from actors.records.credit_layout import FIRST_CREDIT
from actors.records.layout import FLAG_REVIEW, Kind, Records, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.unit.actors.ledger.both import EUR, START, Both, new_row
from tests.unit.actors.ledger.test_reviews import (
    EXTERNAL,
    PAYEE,
    PAYER,
    REMOTE,
    REVIEWED,
    answer,
    code_of,
    hold,
    pay,
    put_in_review,
)

NOBODY = (1 << 16) + 999
Journal = tuple[Both, Records, NDArray[np.int64]]


@cache
def journal() -> Journal:
    """One record of each sort at least."""
    both = Both(reviews=True)
    users = [new_row(Kind.WALLET_OPENED, kind=WalletKind.USER, **both.fresh_key()) for _ in range(2)]
    both.batch([*users, new_row(Kind.WALLET_OPENED, kind=WalletKind.EXTERNAL, payee=EXTERNAL, **both.fresh_key())])
    for wallet in (PAYER, PAYEE):
        assert code_of(both, pay(both, EXTERNAL, wallet, 5_000)) == Code.OK
    both.learn(address=REMOTE, opened=START, currency=EUR, status=1, kind=1, tier=0)
    both.apply_legs(
        [{"payer": REMOTE, "payee": PAYER, "amount": 7, "currency": EUR, "effective_time": 5, "reference": 1}]
    )
    (paid, captured, voided, _) = both.batch([pay(both, PAYER, PAYEE, 100), *(hold(both, 40, 60) for _ in range(3))])
    both.know_original(both.original(paid["address"]))
    back = {"payer": PAYEE, "payee": PAYER, "after": paid["address"], "amount": 10, **both.fresh_key()}
    assert code_of(both, new_row(Kind.REFUND, **back)) == Code.OK
    assert code_of(both, answer(both, Kind.CAPTURE, captured["address"], flags=0, amount=30)) == Code.OK
    assert code_of(both, answer(both, Kind.VOID, voided["address"], flags=0)) == Code.OK
    assert code_of(both, answer(both, Kind.APPROVAL, put_in_review(both, hold(both, REVIEWED, 7_200)))) == Code.OK
    assert code_of(both, answer(both, Kind.VOID, put_in_review(both, pay(both, PAYER, PAYEE, REVIEWED)))) == Code.OK
    frozen = new_row(Kind.WALLET_STATUS, payee=PAYEE, kind=int(WalletStatus.FROZEN), **both.fresh_key())
    assert code_of(both, frozen) == Code.OK
    assert code_of(both, new_row(Kind.WALLET_TIER, payee=PAYEE, tier=3, **both.fresh_key())) == Code.OK
    both.advance(both.now + 3_600_000)
    both.expire()
    records, addresses = (np.concatenate([part[i] for part in both.journal]) for i in (0, 1))
    return both, records, addresses


def replayed(records: Records) -> int:
    both, _, addresses = journal()
    return Ledger(both.config, both.capacity).replay(records, addresses)


def test_what_was_not_changed_is_replayed() -> None:
    _, records, _ = journal()
    assert replayed(records.copy()) == len(records)
    money = {kind for kind in Kind if kind < FIRST_CREDIT}  # the others are replayed in tests/unit/actors/shard
    assert {Kind(kind) for kind in records["kind"]} >= money - {Kind.OPEN, Kind.CURSOR}


SAYS_OF_PAYER = [(field, 1) for field in ("payer_posted", "payer_held", "payer_prev")]
SAYS_OF_PAYEE = [(field, 1) for field in ("payee_posted", "payee_prev")]
NO_PAYER, NO_PAYEE = ("payer", NOBODY - PAYER), ("payee", NOBODY - PAYEE)
WRONG: dict[Kind, list[tuple[str, int]]] = {
    Kind.TRANSFER: [*SAYS_OF_PAYER, *SAYS_OF_PAYEE, ("amount", 1), NO_PAYER, NO_PAYEE],
    Kind.HOLD: [*SAYS_OF_PAYER, ("amount", 1), NO_PAYER],
    Kind.CAPTURE: [*SAYS_OF_PAYER, *SAYS_OF_PAYEE, ("amount", 11), ("reference", 1 << 20), NO_PAYER, NO_PAYEE],
    Kind.VOID: [*SAYS_OF_PAYER, ("amount", -1), ("amount", 1), ("reference", 1 << 20), NO_PAYER],
    Kind.EXPIRY: [*SAYS_OF_PAYER, ("amount", -1), ("reference", 1 << 20), NO_PAYER],
    Kind.APPROVAL: [*SAYS_OF_PAYER, ("expiry", 1), ("reference", 1 << 20), NO_PAYER],
    Kind.REFUND: [*SAYS_OF_PAYER, *SAYS_OF_PAYEE, ("amount", 1), ("payer", NOBODY - PAYEE), ("payee", NOBODY - PAYER)],
    Kind.LEG: [*SAYS_OF_PAYEE, ("amount", 1), ("payee", NOBODY - PAYER)],
    Kind.WALLET_OPENED: [("payee", 9 << 52)],
    Kind.WALLET_STATUS: [NO_PAYEE],
    Kind.WALLET_TIER: [NO_PAYEE],
}


@pytest.mark.parametrize(
    ("kind", "field", "by"),
    [(kind, *wrong) for kind, wrongs in WRONG.items() for wrong in wrongs],
    ids=lambda value: value.name if isinstance(value, Kind) else str(value),
)
def test_a_replay_stops_at_a_record_that_says_what_cannot_be(kind: Kind, field: str, by: int) -> None:
    records = journal()[1].copy()
    at = int(np.flatnonzero(records["kind"] == kind)[-1])
    records[field][at] += by
    assert replayed(records) == at


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.APPROVAL])
def test_a_review_is_ended_by_an_answer_and_nothing_else_is(kind: Kind) -> None:
    records = journal()[1].copy()
    for at in np.flatnonzero(records["kind"] == kind):
        changed = records.copy()
        changed["flags"][at] ^= FLAG_REVIEW
        assert replayed(changed) == at


def test_a_record_of_no_known_kind_is_no_record() -> None:
    records = journal()[1].copy()
    records["kind"][-1] = 99
    assert replayed(records) == len(records) - 1
