"""Every refusal and every decline, one row a case; of two broken rules the first in the table is the answer, and nothing changes."""

from collections.abc import Callable

import numpy as np
import pytest

from actors.ledger.book import M_BATCH
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, Kind, WalletKind, WalletStatus
from tests.oracle.oracle_ledger import Row
from tests.unit.actors.ledger.both import EUR, USD, Both, new_row

EXTERNAL, LIQUIDITY_USD, SUSPENSE = 1024, 1025, 978
RICH, POOR, LIMITED, FROZEN, CLOSED, DOLLARS, FULL, OWING = ((1 << 16) + slot for slot in range(8))
REMOTE, REMOTE_CLOSED, REMOTE_DOLLARS, UNKNOWN_REMOTE, ABSENT = ((2 << 16) + slot for slot in range(5))
MOVED = (4 << 16) + 3
UNOPENED = (1 << 16) + 60_000
UNKNOWN_SEGMENT = 9 << 16


@pytest.fixture
def both() -> Both:
    """A small world; see the names above. LIMITED may pay 10,000 a day and has paid 9,000."""
    world = Both(scored=False)
    kinds = [(WalletKind.EXTERNAL, EXTERNAL, EUR, 0, 0), (WalletKind.LIQUIDITY, LIQUIDITY_USD, USD, 0, 0)]
    kinds += [(WalletKind.USER, 0, EUR, 0, 0)] * 2 + [(WalletKind.USER, 0, EUR, 1, 0)]
    kinds += [(WalletKind.USER, 0, EUR, 0, 0)] * 2 + [
        (WalletKind.USER, 0, USD, 0, 0),
        (WalletKind.MERCHANT, 0, EUR, 0, 0),
    ]
    kinds += [(WalletKind.USER, 0, EUR, 0, -AMOUNT_MAX)]
    act(world, *(opening(*k) for k in kinds))
    act(
        world,
        *(pay(EXTERNAL, w, 50_000) for w in (RICH, LIMITED, FROZEN)),
        pay(LIQUIDITY_USD, DOLLARS, 100, currency=USD),
    )
    act(world, pay(LIMITED, RICH, 9_000), status(FROZEN, WalletStatus.FROZEN), status(CLOSED, WalletStatus.CLOSED))
    world.advance(world.now + 1_000)
    world.apply_legs(
        [{"payer": REMOTE, "payee": FULL, "amount": AMOUNT_MAX, "currency": EUR, "effective_time": 5, "reference": 1}]
    )
    profile = {"opened": 7, "tier": 0, "kind": 1, "status": 1, "currency": EUR}
    world.learn(**{**profile, "address": REMOTE})
    world.learn(**{**profile, "address": REMOTE_CLOSED, "status": 3})
    world.learn(**{**profile, "address": REMOTE_DOLLARS, "currency": USD})
    world.learn(address=ABSENT, opened=world.now, currency=0, status=0, kind=0, tier=0)
    return world


def opening(kind: int, place: int, currency: int, tier: int, floor: int) -> Row:
    return new_row(Kind.WALLET_OPENED, kind=kind, payee=place, currency=currency, tier=tier, amount=floor)


def pay(payer: int, payee: int, amount: int, **fields: int) -> Row:
    return new_row(Kind.TRANSFER, payer=payer, payee=payee, amount=amount, **fields)


def status(wallet: int, target: int) -> Row:
    return new_row(Kind.WALLET_STATUS, payee=wallet, kind=int(target))


def tier(wallet: int, target: int) -> Row:
    return new_row(Kind.WALLET_TIER, payee=wallet, tier=target)


def act(world: Both, *rows: Row) -> list[int]:
    """A batch under fresh keys, where a row has none: the codes."""
    keyed = [row if row["key_hi"] else {**row, **world.fresh_key()} for row in rows]
    return [int(outcome["code"]) for outcome in world.batch(keyed)]


def read(world: Both) -> int:
    """A channel and the list of segments were read to the end just now."""
    world.channel(2, 1, ended=True)
    return world.now


def bytes_of(world: Both) -> list[bytes]:
    """All that could change but keys: wallets, remote wallets, rings, counters."""
    book = world.ledger.book
    used = book.wallets[np.flatnonzero(book.wallets["currency"])]
    meta = book.meta.copy()
    meta[M_BATCH] = 0  # each batch has a number, also one that leaves no trace
    profiles = book.profiles[:50].copy()
    profiles["used"] = profiles["batch"] = 0
    return [array.tobytes() for array in (used, profiles, book.rings[:50], book.attempts[:500], meta)]


Case = tuple[str, Code, Callable[[Both], Row]]
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
    ("a tier for a suspense wallet", Code.WALLET_NOT_FOUND, lambda w: tier(SUSPENSE, 1)),
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
UNCHANGED = pytest.mark.parametrize(("case", "code", "row"), REFUSALS, ids=[case for case, *_ in REFUSALS])
DECLINED = pytest.mark.parametrize(("case", "code", "row"), DECLINES, ids=[case for case, *_ in DECLINES])


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


@DECLINED
def test_a_declined_request_is_recorded_and_moves_nothing(
    both: Both, case: str, code: Code, row: Callable[[Both], Row]
) -> None:
    request = row(both)
    names = [n for n in both.ledger.book.wallets.dtype.names or () if n not in ("payer_time", "ring")]
    wallets = both.ledger.book.wallets
    before = {name: wallets[name].tobytes() for name in names}
    blocks, request = both.block, {**request, **both.fresh_key()}
    assert act(both, dict(request)) == [code]
    assert {name: wallets[name].tobytes() for name in names} == before
    assert both.block == blocks + 1
    (outcome,) = both.batch([request])
    assert outcome["duplicate"] == blocks << 8 | 1 << 52
    both.check_all()


def test_a_used_key_comes_before_every_other_rule(both: Both) -> None:
    key = both.fresh_key()
    (address,) = (o["address"] for o in both.batch([{**pay(RICH, POOR, 1), **key}]))
    for other in (pay(RICH, RICH, 0), pay(RICH, 0, -1, effective_time=FUTURE), pay(RICH, DOLLARS, 1)):
        (outcome,) = both.batch([{**other, **key}])
        assert (outcome["code"], outcome["duplicate"]) == (0, address)


def test_one_key_for_a_change_and_a_transfer_of_one_batch_makes_one_of_them(both: Both) -> None:
    key = both.fresh_key()
    rows = [{**status(RICH, WalletStatus.FROZEN), **key}, {**pay(RICH, POOR, 1), **key}]
    assert act(both, *rows) == [Code.IDEMPOTENCY_MISMATCH, Code.OK]
    key = both.fresh_key()
    rows = [{**pay(RICH, POOR, 1), **key}, {**status(RICH, WalletStatus.FROZEN), **key}]
    assert [o["duplicate"] for o in both.batch(rows)] == [0, -1]
    assert both.oracle.wallets[RICH].status == WalletStatus.OPEN


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


# The range of balances.


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
