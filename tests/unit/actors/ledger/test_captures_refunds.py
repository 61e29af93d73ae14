"""What becomes of a transfer: holds with their captures, voids and expiry, and refunds; each rule broken once, and ways to lose money."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from actors.ledger.book import caller_holds
from actors.ledger.holds import holds_open
from actors.ledger.ledger import EXPIRE_MAX, Ledger
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, FLAG_FINAL, FLAG_REMOTE, ORIGINAL, REQUEST, Kind, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import DAY, EUR, SMALL, USD, Both, all_but, array_of, new_row
from tests.unit.actors.ledger.small_world import act, bytes_of, opening, pay, read, status

EXTERNAL, LIQUIDITY = 1024, 1025
ALICE, BOB, SHOP, GONE, FULL = ((1 << 16) + slot for slot in range(5))
REMOTE, ELSEWHERE, UNKNOWN = 2 << 16, (4 << 16) + 3, (9 << 16) + 1
STRIPE_MAX = AMOUNT_MAX // 3


def hold(payer: int, payee: int, amount: int, seconds: int = 60, **fields: int) -> Row:
    return new_row(Kind.HOLD, payer=payer, payee=payee, amount=amount, expires_in_s=seconds, **fields)


def modification(
    kind: Kind, address: int, payer: int = ALICE, payee: int = SHOP, amount: int = 0, **fields: int
) -> Row:
    return new_row(kind, after=address, payer=payer, payee=payee, amount=amount, **fields)


def capture(address: int, payer: int = ALICE, payee: int = SHOP, amount: int = 0, **fields: int) -> Row:
    return modification(Kind.CAPTURE, address, payer, payee, amount, **fields)


def void(address: int, payer: int = ALICE, payee: int = SHOP, **fields: int) -> Row:
    return modification(Kind.VOID, address, payer, payee, **fields)


def refund(address: int, payer: int = SHOP, payee: int = ALICE, amount: int = 0, **fields: int) -> Row:
    return modification(Kind.REFUND, address, payer, payee, amount, **fields)


def made(world: Both, row: Row) -> int:
    """The address of what one row makes."""
    (outcome,) = world.batch([{**row, **world.fresh_key()}])
    assert outcome["code"] == Code.OK
    return int(outcome["address"])


def new_world() -> Both:
    """ALICE may pay 10,000 a day and has 50,000."""
    world = Both(scored=False)
    kinds = [(WalletKind.EXTERNAL, EXTERNAL, EUR, 0, 0), (WalletKind.LIQUIDITY, LIQUIDITY, EUR, 0, 0)]
    kinds += [(WalletKind.USER, 0, EUR, 1, 0), (WalletKind.USER, 0, EUR, 0, 0), (WalletKind.MERCHANT, 0, EUR, 0, 0)]
    kinds += [(WalletKind.USER, 0, EUR, 0, 0), (WalletKind.MERCHANT, 0, EUR, 0, 0)]
    act(world, *(opening(*kind) for kind in kinds))
    act(world, pay(EXTERNAL, ALICE, 50_000), pay(EXTERNAL, BOB, 50_000))
    world.learn(address=REMOTE, opened=7, tier=0, kind=1, status=1, currency=EUR)
    return world


@pytest.fixture
def world() -> Both:
    return new_world()


# One row a rule.

Case = tuple[str, Code, Callable[[Both], Row]]


def held(world: Both, **fields: int) -> int:
    return made(world, hold(ALICE, SHOP, 3_000, **fields))


def paid(world: Both, known: bool = True) -> int:
    address = made(world, pay(ALICE, SHOP, 3_000))
    if known:
        world.know_original(world.original(address))
    return address


def later(world: Both, address: int) -> int:
    world.advance(world.now + 60_000)
    return address


def known_for(world: Both, address: int) -> int:
    world.know_original(world.original(address))
    return address


def after(world: Both, *rows: Row) -> None:
    assert act(world, *rows) == [Code.OK] * len(rows)


MODIFICATION_REFUSALS: list[Case] = [
    ("an original that was not read", Code.DEFERRED, lambda w: refund(paid(w, False))),
    ("what moved nothing, read before", Code.DEFERRED, lambda w: refund(known_for(w, held(w)))),
    ("an original beyond what was read", Code.DEFERRED, lambda w: refund(2 << 52 | 9 << 8)),
    ("a capture for a segment that is not known", Code.DEFERRED, lambda w: capture(held(w), payee=UNKNOWN)),
    ("a refund to a segment that is not known", Code.DEFERRED, lambda w: refund(paid(w), payee=UNKNOWN)),
    (
        "a capture for an unknown segment, asked before",
        Code.DEFERRED,
        lambda w: capture(held(w), payee=UNKNOWN, deferred_at=read(w) + 1),
    ),
    (
        "a capture for an unknown segment, asked since",
        Code.PAYEE_NOT_FOUND,
        lambda w: capture(held(w), payee=UNKNOWN, deferred_at=read(w)),
    ),
    (
        "a refund to an unknown segment, asked since",
        Code.PAYEE_NOT_FOUND,
        lambda w: refund(paid(w), payee=UNKNOWN, deferred_at=read(w)),
    ),
    ("a capture for a segment that cannot be", Code.PAYEE_NOT_FOUND, lambda w: capture(held(w), payee=16 << 16)),
    ("a capture for no operator wallet", Code.PAYEE_NOT_FOUND, lambda w: capture(held(w), payee=2_000)),
    ("a capture for nobody here", Code.PAYEE_NOT_FOUND, lambda w: capture(held(w), payee=(1 << 16) + 99)),
    ("an operator's refund to another shard", Code.MOVED, lambda w: refund(paid(w), payer=EXTERNAL, payee=REMOTE)),
    ("a refund by a wallet of no segment", Code.PAYER_NOT_FOUND, lambda w: refund(paid(w), payer=UNKNOWN)),
    ("a refund by a wallet of dollars", Code.CURRENCY_MISMATCH, lambda w: refund(paid(w), payer=dollars(w))),
    ("a refund to a wallet of dollars", Code.CURRENCY_MISMATCH, lambda w: refund(paid(w), payee=dollars(w))),
    ("a refund by a wallet of another shard", Code.MOVED, lambda w: refund(paid(w), payer=ELSEWHERE)),
    ("a refund by no wallet", Code.PAYER_NOT_FOUND, lambda w: refund(paid(w), payer=(1 << 16) + 99, amount=-1)),
    ("a refund in time to come", Code.EFFECTIVE_TIME_IN_FUTURE, lambda w: refund(-1, effective_time=w.now + 1)),
    (
        "a capture in time to come",
        Code.EFFECTIVE_TIME_IN_FUTURE,
        lambda w: capture(held(w), amount=-1, effective_time=w.now + 1),
    ),
    ("a capture before its hold", Code.EFFECTIVE_TIME_WENT_BACK, lambda w: capture(held(w), effective_time=w.now - 1)),
    (
        "a void before its hold, and late",
        Code.EFFECTIVE_TIME_WENT_BACK,
        lambda w: void(later(w, held(w)), effective_time=w.now - 60_001),
    ),
    ("a refund of what no shard wrote", Code.AFTER_NOT_FOUND, lambda w: refund(3 << 52, amount=-1)),
    ("a refund of what is not written", Code.AFTER_NOT_FOUND, lambda w: refund(1 << 52 | 9_999 << 8)),
    ("a hold that ends at once", Code.INVALID_REQUEST, lambda w: hold(ALICE, SHOP, 1, 0)),
    ("a hold of more than a year", Code.INVALID_REQUEST, lambda w: hold(ALICE, SHOP, 1, 365 * 86_400 + 1)),
    ("a hold of nothing", Code.INVALID_REQUEST, lambda w: hold(ALICE, SHOP, 0)),
    ("a capture of nothing named", Code.INVALID_REQUEST, lambda w: capture(0)),
    ("a void of nothing named", Code.INVALID_REQUEST, lambda w: void(0)),
    ("a refund of nothing named", Code.INVALID_REQUEST, lambda w: refund(0)),
    ("a capture of less than nothing", Code.INVALID_REQUEST, lambda w: capture(held(w), amount=-1)),
    ("a void with an amount", Code.INVALID_REQUEST, lambda w: {**void(held(w)), "amount": 3_000}),
    ("an expiry asked for", Code.INVALID_REQUEST, lambda w: modification(Kind.EXPIRY, later(w, held(w)))),
    ("a capture by another payer", Code.INVALID_REQUEST, lambda w: capture(held(w), payer=BOB)),
    ("a capture for another payee", Code.INVALID_REQUEST, lambda w: capture(held(w), payee=BOB)),
    ("a capture of another currency", Code.INVALID_REQUEST, lambda w: capture(held(w), currency=USD)),
    ("a refund to another", Code.INVALID_REQUEST, lambda w: refund(paid(w), payee=BOB)),
    ("a refund by another", Code.INVALID_REQUEST, lambda w: refund(paid(w), payer=BOB)),
    ("a refund of another currency", Code.CURRENCY_MISMATCH, lambda w: refund(paid(w), currency=USD)),
    ("a refund not turned round", Code.INVALID_REQUEST, lambda w: refund(paid(w), payer=ALICE, payee=SHOP)),
    ("a capture of a transfer", Code.HOLD_NOT_OPEN, lambda w: capture(paid(w))),
    ("a void of what is not there", Code.HOLD_NOT_OPEN, lambda w: void(-1)),
    ("a capture at the expiry", Code.HOLD_EXPIRED, lambda w: capture(later(w, held(w)), amount=3_001)),
    ("a void at the expiry", Code.HOLD_EXPIRED, lambda w: void(later(w, held(w)))),
    ("a capture of more than is held", Code.HOLD_EXCEEDED, lambda w: capture(held(w), amount=3_001)),
    (
        "a refund of a hold, asked since",
        Code.NOT_REFUNDABLE,
        lambda w: refund(known_for(w, held(w)), amount=9_999, deferred_at=w.now),
    ),
    ("a refund of more than was paid", Code.REFUND_EXCEEDED, lambda w: refund(paid(w), amount=3_001)),
]
MODIFICATION_DECLINES: list[Case] = [
    ("a hold for a closed wallet", Code.PAYEE_CLOSED, lambda w: held_for_closed(w)),
    ("a hold of too much", Code.INSUFFICIENT_FUNDS, lambda w: hold(BOB, SHOP, 50_001)),
    ("a hold beyond the day's limit", Code.DAILY_LIMIT_EXCEEDED, lambda w: hold(ALICE, SHOP, 10_001)),
    ("an operator's hold beyond the range", Code.BALANCE_OUT_OF_RANGE, lambda w: held_by_operator(w)),
    ("a capture for a closed wallet", Code.PAYEE_CLOSED, lambda w: captured_by_closed(w)),
    ("a capture for a full wallet", Code.BALANCE_OUT_OF_RANGE, lambda w: captured_by_full(w)),
    ("a capture beyond an operator's stripe", Code.BALANCE_OUT_OF_RANGE, lambda w: captured_from_operator(w)),
    ("a refund by a closed wallet", Code.PAYER_CLOSED, lambda w: refunded_by(w, closed=True)),
    ("a refund by a frozen wallet", Code.PAYER_FROZEN, lambda w: refunded_by(w, closed=False)),
    ("a refund to a closed wallet", Code.PAYEE_CLOSED, lambda w: refunded_to_closed(w)),
    ("a refund without money", Code.INSUFFICIENT_FUNDS, lambda w: refunded_without_money(w)),
]


def held_for_closed(world: Both) -> Row:
    after(world, closing(GONE))
    return hold(ALICE, GONE, 1)


def dollars(world: Both) -> int:
    """A wallet of dollars."""
    return made(world, opening(WalletKind.USER, 0, USD, 0, 0))


def closing(wallet: int) -> Row:
    return status(wallet, WalletStatus.CLOSED)


def held_by_operator(world: Both) -> Row:
    after(world, hold(EXTERNAL, SHOP, AMOUNT_MAX))
    return hold(EXTERNAL, SHOP, 1)


def captured_by_closed(world: Both) -> Row:
    address = held(world)
    after(world, closing(SHOP))
    return capture(address)


def captured_by_full(world: Both) -> Row:
    address = made(world, hold(ALICE, FULL, 2))
    leg = {"payer": REMOTE, "payee": FULL, "amount": AMOUNT_MAX, "currency": EUR, "effective_time": 5, "reference": 1}
    world.apply_legs([{**leg, "amount": AMOUNT_MAX - 1}])
    return capture(address, payee=FULL)


def captured_from_operator(world: Both) -> Row:
    address = made(world, hold(LIQUIDITY, SHOP, STRIPE_MAX + 1))
    return capture(address, payer=LIQUIDITY)


def refunded_by(world: Both, closed: bool) -> Row:
    address = paid(world)
    after(world, pay(SHOP, BOB, 3_000), status(SHOP, WalletStatus.CLOSED if closed else WalletStatus.FROZEN))
    return refund(address)


def refunded_to_closed(world: Both) -> Row:
    address = paid(world)
    world.advance(world.now + 10 * DAY)
    for _ in range(5):
        world.advance(world.now + DAY)
        act(world, pay(ALICE, BOB, 10_000), pay(ALICE, BOB, 7_000))
    after(world, closing(ALICE))
    return refund(address, amount=1)


def refunded_without_money(world: Both) -> Row:
    address = paid(world)
    after(world, hold(SHOP, BOB, 1))
    return refund(address)


@pytest.mark.parametrize(
    ("case", "code", "row"), MODIFICATION_REFUSALS, ids=[case for case, *_ in MODIFICATION_REFUSALS]
)
def test_a_refused_request_leaves_no_trace(world: Both, case: str, code: Code, row: Callable[[Both], Row]) -> None:
    request = {**row(world), **world.fresh_key()}
    before, holds, blocks = bytes_of(world), [part.tobytes() for part in world.ledger.book.holds], world.block
    keys = world.ledger.book.keys.slots.tobytes()
    assert act(world, dict(request), dict(request)) == [code, code]
    assert bytes_of(world) == before and world.block == blocks
    assert [part.tobytes() for part in world.ledger.book.holds] == holds
    assert world.ledger.book.keys.slots.tobytes() == keys
    world.check_all()
    world.check_snapshot()


@pytest.mark.parametrize(
    ("case", "code", "row"), MODIFICATION_DECLINES, ids=[case for case, *_ in MODIFICATION_DECLINES]
)
def test_a_declined_request_is_recorded_and_moves_nothing(
    world: Both, case: str, code: Code, row: Callable[[Both], Row]
) -> None:
    request = {**row(world), **world.fresh_key()}
    wallets, blocks = world.ledger.book.wallets, world.block
    before, holds = all_but(wallets, "payer_time"), world.ledger.book.holds.rows.tobytes()
    assert act(world, dict(request)) == [code]
    assert all_but(wallets, "payer_time") == before
    assert world.ledger.book.holds.rows.tobytes() == holds
    assert world.block == blocks + 1
    (again,) = world.batch([request])
    assert again["duplicate"] == 1 << 52 | blocks << 8
    world.check_all()
    world.check_snapshot()


# Holds.


def test_two_captures_of_one_hold_in_one_batch_never_take_more_than_it_has(world: Both) -> None:
    address = held(world)
    rows = [
        capture(address, amount=2_000),
        capture(address, amount=2_000),
        capture(address, amount=1_000),
        void(address),
    ]
    assert act(world, *rows) == [Code.OK, Code.HOLD_EXCEEDED, Code.OK, Code.HOLD_NOT_OPEN]
    assert world.oracle.wallets[SHOP].posted == 3_000
    assert holds_open(world.ledger.book.holds) == 0
    world.check_all()


def test_a_final_capture_and_a_void_in_one_batch_are_one_of_them(world: Both) -> None:
    for rows in ([capture, void], [void, capture]):
        address = held(world)
        assert act(world, *(row(address) for row in rows)) == [Code.OK, Code.HOLD_NOT_OPEN]
    world.check_all()


def test_one_key_captures_once_in_a_batch_and_ever_after(world: Both) -> None:
    row = {**capture(held(world), amount=1_000), **world.fresh_key()}
    first, second = world.batch([dict(row), dict(row)])
    assert (first["address"], second["address"]) == (first["address"], -first["address"])
    assert world.batch([row])[0]["duplicate"] == first["address"]
    assert world.oracle.wallets[SHOP].posted == 1_000
    world.check_all()


def test_a_hold_can_be_captured_in_the_batch_that_makes_it(world: Both) -> None:
    address = 1 << 52 | world.block << 8
    assert act(world, hold(ALICE, SHOP, 3_000), capture(address, amount=1), void(address)) == [Code.OK] * 3
    world.check_all()


def test_what_is_released_on_the_same_day_is_given_back_and_later_is_not(world: Both) -> None:
    def left(amount: int) -> None:
        """So much of the day's 10,000 and not more."""
        assert act(world, pay(ALICE, BOB, amount + 1), hold(ALICE, BOB, amount + 1)) == [Code.DAILY_LIMIT_EXCEEDED] * 2

    world.advance(world.now // DAY * DAY + DAY)
    rows = [hold(ALICE, SHOP, 2_000, seconds) for seconds in (60, 60, 60, 86_400)]
    kept, voided, partly, tomorrow = (made(world, row) for row in rows)
    left(2_000)
    after(world, void(voided))
    left(4_000)
    after(world, capture(partly, amount=500))
    left(4_000)
    after(world, capture(partly, amount=500, flags=FLAG_FINAL))
    left(5_000)
    world.advance(world.now + 60_000)
    assert [record["reference"] for record in world.expire()] == [kept]
    left(7_000)
    world.advance(world.now + DAY)
    assert [record["reference"] for record in world.expire()] == [tomorrow]
    left(10_000)
    world.check_all()


def test_holds_that_are_due_at_once_go_on_in_the_next_block() -> None:
    capacity = msgspec.structs.replace(SMALL, holds=60, caller_holds_percent=100)
    world = Both(scored=False, capacity=capacity)
    act(world, opening(WalletKind.EXTERNAL, EXTERNAL, EUR, 0, 0), *[opening(WalletKind.USER, 0, EUR, 0, 0)] * 2)
    assert act(world, *[hold(EXTERNAL, ALICE, 1)] * 60) == [Code.OK] * 60
    world.advance(world.now + 60_000)
    assert len(world.expire()) == 60
    world.check_all()


def test_many_holds_that_are_due_at_once_end_in_steps(world: Both) -> None:
    capacity = SMALL.__class__(
        segments=5,
        segment_map=16,
        keys=60_000,
        payers=200,
        attempts=6_000,
        profiles=100,
        holds=EXPIRE_MAX + 40,
        caller_holds_percent=100,
    )
    ledger = Ledger(world.config, capacity)
    for records, addresses in world.journal:
        ledger.replay(records.copy(), addresses)
    rows = np.zeros(EXPIRE_MAX + 30, REQUEST)
    for name, value in hold(BOB, SHOP, 1).items():
        rows[name] = value
    rows["key_lo"] = np.arange(len(rows)) + 1
    admission = ledger.admit(rows, world.channels, 0)
    ledger.apply(ledger.going_on(rows, admission), None, 1 << 52 | 500 << 8)
    assert holds_open(ledger.book.holds) == len(rows)
    ledger.advance(world.now + 60_000)
    assert [len(ledger.expire(1 << 52 | block << 8)) for block in (900, 1_900, 2_900)] == [EXPIRE_MAX, 30, 0]
    wallet = ledger.wallet(BOB)
    assert wallet is not None and (int(wallet["held"][0]), int(wallet["chained"][0])) == (0, 2 + 2 * len(rows))


def test_when_the_holds_are_full_no_further_is_tried_until_one_ends(world: Both) -> None:
    room = SMALL.holds
    addresses = [made(world, hold(ALICE, SHOP, 1, caller=2 + i % 2)) for i in range(room - 1)]
    key = world.fresh_key()
    rows = [hold(ALICE, SHOP, 1), {**hold(ALICE, SHOP, 1), **key}, pay(ALICE, SHOP, 1), void(addresses[0])]
    assert act(world, *rows) == [Code.OK, Code.HOLDS_FULL, Code.OK, Code.OK]
    assert act(world, {**hold(ALICE, SHOP, 1), **key}) == [Code.OK]
    assert act(world, hold(ALICE, SHOP, 1)) == [Code.HOLDS_FULL]
    world.check_all()
    world.check_snapshot()


def test_one_caller_holds_its_share_and_no_more_until_one_of_its_holds_ends(world: Both) -> None:
    share = caller_holds(SMALL)
    addresses = [made(world, hold(EXTERNAL, SHOP, 1)) for _ in range(share - 1)]
    key = world.fresh_key()
    mine, others = hold(EXTERNAL, SHOP, 1), hold(EXTERNAL, SHOP, 1, caller=2)
    assert act(world, mine, {**mine, **key}, others) == [Code.OK, Code.CALLER_HOLDS_FULL, Code.OK]
    world.check_all()
    world.check_snapshot()
    assert act(world, void(addresses[0], payer=EXTERNAL), capture(addresses[1], payer=EXTERNAL, caller=2)) == [
        Code.OK,
        Code.OK,
    ]
    assert act(world, {**mine, **key}, mine, mine, others) == [
        Code.OK, Code.OK, Code.CALLER_HOLDS_FULL, Code.OK,
    ]  # fmt: skip
    world.advance(world.now + 60_000)
    world.expire()
    assert act(world, mine) == [Code.OK]
    world.check_all()
    world.check_snapshot()


def test_captures_never_take_a_stripe_beyond_its_share(world: Both) -> None:
    addresses = [made(world, hold(LIQUIDITY, BOB, STRIPE_MAX // 2)) for _ in range(3)]
    rows = [capture(address, payer=LIQUIDITY, payee=BOB) for address in addresses]
    assert act(world, *rows) == [Code.OK, Code.OK, Code.BALANCE_OUT_OF_RANGE]
    assert world.oracle.wallets[LIQUIDITY].held == STRIPE_MAX // 2
    world.check_all()


def test_a_frozen_payer_has_already_committed_what_is_held(world: Both) -> None:
    address = held(world)
    after(world, status(ALICE, WalletStatus.FROZEN), capture(address))
    assert act(world, closing(ALICE)) == [Code.WALLET_NOT_EMPTY]
    world.check_all()


def test_a_wallet_with_something_held_is_not_empty(world: Both) -> None:
    after(world, opening(1, 0, EUR, 0, -500))
    owing = (1 << 16) + 5
    address = made(world, hold(owing, SHOP, 500))
    assert act(world, pay(owing, SHOP, 1), closing(owing)) == [Code.INSUFFICIENT_FUNDS, Code.WALLET_NOT_EMPTY]
    after(world, void(address, payer=owing), closing(owing))
    world.check_all()


def test_a_hold_for_another_shard_is_in_transit_from_its_capture_on(world: Both) -> None:
    address = made(world, hold(ALICE, REMOTE, 3_000))
    assert world.in_transit == {}
    after(world, capture(address, payee=REMOTE, amount=1_000), void(address, payee=REMOTE))
    assert world.in_transit == {EUR: 1_000}
    world.check_all()


# Refunds.


def test_refunds_in_one_batch_and_after_forgetting_never_go_beyond_the_original(world: Both) -> None:
    after(world, pay(EXTERNAL, SHOP, 9_000))
    address = paid(world)
    rows = [refund(address, amount=2_000), refund(address, amount=2_000), refund(address, amount=500), refund(address)]
    assert act(world, *rows, refund(address)) == [Code.OK, Code.REFUND_EXCEEDED, Code.OK, Code.OK, Code.REFUND_EXCEEDED]
    world.forget_originals()
    assert act(world, refund(address, amount=1)) == [Code.DEFERRED]
    world.know_original(world.original(address))
    assert act(world, refund(address, amount=1)) == [Code.REFUND_EXCEEDED]
    assert world.oracle.wallets[SHOP].posted == 9_000
    world.check_all()


def test_what_was_read_before_a_refund_does_not_undo_it(world: Both) -> None:
    after(world, pay(EXTERNAL, SHOP, 9_000))
    address = paid(world)
    old = world.original(address)
    after(world, refund(address, amount=2_999))
    world.know_original(old)
    assert act(world, refund(address, amount=2)) == [Code.REFUND_EXCEEDED]


def test_a_capture_can_be_refunded_and_its_hold_cannot(world: Both) -> None:
    address = held(world)
    taken = made(world, capture(address, amount=1_000))
    known_for(world, taken)
    known_for(world, address)
    rows = [refund(taken, amount=1_001), refund(taken), refund(address, deferred_at=world.now)]
    assert act(world, *rows) == [Code.REFUND_EXCEEDED, Code.OK, Code.NOT_REFUNDABLE]
    world.check_all()


def test_a_declined_refund_leaves_all_that_can_be_refunded(world: Both) -> None:
    address = paid(world)
    after(world, pay(SHOP, BOB, 3_000))
    assert act(world, refund(address)) == [Code.INSUFFICIENT_FUNDS]
    after(world, pay(BOB, SHOP, 3_000), refund(address))
    world.check_all()


def test_only_an_original_whose_refunds_are_durable_makes_room(world: Both) -> None:
    addresses = [made(world, pay(ALICE, SHOP, 1)) for _ in range(SMALL.originals + 2)]
    for address in addresses[: SMALL.originals]:
        world.know_original(world.original(address))
    durable = 1 << 52 | world.block << 8
    refunds = [refund(address) for address in addresses[: SMALL.originals]]
    assert act(world, *refunds) == [Code.OK] * len(refunds)
    assert not world.ledger.know_original(array_of([world.original(addresses[-1])], ORIGINAL)[0], durable)
    assert act(world, refund(addresses[-1])) == [Code.DEFERRED]
    world.know_original(world.original(addresses[-1]), durable=1 << 52 | world.block << 8)
    assert act(world, refund(addresses[-1])) == [Code.OK]
    world.know_original(world.original(addresses[-2]), durable=1 << 52 | world.block << 8)
    assert act(world, refund(addresses[-2])) == [Code.OK]
    world.check_all()


def test_a_refund_to_another_shard_is_in_transit(world: Both) -> None:
    leg = {"payer": REMOTE, "payee": SHOP, "amount": 70, "currency": EUR, "effective_time": 5, "reference": 3 << 8}
    world.apply_legs([leg])
    world.channel(0, 3, False)
    parties = {"payer": REMOTE, "payee": SHOP, "amount": 70, "currency": EUR, "label": 0, "refunded": 20}
    world.oracle.refunds[3 << 8] = [20]
    world.know_original({"address": 3 << 8, "kind": int(Kind.TRANSFER), **parties})
    rows = [refund(3 << 8, payee=REMOTE, amount=51), refund(3 << 8, payee=REMOTE)]
    assert act(world, *rows) == [Code.REFUND_EXCEEDED, Code.OK]
    assert int(world.journal[-1][0]["flags"][0]) & FLAG_REMOTE
    assert world.in_transit == {EUR: -70 + 50}
    world.check_all()
