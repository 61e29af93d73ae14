"""Every refusal, one row a case; of two broken rules the first in the table is the answer, and nothing changes."""

from collections.abc import Callable

import pytest

from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, REQUEST_ANSWER, Kind, WalletStatus
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import EUR, USD, Both, new_row
from tests.unit.actors.ledger.small_world import (
    ABSENT,
    CLOSED,
    DOLLARS,
    EXTERNAL,
    LIMITED,
    MOVED,
    OWING,
    POOR,
    REMOTE,
    REMOTE_DOLLARS,
    RICH,
    SUSPENSE,
    UNKNOWN_REMOTE,
    UNKNOWN_SEGMENT,
    UNOPENED,
    Case,
    a_world,
    act,
    bytes_of,
    opening,
    pay,
    read,
    status,
    tier,
)

BACK, FUTURE = 1_000, 10**13
REFUSALS: list[Case] = [
    ("a profile that was never asked", Code.DEFERRED, lambda w: pay(RICH, UNKNOWN_REMOTE, 1)),
    ("an absent wallet, asked long ago", Code.DEFERRED, lambda w: pay(RICH, ABSENT, 1)),
    ("a segment that is not known", Code.DEFERRED, lambda w: pay(RICH, UNKNOWN_SEGMENT, 1)),
    ("a channel that was not read so far", Code.DEFERRED, lambda w: pay(RICH, POOR, 1, after=2 << 52 | 9 << 8)),
    (
        "a channel that was read before it was asked",
        Code.DEFERRED,
        lambda w: pay(RICH, POOR, 1, after=2 << 52 | 9 << 8, deferred_at=read(w) + 1),
    ),
    (
        "a segment that was asked for before",
        Code.DEFERRED,
        lambda w: pay(RICH, UNKNOWN_SEGMENT, 1, deferred_at=read(w) + 1),
    ),
    ("an absent wallet, asked before", Code.DEFERRED, lambda w: pay(RICH, ABSENT, 1, deferred_at=w.now + 1)),
    ("a payer that lives elsewhere", Code.MOVED, lambda w: pay(MOVED, RICH, 1)),
    ("an operator wallet pays a wallet of another shard", Code.MOVED, lambda w: pay(EXTERNAL, REMOTE, 1)),
    ("payer and payee are one", Code.SAME_WALLET, lambda w: pay(RICH, RICH, 1)),
    ("one wallet that does not exist", Code.SAME_WALLET, lambda w: pay(UNOPENED, UNOPENED, 0)),
    ("the payer's slot is empty", Code.PAYER_NOT_FOUND, lambda w: pay(UNOPENED, RICH, 1)),
    ("both ids were forged", Code.PAYER_NOT_FOUND, lambda w: pay(0, 0, 1)),
    ("the payer and the payee do not exist", Code.PAYER_NOT_FOUND, lambda w: pay(UNOPENED, 0, 1)),
    ("the payer's operator wallet does not exist", Code.PAYER_NOT_FOUND, lambda w: pay(2_000, RICH, 1)),
    ("a negative payer", Code.PAYER_NOT_FOUND, lambda w: pay(-(2**63), RICH, 1)),
    ("a payer beyond all segments", Code.PAYER_NOT_FOUND, lambda w: pay(2**63 - 1, RICH, 1)),
    ("the payee's slot is empty", Code.PAYEE_NOT_FOUND, lambda w: pay(RICH, UNOPENED, 1)),
    ("the payee's id was forged", Code.PAYEE_NOT_FOUND, lambda w: pay(RICH, 0, 1)),
    ("a payee and another currency", Code.PAYEE_NOT_FOUND, lambda w: pay(RICH, UNOPENED, 1, currency=USD)),
    ("a negative payee", Code.PAYEE_NOT_FOUND, lambda w: pay(RICH, -1, 1)),
    ("a payee beyond all segments", Code.PAYEE_NOT_FOUND, lambda w: pay(RICH, 2**63 - 1, 1)),
    ("an absent wallet, asked since", Code.PAYEE_NOT_FOUND, lambda w: pay(RICH, ABSENT, 1, deferred_at=w.now)),
    (
        "a segment that nobody owns, asked since",
        Code.PAYEE_NOT_FOUND,
        lambda w: pay(RICH, UNKNOWN_SEGMENT, 1, deferred_at=read(w)),
    ),
    ("freezing no wallet", Code.WALLET_NOT_FOUND, lambda w: status(UNOPENED, WalletStatus.FROZEN)),
    ("another tier of no wallet", Code.WALLET_NOT_FOUND, lambda w: tier(-(2**62), 1)),
    ("the payer has another currency", Code.CURRENCY_MISMATCH, lambda w: pay(DOLLARS, RICH, 1)),
    ("the payee has another currency", Code.CURRENCY_MISMATCH, lambda w: pay(RICH, DOLLARS, 1)),
    ("the transfer has another currency", Code.CURRENCY_MISMATCH, lambda w: pay(RICH, POOR, 1, currency=USD)),
    ("a remote payee has another currency", Code.CURRENCY_MISMATCH, lambda w: pay(RICH, REMOTE_DOLLARS, 1)),
    ("a currency and a time", Code.CURRENCY_MISMATCH, lambda w: pay(RICH, DOLLARS, 1, effective_time=FUTURE)),
    ("a time to come", Code.EFFECTIVE_TIME_IN_FUTURE, lambda w: pay(RICH, POOR, 1, effective_time=w.now + 1)),
    (
        "a wallet opened in time to come",
        Code.EFFECTIVE_TIME_IN_FUTURE,
        lambda w: {**opening(9, 3, 0, 0, 0), "effective_time": FUTURE},
    ),
    (
        "a time to come after nothing",
        Code.EFFECTIVE_TIME_IN_FUTURE,
        lambda w: pay(RICH, POOR, 1, effective_time=FUTURE, after=-1),
    ),
    (
        "a time before the payer's last",
        Code.EFFECTIVE_TIME_WENT_BACK,
        lambda w: pay(LIMITED, POOR, 1, effective_time=BACK),
    ),
    (
        "a time before, after nothing",
        Code.EFFECTIVE_TIME_WENT_BACK,
        lambda w: pay(LIMITED, POOR, 1, effective_time=-1, after=-1),
    ),
    ("after what is not written", Code.AFTER_NOT_FOUND, lambda w: pay(RICH, POOR, 1, after=1 << 52 | 9_999 << 8)),
    ("after what no shard wrote", Code.AFTER_NOT_FOUND, lambda w: pay(RICH, POOR, 1, after=3 << 52)),
    (
        "after what was not in the channel, asked since",
        Code.AFTER_NOT_FOUND,
        lambda w: pay(RICH, POOR, 1, after=2 << 52 | 9 << 8, deferred_at=read(w)),
    ),
    ("after something negative", Code.AFTER_NOT_FOUND, lambda w: pay(RICH, POOR, 1, after=-(2**63))),
    ("after nothing, and for nothing", Code.AFTER_NOT_FOUND, lambda w: pay(RICH, POOR, 0, after=-1)),
    ("closing an operator wallet", Code.OPERATOR_WALLET, lambda w: status(EXTERNAL, WalletStatus.CLOSED)),
    ("a tier for an operator wallet", Code.OPERATOR_WALLET, lambda w: tier(EXTERNAL, 1)),
    ("a tier for a suspense wallet", Code.OPERATOR_WALLET, lambda w: tier(SUSPENSE, 1)),
    ("opening what was closed", Code.WALLET_CLOSED, lambda w: status(CLOSED, WalletStatus.OPEN)),
    ("a tier for what was closed", Code.WALLET_CLOSED, lambda w: tier(CLOSED, 1)),
    ("no status for what was closed", Code.WALLET_CLOSED, lambda w: status(CLOSED, 77)),
    ("closing what has money", Code.WALLET_NOT_EMPTY, lambda w: status(RICH, WalletStatus.CLOSED)),
    ("nothing to pay", Code.INVALID_REQUEST, lambda w: pay(RICH, POOR, 0)),
    ("less than nothing to pay", Code.INVALID_REQUEST, lambda w: pay(POOR, RICH, -5)),
    ("the least number to pay", Code.INVALID_REQUEST, lambda w: pay(EXTERNAL, RICH, -(2**63))),
    ("more than is kept exact", Code.INVALID_REQUEST, lambda w: pay(EXTERNAL, POOR, AMOUNT_MAX + 1)),
    ("the largest number, to another shard", Code.INVALID_REQUEST, lambda w: pay(OWING, REMOTE, 2**63 - 1)),
    ("a time before 1970", Code.INVALID_REQUEST, lambda w: pay(EXTERNAL, RICH, 1, effective_time=-1)),
    (
        "an approval of nothing",
        Code.INVALID_REQUEST,
        lambda w: new_row(Kind.APPROVAL, payer=RICH, payee=POOR, flags=REQUEST_ANSWER),
    ),
    ("no such status", Code.INVALID_REQUEST, lambda w: status(RICH, 0)),
    ("no such status either", Code.INVALID_REQUEST, lambda w: status(RICH, 4)),
    ("no operation", Code.INVALID_REQUEST, lambda w: new_row(0, payee=RICH, tier=9)),
    ("a leg as a request", Code.INVALID_REQUEST, lambda w: new_row(Kind.LEG, payee=RICH, amount=9)),
    ("a user wallet at a place of its choice", Code.INVALID_REQUEST, lambda w: opening(1, UNOPENED, EUR, 0, 0)),
    ("an operator wallet at a place of its choice", Code.INVALID_REQUEST, lambda w: opening(3, UNOPENED, EUR, 0, 0)),
    ("an operator wallet without a place", Code.INVALID_REQUEST, lambda w: opening(3, 0, EUR, 0, 0)),
    ("an operator wallet in place of another", Code.INVALID_REQUEST, lambda w: opening(3, EXTERNAL, USD, 0, 0)),
    ("a wallet among the suspense wallets", Code.INVALID_REQUEST, lambda w: opening(3, 977, EUR, 0, 0)),
    ("a second suspense wallet", Code.INVALID_REQUEST, lambda w: opening(6, 1_030, EUR, 0, 0)),
    ("no kind of wallet", Code.INVALID_REQUEST, lambda w: opening(0, 0, EUR, 0, 0)),
    ("an unheard-of kind of wallet", Code.INVALID_REQUEST, lambda w: opening(255, 0, EUR, 0, 0)),
    ("a wallet outside all segments", Code.INVALID_REQUEST, lambda w: opening(3, -(2**63), EUR, 0, 0)),
    ("a wallet without a currency", Code.INVALID_REQUEST, lambda w: opening(1, 0, 0, 0, 0)),
    ("a currency like an operator's place", Code.INVALID_REQUEST, lambda w: opening(1, 0, 1_024, 0, 0)),
    ("a floor that is not exact", Code.INVALID_REQUEST, lambda w: opening(1, 0, EUR, 0, -(2**63))),
]
UNCHANGED = pytest.mark.parametrize(("case", "code", "row"), REFUSALS, ids=[case for case, *_ in REFUSALS])


@pytest.fixture
def both() -> Both:
    """A small world; see the names of `small_world`."""
    return a_world()


@UNCHANGED
def test_a_refused_request_leaves_no_trace(both: Both, case: str, code: Code, row: Callable[[Both], Row]) -> None:
    request = {**row(both), **both.fresh_key()}
    before, blocks = bytes_of(both), both.block
    keys = both.ledger.book.keys.slots.tobytes()
    assert act(both, dict(request), dict(request)) == [code, code]
    assert bytes_of(both) == before
    assert both.block == blocks
    assert both.ledger.book.keys.slots.tobytes() == keys
    both.check_all()


def test_a_used_key_comes_before_every_other_rule(both: Both) -> None:
    key = both.fresh_key()
    (address,) = (o["address"] for o in both.batch([{**pay(RICH, POOR, 1), **key}]))
    for other in (pay(RICH, RICH, 0), pay(RICH, 0, -1, effective_time=FUTURE), pay(RICH, DOLLARS, 1)):
        (outcome,) = both.batch([{**other, **key}])
        assert (outcome["code"], outcome["duplicate"]) == (0, address)


def test_a_payment_of_now_that_is_not_tried_keeps_no_imported_one_of_its_payer_waiting() -> None:
    world = a_world()
    now = pay(RICH, UNKNOWN_REMOTE, 1)
    imported = pay(RICH, POOR, 1, effective_time=world.now - 1)
    assert act(world, now, imported) == [Code.DEFERRED, 0]
    assert act(world, pay(RICH, UNKNOWN_REMOTE, 1, effective_time=world.now - 1), imported) == [Code.DEFERRED] * 2


def test_a_payment_of_now_does_not_overtake_an_imported_one_of_its_payer_that_waits() -> None:
    world = a_world()
    imported = {**pay(RICH, UNKNOWN_REMOTE, 1, effective_time=world.now - 1), **world.fresh_key()}
    now = {**pay(RICH, POOR, 1), **world.fresh_key()}
    outcomes = world.batch([imported, now, {**pay(POOR, RICH, 1), **world.fresh_key()}])
    assert [outcome["code"] for outcome in outcomes[:2]] == [Code.DEFERRED] * 2
    assert outcomes[2]["code"] != Code.DEFERRED, "it is of another payer"
    world.learn(address=UNKNOWN_REMOTE, opened=7, tier=0, kind=1, status=1, currency=EUR)
    assert [outcome["code"] for outcome in world.batch([imported, now])] == [Code.OK] * 2


def test_the_lowest_currency_is_one() -> None:
    world = a_world()
    assert act(world, opening(1, 0, 1, 0, 0), opening(1, 0, 0, 0, 0)) == [0, Code.INVALID_REQUEST]
