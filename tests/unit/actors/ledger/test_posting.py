"""Every decline, one row a case, and the range of balances: what is declined is recorded and moves nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from actors.ledger.book import profile_row
from actors.ledger.posting import effect_profile
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, OPENED, PROFILE, RECORD, WALLET_KIND, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import EUR, Both, all_but
from tests.unit.actors.ledger.small_world import (
    CLOSED,
    EXTERNAL,
    FROZEN,
    FULL,
    LIMITED,
    OWING,
    POOR,
    REMOTE,
    REMOTE_CLOSED,
    RICH,
    SUSPENSE,
    Case,
    a_world,
    act,
    opening,
    pay,
    status,
    tier,
)

DECLINES: list[Case] = [
    ("a closed payer and a closed payee", Code.PAYER_CLOSED, lambda w: pay(CLOSED, REMOTE_CLOSED, 1)),
    ("a closed payer without money", Code.PAYER_CLOSED, lambda w: pay(CLOSED, RICH, AMOUNT_MAX)),
    ("a frozen payer", Code.PAYER_FROZEN, lambda w: pay(FROZEN, RICH, 1)),
    ("a frozen payer and a closed payee", Code.PAYER_FROZEN, lambda w: pay(FROZEN, CLOSED, 1)),
    ("a closed payee", Code.PAYEE_CLOSED, lambda w: pay(RICH, CLOSED, 1)),
    ("a remote payee that is closed", Code.PAYEE_CLOSED, lambda w: pay(RICH, REMOTE_CLOSED, 1)),
    ("a closed payee and no money", Code.PAYEE_CLOSED, lambda w: pay(POOR, CLOSED, 1)),
    ("beyond the day's limit", Code.DAILY_LIMIT_EXCEEDED, lambda w: pay(LIMITED, POOR, 1_001)),
    ("beyond the day's limit and the money", Code.DAILY_LIMIT_EXCEEDED, lambda w: pay(LIMITED, POOR, AMOUNT_MAX)),
    ("too little money", Code.INSUFFICIENT_FUNDS, lambda w: pay(RICH, POOR, 59_001)),
    ("no money for what the payee cannot take", Code.INSUFFICIENT_FUNDS, lambda w: pay(POOR, FULL, 1)),
    ("a payee that is full", Code.BALANCE_OUT_OF_RANGE, lambda w: pay(RICH, FULL, 1)),
    (
        "an operator's stripe beyond its share",
        Code.BALANCE_OUT_OF_RANGE,
        lambda w: pay(EXTERNAL, POOR, AMOUNT_MAX // 3),
    ),
]
DECLINED = pytest.mark.parametrize(("case", "code", "row"), DECLINES, ids=[case for case, *_ in DECLINES])


@pytest.fixture
def both() -> Both:
    """A small world; see the names of `small_world`."""
    return a_world()


@DECLINED
def test_a_declined_request_is_recorded_and_moves_nothing(
    both: Both, case: str, code: Code, row: Callable[[Both], Row]
) -> None:
    request = row(both)
    wallets = both.ledger.book.wallets
    before = all_but(wallets, "payer_time", "ring")
    blocks, request = both.block, {**request, **both.fresh_key()}
    assert act(both, dict(request)) == [code]
    assert all_but(wallets, "payer_time", "ring") == before
    assert both.block == blocks + 1
    (outcome,) = both.batch([request])
    assert outcome["duplicate"] == blocks << 8 | 1 << 52
    both.check_all()


def test_a_declined_score_stops_a_payment_but_not_an_imported_one() -> None:
    for at, code in ((0, Code.DECLINED), (-1, Code.OK)):
        world = Both(scored=True)
        act(world, opening(3, EXTERNAL, EUR, 0, 0), *[opening(1, 0, EUR, 0, 0)] * 2)
        act(world, pay(EXTERNAL, RICH, 2_000_000))
        assert act(world, pay(RICH, POOR, 2_000_000, effective_time=at and world.now + at)) == [code]
        assert act(world, pay(RICH, POOR, 2_000_000, flags=4)) == [Code.INSUFFICIENT_FUNDS if at else Code.OK]
        world.check_all()


def test_a_declined_score_comes_before_limit_and_funds() -> None:
    world = Both(scored=True)
    act(world, opening(3, EXTERNAL, EUR, 0, 0), opening(1, 0, EUR, 1, 0), opening(1, 0, EUR, 0, 0))
    assert act(world, pay(RICH, POOR, 5_000_000)) == [Code.DECLINED]


def test_a_user_may_owe_down_to_the_exact_range_and_not_further(both: Both) -> None:
    assert act(both, pay(OWING, REMOTE, AMOUNT_MAX)) == [Code.OK]
    assert act(both, pay(OWING, REMOTE, 1)) == [Code.INSUFFICIENT_FUNDS]
    assert both.oracle.wallets[OWING].posted == -AMOUNT_MAX
    both.check_all()


def test_a_stripe_takes_its_share_of_the_range_and_not_more(both: Both) -> None:
    share = AMOUNT_MAX // 3
    already = -both.oracle.wallets[EXTERNAL].posted
    assert act(both, pay(EXTERNAL, POOR, share - already), pay(EXTERNAL, POOR, 1)) == [
        Code.OK,
        Code.BALANCE_OUT_OF_RANGE,
    ]
    assert act(both, opening(4, 1_030, EUR, 0, 0)) == [Code.OK]
    assert act(both, pay(OWING, 1_030, share), pay(OWING, 1_030, 1)) == [Code.OK, Code.BALANCE_OUT_OF_RANGE]
    both.check_all()


def test_a_leg_beyond_the_range_goes_to_suspense_which_takes_any(both: Both) -> None:
    leg = {"payer": REMOTE, "payee": FULL, "amount": 1, "currency": EUR, "effective_time": 5, "reference": 1}
    landed = both.apply_legs([leg] + [{**leg, "amount": AMOUNT_MAX}] * 3)
    assert all(record["flags"] == 2 for record in landed)
    assert both.oracle.wallets[SUSPENSE].posted == 3 * AMOUNT_MAX + 1
    assert act(both, tier(SUSPENSE, 1), status(SUSPENSE, WalletStatus.CLOSED)) == [Code.OPERATOR_WALLET] * 2
    both.check_all()


@pytest.mark.parametrize(("left", "code"), [(5, Code.OK), (4, Code.BALANCE_OUT_OF_RANGE)])
@pytest.mark.parametrize(("wallet", "field"), [(RICH, "debits"), (POOR, "credits"), (EXTERNAL, "credits")])
def test_sums_of_all_time_stay_below_their_bound(both: Both, wallet: int, field: str, left: int, code: Code) -> None:
    row = (wallet & 65_535) + (65_536 if wallet >> 16 else 0)
    place = both.ledger.book.wallets[row : row + 1]
    balance = int(place["credits"][0] - place["debits"][0])
    place[field] = 2**62 - left
    other = 2**62 - left + (balance if field == "debits" else -balance)
    place["credits" if field == "debits" else "debits"] = other
    before = place.tobytes()
    payee = wallet if field == "credits" else POOR
    _, _, admitted = both.admitted({**pay(RICH, payee, 5), **both.fresh_key()})
    results = both.ledger.apply(admitted, None, 1 << 52 | 900 << 8).results
    assert int(results["code"][0]) == code
    was = np.frombuffer(before, place.dtype)
    names = [n for n in place.dtype.names or () if n != "payer_time"]
    unchanged = all(place[name].tobytes() == was[name].tobytes() for name in names)
    assert unchanged == (code != Code.OK)
    assert int(place[field][0]) == 2**62 - left + (5 if code == Code.OK else 0)


def test_of_a_wallet_that_is_known_no_more_no_kind_is_known() -> None:
    book, scratch = a_world().ledger.book, np.zeros(1, PROFILE)
    record = np.zeros(1, RECORD)[0]
    record["payee"], record[WALLET_KIND], record["currency"] = 7 << 16, WalletKind.MERCHANT, EUR
    for opened, kind in ((9, WalletKind.MERCHANT), (0, 0)):
        record[OPENED] = opened
        assert effect_profile(book, record, scratch)
        assert book.profiles[profile_row(book, record["payee"])]["kind"] == kind
