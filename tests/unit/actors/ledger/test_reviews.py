"""A payment that scoring wants reviewed holds the payer's money until an analyst answers or time is up; each outcome beside the oracle."""

import pytest

from actors.ledger.book import caller_holds
from actors.records.blocks import review_of
from actors.records.codes import Code
from actors.records.layout import FLAG_FINAL, FLAG_LINKED, FLAG_REVIEW, REQUEST_ANSWER, Kind, ReviewStatus, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import DAY, EUR, REVIEW_SECONDS, SMALL, START, Both, new_row

PAYER, PAYEE = (1 << 16), (1 << 16) + 1
LIMITED = (1 << 16) + 2
EXTERNAL = 1024
REMOTE = 2 << 16
REVIEWED = 103
"""An amount that leaves 3 when divided by 4."""
PLAIN = 100

REVIEW_OUTCOMES = {
    Code.IN_REVIEW,
    Code.HOLD_IN_REVIEW,
    Code.NOT_IN_REVIEW,
    Code.LINKED_IN_REVIEW,
    Code.REVIEWS_FULL,
}


@pytest.fixture
def both() -> Both:
    """PAYER and PAYEE have 5,000, LIMITED too and 10,000 a day."""
    both = Both(reviews=True)
    opening = [
        {"kind": WalletKind.USER, "tier": 0},
        {"kind": WalletKind.USER, "tier": 0},
        {"kind": WalletKind.USER, "tier": 1},
        {"kind": WalletKind.EXTERNAL, "payee": EXTERNAL},
    ]
    both.batch([new_row(Kind.WALLET_OPENED, **fields, **both.fresh_key()) for fields in opening])
    for wallet in (PAYER, PAYEE, LIMITED):
        assert code_of(both, pay(both, EXTERNAL, wallet, 5_000)) == Code.OK
    both.learn(address=REMOTE, opened=START, currency=EUR, status=1, kind=1, tier=0)
    return both


def pay(both: Both, payer: int, payee: int, amount: int, **fields: int) -> Row:
    row = {"payer": payer, "payee": payee, "amount": amount, **both.fresh_key(), **fields}
    return new_row(row.pop("op", Kind.TRANSFER), **row)


def hold(both: Both, amount: int, seconds: int, **fields: int) -> Row:
    return pay(both, PAYER, PAYEE, amount, op=int(Kind.HOLD), expires_in_s=seconds, **fields)


def code_of(both: Both, row: Row) -> int:
    return int(both.batch([row])[0]["code"])


def put_in_review(both: Both, row: Row) -> int:
    (outcome,) = both.batch([row])
    assert outcome["code"] == Code.IN_REVIEW
    return int(outcome["address"])


def answer(both: Both, op: Kind, address: int, *, flags: int = REQUEST_ANSWER, **fields: int) -> Row:
    case = both.oracle.holds[address]
    parties = {"payer": case.payer, "payee": case.payee, "currency": case.currency, "after": address}
    return new_row(op, flags=flags, **{**parties, **both.fresh_key(), **fields})


def test_a_payment_in_review_holds_the_money_and_an_approval_moves_it(both: Both) -> None:
    address = put_in_review(both, pay(both, PAYER, PAYEE, REVIEWED))
    payer = both.oracle.wallets[PAYER]
    assert (payer.posted, payer.held) == (5_000, REVIEWED)
    record = both.journal[-1][0][0]
    assert record["kind"] == Kind.HOLD and record["flags"] & FLAG_REVIEW
    assert record["expiry"] == both.now + 1_000 * REVIEW_SECONDS
    assert code_of(both, answer(both, Kind.CAPTURE, address)) == Code.OK
    assert (payer.posted, payer.held) == (5_000 - REVIEWED, 0)
    assert both.oracle.wallets[PAYEE].posted == 5_000 + REVIEWED
    both.check_all()


def test_an_approved_payment_to_another_shard_goes_as_a_leg(both: Both) -> None:
    address = put_in_review(both, pay(both, PAYER, REMOTE, REVIEWED))
    assert both.in_transit.get(EUR, 0) == 0
    assert code_of(both, answer(both, Kind.CAPTURE, address)) == Code.OK
    assert both.in_transit[EUR] == REVIEWED


def test_a_declined_payment_gives_the_money_back_and_on_the_same_day_the_limit(both: Both) -> None:
    address = put_in_review(both, pay(both, LIMITED, PAYEE, 4_003))
    limited = both.oracle.wallets[LIMITED]
    day = both.now // DAY
    assert limited.counted_on(day) == 4_003
    assert code_of(both, answer(both, Kind.VOID, address)) == Code.OK
    assert (limited.posted, limited.held, limited.counted_on(day)) == (5_000, 0, 0)
    both.check_all()


@pytest.mark.parametrize("final", [0, FLAG_FINAL])
@pytest.mark.parametrize("op", [Kind.VOID, Kind.APPROVAL])
def test_only_a_void_tells_that_who_asked_for_the_payment_ended_its_review(both: Both, op: Kind, final: int) -> None:
    address = put_in_review(both, hold(both, REVIEWED, 7_200))
    assert code_of(both, answer(both, op, address, flags=REQUEST_ANSWER | final)) == Code.OK
    record = both.journal[-1][0][0]
    assert record["flags"] & FLAG_FINAL == (final if op == Kind.VOID else 0)
    both.check_all()


def test_a_case_that_nobody_answers_expires_and_later_answers_are_refused(both: Both) -> None:
    address = put_in_review(both, pay(both, PAYER, PAYEE, REVIEWED))
    both.advance(both.now + 1_000 * REVIEW_SECONDS - 1)
    assert both.expire() == []
    both.advance(both.now + 1)
    assert code_of(both, answer(both, Kind.CAPTURE, address)) == Code.HOLD_EXPIRED
    (expiry,) = both.expire()
    assert expiry["flags"] == FLAG_REVIEW and both.oracle.wallets[PAYER].held == 0
    assert code_of(both, answer(both, Kind.VOID, address)) == Code.HOLD_NOT_OPEN


@pytest.mark.parametrize("first", [Kind.CAPTURE, Kind.VOID])
@pytest.mark.parametrize("second", [Kind.CAPTURE, Kind.VOID])
def test_a_second_answer_is_refused(both: Both, first: Kind, second: Kind) -> None:
    address = put_in_review(both, pay(both, PAYER, PAYEE, REVIEWED))
    outcomes = both.batch([answer(both, first, address), answer(both, second, address)])
    assert [outcome["code"] for outcome in outcomes] == [Code.OK, Code.HOLD_NOT_OPEN]


def test_only_an_analyst_ends_a_case_and_only_a_case(both: Both) -> None:
    case = put_in_review(both, pay(both, PAYER, PAYEE, REVIEWED))
    waiting = put_in_review(both, hold(both, REVIEWED, 60))
    plain = int(both.batch([hold(both, PLAIN, 60)])[0]["address"])
    for address in (case, waiting):
        assert code_of(both, answer(both, Kind.CAPTURE, address, flags=FLAG_FINAL)) == Code.HOLD_IN_REVIEW
        assert code_of(both, answer(both, Kind.VOID, address, flags=0)) == Code.HOLD_IN_REVIEW
    for op in (Kind.CAPTURE, Kind.VOID, Kind.APPROVAL):
        assert code_of(both, answer(both, op, plain)) == Code.NOT_IN_REVIEW
    assert code_of(both, answer(both, Kind.APPROVAL, case, flags=0)) == Code.INVALID_REQUEST
    assert code_of(both, answer(both, Kind.APPROVAL, case)) == Code.INVALID_REQUEST
    assert code_of(both, answer(both, Kind.CAPTURE, waiting)) == Code.INVALID_REQUEST
    assert code_of(both, answer(both, Kind.CAPTURE, case, amount=1)) == Code.INVALID_REQUEST


@pytest.mark.parametrize(("seconds", "case_seconds"), [(60, 60), (90_000, REVIEW_SECONDS)])
def test_a_hold_that_is_approved_is_an_ordinary_one_until_its_own_expiry(
    both: Both, seconds: int, case_seconds: int
) -> None:
    made = both.now
    address = put_in_review(both, hold(both, REVIEWED, seconds))
    assert both.journal[-1][0][0]["expiry"] == made + 1_000 * case_seconds
    both.advance(made + 1_000 * case_seconds - 1)
    assert code_of(both, answer(both, Kind.APPROVAL, address)) == Code.OK
    assert both.oracle.wallets[PAYER].held == REVIEWED
    assert code_of(both, answer(both, Kind.APPROVAL, address)) == Code.NOT_IN_REVIEW
    assert code_of(both, answer(both, Kind.CAPTURE, address, flags=0, amount=3)) == Code.OK
    both.advance(made + 1_000 * seconds)
    (expiry,) = both.expire()
    assert expiry["flags"] == 0 and expiry["amount"] == REVIEWED - 3
    both.check_all()


def test_what_cannot_be_held_is_declined_at_once_as_what_it_is(both: Both) -> None:
    assert code_of(both, pay(both, PAYER, PAYEE, 6_003)) == Code.INSUFFICIENT_FUNDS
    assert code_of(both, pay(both, LIMITED, PAYEE, 10_003)) == Code.DAILY_LIMIT_EXCEEDED
    freezing = {"payee": PAYER, "kind": WalletStatus.FROZEN}
    assert code_of(both, new_row(Kind.WALLET_STATUS, **freezing, **both.fresh_key())) == Code.OK
    assert code_of(both, pay(both, PAYER, PAYEE, REVIEWED)) == Code.PAYER_FROZEN
    for records, _ in both.journal[-4:]:
        assert not (records["flags"] & FLAG_REVIEW).any() and not records["expiry"].any()
    assert not both.oracle.open_holds


def test_what_is_imported_is_scored_and_not_held(both: Both) -> None:
    assert code_of(both, pay(both, PAYER, PAYEE, REVIEWED, effective_time=both.now - 5)) == Code.OK
    assert both.oracle.wallets[PAYER].posted == 5_000 - REVIEWED


def test_a_group_cannot_wait(both: Both) -> None:
    rows = [pay(both, PAYER, PAYEE, PLAIN, flags=FLAG_LINKED), pay(both, PAYER, PAYEE, REVIEWED)]
    codes = [outcome["code"] for outcome in both.batch(rows)]
    assert codes == [Code.LINKED_DECLINED, Code.LINKED_IN_REVIEW]
    assert both.oracle.wallets[PAYER].posted == 5_000


def test_with_no_room_for_a_hold_a_payment_that_needs_review_is_declined_and_others_go_on(both: Both) -> None:
    rows = [pay(both, PAYER, PAYEE, 7, caller=2 + i % 2) for i in range(SMALL.holds - 1)]
    assert {outcome["code"] for outcome in both.batch(rows)} == {Code.IN_REVIEW}
    last = [pay(both, PAYER, PAYEE, 7), hold(both, PLAIN, 60), pay(both, PAYER, PAYEE, PLAIN)]
    assert [o["code"] for o in both.batch(last)] == [Code.REVIEWS_FULL, Code.OK, Code.OK]
    assert code_of(both, pay(both, PAYER, PAYEE, 7)) == Code.REVIEWS_FULL


def test_cases_in_review_are_holds_of_whoever_asked(both: Both) -> None:
    share = caller_holds(SMALL)
    rows = [pay(both, PAYER, PAYEE, 7) for _ in range(share + 1)]
    assert [o["code"] for o in both.batch(rows)] == [Code.IN_REVIEW] * share + [Code.REVIEWS_FULL]
    assert code_of(both, hold(both, PLAIN, 60)) == Code.CALLER_HOLDS_FULL
    assert code_of(both, pay(both, PAYER, PAYEE, 7, caller=2)) == Code.IN_REVIEW
    both.check_all()


def test_room_promised_to_a_hold_that_is_declined_goes_to_a_later_payment_in_review(both: Both) -> None:
    both.batch([pay(both, PAYER, PAYEE, 7, caller=2 + i % 2) for i in range(SMALL.holds - 1)])
    outcomes = both.batch([hold(both, 90_000, 60), pay(both, PAYER, PAYEE, 7)])
    assert [o["code"] for o in outcomes] == [Code.INSUFFICIENT_FUNDS, Code.IN_REVIEW]


def test_freezing_the_payer_stops_no_approval_and_closing_the_payee_does(both: Both) -> None:
    first, second = (put_in_review(both, pay(both, PAYER, payee, REVIEWED)) for payee in (PAYEE, LIMITED))
    both.batch([pay(both, LIMITED, PAYEE, 5_000)])
    for wallet, status in ((PAYER, WalletStatus.FROZEN), (LIMITED, WalletStatus.CLOSED)):
        change = {"payee": wallet, "kind": status}
        assert code_of(both, new_row(Kind.WALLET_STATUS, **change, **both.fresh_key())) == Code.OK
    assert code_of(both, answer(both, Kind.CAPTURE, first)) == Code.OK
    assert code_of(both, answer(both, Kind.CAPTURE, second)) == Code.PAYEE_CLOSED
    assert code_of(both, answer(both, Kind.VOID, second)) == Code.OK


def test_records_say_what_the_table_of_cases_must_hold(both: Both) -> None:
    asked = [
        pay(both, PAYER, PAYEE, 7),
        pay(both, PAYER, PAYEE, 11),
        hold(both, 15, 90_000),
        pay(both, PAYER, PAYEE, 19),
    ]
    cases = [put_in_review(both, row) for row in asked]
    for op, case in zip((Kind.CAPTURE, Kind.VOID, Kind.APPROVAL), cases[:3], strict=True):
        assert code_of(both, answer(both, op, case)) == Code.OK
    both.advance(both.now + 1_000 * REVIEW_SECONDS)
    both.expire()
    table: dict[int, int] = {}
    for records, addresses in both.journal:
        for record, address in zip(records, addresses.tolist(), strict=True):
            review = review_of(record, address) if record["flags"] & FLAG_REVIEW else None
            if review is not None:
                table[review.record] = review.status
    ends = (ReviewStatus.APPROVED, ReviewStatus.DECLINED, ReviewStatus.APPROVED, ReviewStatus.EXPIRED)
    assert table == dict(zip(cases, ends, strict=True))
