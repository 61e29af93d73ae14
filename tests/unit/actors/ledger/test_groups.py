"""Linked groups: all or none, whatever is wrong with whichever row, and nothing of what was not done is left behind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.ledger.admission import BEHIND_MAX
from actors.ledger.book import caller_holds
from actors.ledger.bounds import Capacity
from actors.records.codes import Code
from actors.records.layout import CHAIN_STRIDE, FLAG_LINKED, FLAG_PAYER_ANCHOR, REQUEST, Kind
from rules.vocabulary.encodings import WalletKind
from tests.compiled import COMPILED
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import DAY, EUR, SMALL, Both, all_but, array_of, crowd, new_row
from tests.unit.actors.ledger.small_world import act, opening, pay
from tests.unit.actors.ledger.test_captures_refunds import ALICE, BOB, EXTERNAL, REMOTE, SHOP, hold, new_world

UNKNOWN = (2 << 16) + 3
GROUP_OUTCOMES = {Code.GROUP_INVALID, Code.LINKED_REFUSED, Code.LINKED_DECLINED}


@pytest.fixture
def world() -> Both:
    return new_world()


def linked(world: Both, *rows: Row) -> list[Row]:
    """Rows with keys of their own, where they have none, joined to one group."""
    keyed = [row if row["key_hi"] else {**row, **world.fresh_key()} for row in rows]
    return [{**row, "flags": FLAG_LINKED * (i + 1 < len(rows))} for i, row in enumerate(keyed)]


def codes(world: Both, rows: list[Row]) -> list[int]:
    return [int(outcome["code"]) for outcome in world.batch([dict(row) for row in rows])]


GOOD = (pay(ALICE, BOB, 10), hold(ALICE, SHOP, 20), pay(EXTERNAL, ALICE, 30), pay(ALICE, REMOTE, 40))
BROKEN = [
    (pay(ALICE, BOB, 0), Code.INVALID_REQUEST, Code.LINKED_REFUSED),
    (new_row(Kind.WALLET_STATUS, payee=BOB, kind=2), Code.INVALID_REQUEST, Code.LINKED_REFUSED),
    (pay(ALICE, ALICE, 1), Code.SAME_WALLET, Code.LINKED_REFUSED),
    (pay(ALICE, UNKNOWN, 1), Code.DEFERRED, Code.DEFERRED),
    (pay(BOB, ALICE, 1), Code.GROUP_INVALID, Code.GROUP_INVALID),
    (pay(ALICE, BOB, 1, effective_time=5), Code.GROUP_INVALID, Code.GROUP_INVALID),
    (pay(ALICE, BOB, 60_000), Code.DAILY_LIMIT_EXCEEDED, Code.LINKED_DECLINED),
]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(("broken", "own", "others"), BROKEN)
def test_one_bad_row_at_any_place_and_none_is_done(
    world: Both, place: int, broken: Row, own: Code, others: Code
) -> None:
    rows = linked(world, *GOOD[:place], broken, *GOOD[place:])
    before = all_but(world.ledger.book.wallets, "payer_time")
    expected = [others] * 5
    expected[place] = own
    assert codes(world, rows) == expected
    assert all_but(world.ledger.book.wallets, "payer_time") == before
    if own < Code.PAYER_CLOSED:
        del rows[place]
        rows[-1]["flags"] = 0
        assert codes(world, rows) == [Code.OK] * 4, "the keys of what was not done are free"
    world.check_all()
    world.check_snapshot()


def test_a_good_group_is_done_and_replays_as_a_whole_in_its_order(world: Both) -> None:
    rows = linked(world, *GOOD)
    made = [outcome["address"] for outcome in world.batch([dict(row) for row in rows])]
    assert [outcome["duplicate"] for outcome in world.batch([dict(row) for row in rows])] == made
    turned = [{**row, "flags": FLAG_LINKED * (i < 3)} for i, row in enumerate(rows[::-1])]
    gap = [{**rows[0], "flags": FLAG_LINKED}, {**rows[2], "flags": 0}]
    more = [*({**row, "flags": FLAG_LINKED} for row in rows), {**pay(ALICE, BOB, 1), **world.fresh_key()}]
    for other in (turned, gap, more):
        assert codes(world, other) == [Code.IDEMPOTENCY_MISMATCH] * len(other)
    world.check_all()


def test_a_group_that_replays_beyond_a_block_is_known(world: Both) -> None:
    fill = [{**pay(ALICE, BOB, 1), **world.fresh_key()} for _ in range(48)]
    rows = linked(world, *GOOD)
    made = [outcome["address"] for outcome in world.batch(fill + [dict(row) for row in rows])[48:]]
    assert made[2] & 255 == 0
    assert [outcome["duplicate"] for outcome in world.batch([dict(row) for row in rows])] == made


def test_the_same_group_twice_in_a_batch_is_done_once(world: Both) -> None:
    rows = linked(world, *GOOD)
    outcomes = world.batch([dict(row) for row in rows + rows])
    assert [outcome["duplicate"] for outcome in outcomes] == [0] * 4 + [-1, -2, -3, -4]
    world.check_all()


def test_one_key_for_two_rows_is_no_group_and_stays_free(world: Both) -> None:
    key = world.fresh_key()
    rows = linked(world, {**GOOD[0], **key}, GOOD[1], {**GOOD[3], **key})
    assert codes(world, rows) == [Code.GROUP_INVALID] * 3
    for gone in (0, DAY, DAY + 1, 2 * DAY):
        world.advance(world.now + gone)
        assert world.ledger.key_address(rows[0]["key_hi"], rows[0]["key_lo"]) == 0
    assert codes(world, [{**rows[0], "flags": 0}]) == [Code.OK]
    world.check_all()


@pytest.mark.parametrize("days", [1, 2])
def test_a_key_given_back_is_free_in_the_older_generation_too(world: Both, days: int) -> None:
    key = world.fresh_key()
    assert codes(world, linked(world, {**GOOD[0], **key}, {**GOOD[3], **key})) == [Code.GROUP_INVALID] * 2
    world.advance(world.now + days * DAY)
    (again,) = world.batch([{**GOOD[0], **key}])
    assert (again["code"], again["duplicate"]) == (Code.OK, 0)
    world.check_all()


def test_linked_with_nothing_is_no_group(world: Both) -> None:
    loose = {**GOOD[0], "flags": FLAG_LINKED, **world.fresh_key()}
    assert codes(world, [loose]) == [Code.GROUP_INVALID]
    assert codes(world, [*linked(world, *GOOD[:2])[:1], loose]) == [Code.GROUP_INVALID] * 2
    world.check_all()


def test_a_group_for_which_the_holds_have_no_room_leaves_room_and_time_as_they_were(world: Both) -> None:
    room = SMALL.holds
    assert act(world, *[hold(ALICE, SHOP, 1, caller=2 + i % 2) for i in range(room - 1)]) == [Code.OK] * (room - 1)
    rows = linked(world, hold(ALICE, BOB, 1), hold(ALICE, SHOP, 1))
    early = world.now
    world.advance(early + 1_000)
    assert codes(world, [*rows, {**hold(ALICE, BOB, 1), **world.fresh_key()}]) == [Code.HOLDS_FULL] * 2 + [Code.OK]
    assert world.oracle.wallets[ALICE].payer_time == world.now
    assert act(world, pay(BOB, SHOP, 1, effective_time=early)) == [Code.OK]
    world.check_all()


def test_a_group_that_is_not_tried_does_not_move_the_payers_time(world: Both) -> None:
    key, early = world.fresh_key(), world.now
    world.advance(early + 1_000)
    rows = linked(world, {**pay(BOB, ALICE, 1), **key}, {**pay(BOB, SHOP, 1), **key})
    assert codes(world, rows) == [Code.GROUP_INVALID] * 2
    assert act(world, pay(BOB, SHOP, 1, effective_time=early)) == [Code.OK]
    world.check_all()


def test_a_declined_group_moves_the_payers_time_like_any_declined_payment(world: Both) -> None:
    first, second = world.now, world.now + 5
    world.advance(world.now + 10)
    single = {**pay(BOB, SHOP, 1, effective_time=first), **world.fresh_key()}
    times = {"effective_time": second}
    rows = linked(world, pay(BOB, SHOP, 1, **times), pay(BOB, ALICE, 60_000, **times))
    assert codes(world, [single, *rows]) == [Code.OK, Code.LINKED_DECLINED, Code.INSUFFICIENT_FUNDS]
    assert act(world, pay(BOB, SHOP, 1, effective_time=first + 1)) == [Code.EFFECTIVE_TIME_WENT_BACK]
    world.check_all()


def test_an_anchor_is_not_lost_nor_left_behind_by_a_declined_group(world: Both) -> None:
    chained = len(world.oracle.wallets[BOB].chain)
    act(world, *[pay(BOB, SHOP, 1)] * (CHAIN_STRIDE - 1 - chained))
    rows = linked(world, pay(BOB, SHOP, 1), pay(BOB, ALICE, 60_000))
    assert codes(world, rows) == [Code.LINKED_DECLINED, Code.INSUFFICIENT_FUNDS]
    assert act(world, pay(BOB, SHOP, 1), pay(BOB, SHOP, 1)) == [Code.OK] * 2
    flags = world.journal[-1][0]["flags"] & FLAG_PAYER_ANCHOR
    assert flags.tolist() == [FLAG_PAYER_ANCHOR, 0]
    assert not (world.journal[-2][0]["flags"] & FLAG_PAYER_ANCHOR).any()
    world.check_all()


def test_later_imported_rows_wait_behind_a_group_that_waits_for_another_row(world: Both) -> None:
    time = {"effective_time": world.now}
    rows = linked(world, pay(EXTERNAL, UNKNOWN, 1, **time), pay(BOB, ALICE, 1, **time))
    world.advance(world.now + 1_000)
    later = {**pay(BOB, SHOP, 1, effective_time=time["effective_time"] + 1), **world.fresh_key()}
    assert codes(world, [*rows, later]) == [Code.DEFERRED] * 3
    world.learn(address=UNKNOWN, opened=7, tier=0, kind=1, status=1, currency=EUR)
    assert codes(world, [*rows, later]) == [Code.OK] * 3
    world.check_all()


def test_no_row_waits_behind_a_group_that_was_refused(world: Both) -> None:
    time = {"effective_time": world.now}
    rows = linked(world, pay(BOB, UNKNOWN, 1, **time), pay(BOB, BOB, 1, **time))
    single = {**pay(BOB, SHOP, 1, **time), **world.fresh_key()}
    assert codes(world, [*rows, single]) == [Code.LINKED_REFUSED, Code.SAME_WALLET, Code.OK]


@pytest.mark.parametrize("payers", [BEHIND_MAX, BEHIND_MAX + 1])
def test_of_too_many_payers_that_wait_no_other_has_to_wait(payers: int) -> None:
    world = new_world()
    act(world, *[opening(1, 0, EUR, 0, -100)] * (payers + 2))
    users = [(1 << 16) + 5 + i for i in range(payers + 1)]
    time = {"effective_time": world.now}
    rows = [pay(user, UNKNOWN, 1, **time) for user in users[:payers]]
    rest = [pay(user, SHOP, 1, **time) for user in (users[0], users[payers - 1], users[payers])]
    unnoted = Code.DEFERRED if payers <= BEHIND_MAX else Code.OK
    assert act(world, *rows, *rest) == [Code.DEFERRED] * (payers + 1) + [unnoted, Code.OK]


def test_a_row_by_an_operator_holds_up_nobody() -> None:
    world = new_world()
    time = {"effective_time": world.now}
    rows = [pay(EXTERNAL, UNKNOWN, 1, **time), pay(EXTERNAL, ALICE, 1, **time)]
    assert act(world, *rows)[1] == Code.OK


def test_keys_of_a_group_are_found_at_its_user_payer(world: Both) -> None:
    rows = linked(world, pay(EXTERNAL, BOB, 1), pay(ALICE, BOB, 1))
    (first, second) = (outcome["address"] for outcome in world.batch([dict(row) for row in rows]))
    as_if_alone = {**pay(ALICE, SHOP, 1), **{name: rows[0][name] for name in ("key_hi", "key_lo")}}
    assert world.batch([as_if_alone])[0]["duplicate"] == first
    assert second == first + 1


@settings(max_examples=30 if COMPILED else 3)  # to fill the table takes seconds when it is not compiled
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 40))
def test_when_keys_are_full_a_group_takes_none(sizes: list[int], seed: int) -> None:
    capacity = Capacity(segments=3, segment_map=16, keys=0, payers=10, attempts=100, profiles=4, holds=4, originals=1)
    world = Both(scored=False, capacity=capacity)
    ledger = world.ledger
    act(world, opening(WalletKind.EXTERNAL, EXTERNAL, EUR, 0, 0), *[opening(1, 0, EUR, 0, 0)] * 2)
    crowd(ledger, 100)
    random = np.random.default_rng(seed)
    before = ledger.wallets(np.array([ALICE, BOB], np.int64)).tobytes()
    for size in sizes * 60:
        keys = random.integers(1, 2**63, (size, 2))
        rows = linked(world, *(pay(EXTERNAL, BOB, 1, key_hi=int(hi), key_lo=int(lo)) for hi, lo in keys))
        array = array_of(rows, REQUEST)
        admission = ledger.admit(array, world.channels, 0)
        assert len(set(admission.code.tolist())) == 1
        taken = [ledger.key_address(int(row["key_hi"]), int(row["key_lo"])) != 0 for row in array]
        assert taken == [admission.code[0] == Code.OK] * size
        assert admission.code[0] in (Code.OK, Code.KEYS_FULL)
    assert ledger.wallets(np.array([ALICE, BOB], np.int64)).tobytes() == before


def test_a_group_that_goes_on_keeps_the_room_for_its_holds_from_the_rest_of_the_batch(world: Both) -> None:
    others = [hold(ALICE, SHOP, 1, caller=2 + i % 3) for i in range(SMALL.holds - 2)]
    assert act(world, *others) == [Code.OK] * len(others)
    rows = [hold(ALICE, SHOP, 1, flags=FLAG_LINKED), hold(ALICE, SHOP, 1), hold(ALICE, SHOP, 1, caller=5)]
    assert act(world, *rows) == [Code.OK, Code.OK, Code.HOLDS_FULL]
    world.check_all()


@pytest.mark.parametrize("between", [[], [pay(ALICE, SHOP, 1)], [pay(ALICE, SHOP, 1)] * 3])
def test_a_group_beyond_its_callers_share_of_holds_gives_back_what_was_promised(
    world: Both, between: list[Row]
) -> None:
    share = caller_holds(SMALL)
    assert act(world, *[hold(ALICE, SHOP, 1)] * (share - 1)) == [Code.OK] * (share - 1)
    group = linked(world, hold(ALICE, SHOP, 1), *between, hold(ALICE, SHOP, 1))
    rest = [{**row, **world.fresh_key()} for row in [hold(ALICE, SHOP, 1)] * 2]
    full = Code.CALLER_HOLDS_FULL
    assert codes(world, [*group, *rest]) == [full] * len(group) + [Code.OK, full]
    world.check_all()
