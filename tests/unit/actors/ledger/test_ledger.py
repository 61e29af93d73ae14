"""What one shard's ledger promises beyond single outcomes: keys in time, places of wallets, chains, limits by day, replay."""

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.ledger.admission import BEHIND_MAX, Channels
from actors.ledger.book import (
    M_OPEN_SEGMENT,
    M_OPEN_SLOT,
    M_SEGMENTS,
    need_profile,
    next_batch,
    profile_row,
    store_profile,
)
from actors.ledger.bounds import HOLD_SECONDS_MAX, Capacity
from actors.ledger.credit import place
from actors.ledger.ledger import Ledger
from actors.ledger.posting import effect_opened, next_address
from actors.ledger.table import table_count
from actors.records.addresses import OPERATOR_SLOT_FIRST, SEGMENT_SLOTS
from actors.records.chain_time import chain_time_of, lag_of
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, CUMULATIVE_MAX, PROFILE, RECORD, REQUEST, Kind, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.oracle import oracle_ledger
from tests.unit.actors.ledger.both import DAY, EUR, SMALL, START, Both, crowd, new_row
from tests.unit.actors.shard.one_shard import OneShard

EXTERNAL, USER, OTHER = 1024, 1 << 16, (1 << 16) + 1


def opening(kind: int = 1, place: int = 0, tier: int = 0, **fields: int) -> oracle_ledger.Row:
    return new_row(Kind.WALLET_OPENED, kind=int(kind), payee=place, tier=tier, **fields)


def pay(payer: int, payee: int, amount: int, **fields: int) -> oracle_ledger.Row:
    return new_row(Kind.TRANSFER, payer=payer, payee=payee, amount=amount, **fields)


def act(world: Both, *rows: oracle_ledger.Row) -> list[int]:
    return [int(outcome["code"]) for outcome in world.batch([{**row, **world.fresh_key()} for row in rows])]


def small_world(**options: object) -> Both:
    world = Both(**options)  # type: ignore[arg-type]
    assert act(world, opening(WalletKind.EXTERNAL, EXTERNAL), opening(tier=1), opening()) == [0, 0, 0]
    assert act(world, pay(EXTERNAL, USER, 50_000)) == [0]
    return world


@settings(max_examples=30)
@example([DAY // 2, 2 * DAY])
@example([DAY // 2, 2 * DAY - DAY // 2 - 1])
@given(st.lists(st.integers(0, 3 * DAY), min_size=1, max_size=12))
def test_a_key_is_known_for_the_whole_window_and_not_for_ever(gaps: list[int]) -> None:
    world = small_world(scored=False)
    made: list[tuple[int, dict[str, int], int]] = []
    for gap in gaps:
        world.advance(world.now + gap)
        for time, key, address in made:
            known = world.ledger.key_address(key["key_hi"], key["key_lo"])
            assert known in (0, address)
            assert known == address or world.now - time >= DAY
            assert known == 0 or world.now - time < 3 * DAY + max(gaps)
        row = {**pay(USER, OTHER, 1), **world.fresh_key()}
        (outcome,) = world.batch([row])
        made.append((world.now, {"key_hi": row["key_hi"], "key_lo": row["key_lo"]}, outcome["address"]))
    world.check_all()


def test_a_key_of_the_older_generation_is_still_a_duplicate() -> None:
    world = small_world(scored=False)
    row = {**pay(USER, OTHER, 1), **world.fresh_key()}
    world.advance(START + DAY - 1)
    (first,) = world.batch([dict(row)])
    for later in (START + DAY, START + 2 * DAY - 2):
        world.advance(later)
        (again,) = world.batch([dict(row)])
        assert (again["code"], again["duplicate"]) == (0, first["address"])
    world.advance(START + 3 * DAY)
    assert world.batch([row])[0]["address"] > first["address"]
    world.check_all()


def test_when_keys_are_full_nothing_is_tried_and_nothing_is_evicted() -> None:
    capacity = Capacity(segments=3, segment_map=16, keys=40, payers=10, attempts=100, profiles=4)
    world = Both(scored=False, capacity=capacity)
    rows = [{**opening(), **world.fresh_key()} for _ in range(300)]
    ledger = world.ledger
    others = crowd(ledger, 40)
    codes = [ledger_code(world, row) for row in rows]
    full = codes.index(Code.KEYS_FULL)
    assert full >= 40
    opened = codes.count(0)
    assert (
        np.count_nonzero(ledger.book.wallets["currency"][OPERATOR_SLOT_FIRST:])
        == opened
        == table_count(ledger.book.keys) - others
    )
    later = [ledger_code(world, pay(USER, OTHER, 1) | world.fresh_key()) for _ in range(300)]
    assert set(later) <= {Code.KEYS_FULL, Code.INSUFFICIENT_FUNDS}
    assert later.count(Code.KEYS_FULL)
    ledger.advance(START + DAY)
    assert ledger_code(world, opening() | world.fresh_key()) == 0


def ledger_code(world: Both, row: oracle_ledger.Row) -> int:
    """The code that the ledger alone gives; its key must name the record from then on."""
    rows, admission, admitted = world.admitted(row)
    if not len(admitted.rows):
        return int(admission.code[0])
    first = 1 << 52 | world.block << 8
    world.block += 1
    applied = world.ledger.apply(admitted, None, first)
    if len(applied.records):
        assert world.ledger.key_address(int(rows["key_hi"][0]), int(rows["key_lo"][0])) == first
    return int(applied.results["code"][0])


def test_a_journal_with_more_keys_than_a_generation_surely_holds_is_replayed_all_the_same() -> None:
    world = small_world(scored=False)
    for _ in range(20):
        act(world, *[pay(USER, OTHER, 1)] * 40)
    capacity = Capacity(segments=5, segment_map=16, keys=5, payers=10, attempts=100, profiles=4)
    fresh = Ledger(world.config, capacity)
    fresh.advance(START)  # begins a generation of keys
    crowd(fresh, 20)
    slots = len(fresh.book.keys.slots)
    for records, addresses in world.journal:
        assert fresh.replay(records.copy(), addresses) == len(records)
    assert len(fresh.book.keys.slots) > slots
    world._check_fresh_keys(fresh)


@pytest.mark.parametrize(
    ("amount", "seconds", "valid"),
    [
        (1, 1, True),
        (AMOUNT_MAX, HOLD_SECONDS_MAX, True),
        (0, 1, False),
        (AMOUNT_MAX + 1, 1, False),
        (1, 0, False),
        (1, HOLD_SECONDS_MAX + 1, False),
    ],
)
def test_what_is_held_and_for_how_long_has_bounds(amount: int, seconds: int, valid: bool) -> None:
    world = small_world(scored=False)
    (code,) = act(world, new_row(Kind.HOLD, payer=USER, payee=OTHER, amount=amount, expires_in_s=seconds))
    assert (code != Code.INVALID_REQUEST) == valid


def test_no_sum_of_all_that_was_ever_paid_leaves_its_range() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=100), shard.wallet()
    book = shard.core.ledger.book
    sums = [book.wallets[place(book, wallet)] for wallet in (payer, payee)]

    def paid(amount: int) -> int:
        return int(shard.pay(op=Kind.TRANSFER, payer=payer, payee=payee, amount=amount)["code"])

    sums[0]["debits"], sums[0]["credits"] = CUMULATIVE_MAX - 10, CUMULATIVE_MAX + 100
    assert [paid(amount) for amount in (11, 10, 1)] == [Code.BALANCE_OUT_OF_RANGE, 0, Code.BALANCE_OUT_OF_RANGE]
    sums[0]["debits"], sums[0]["credits"] = 0, 100
    sums[1]["debits"] = sums[1]["credits"] = CUMULATIVE_MAX - 5
    assert [paid(amount) for amount in (6, 5, 1)] == [Code.BALANCE_OUT_OF_RANGE, 0, Code.BALANCE_OUT_OF_RANGE]


def test_wallets_fill_a_segment_and_then_wait_for_the_next() -> None:
    world = small_world(scored=False)
    world.ledger.book.meta[6] = world.oracle.open_slot = 65_534
    assert act(world, *[opening()] * 3) == [0, 0, Code.DEFERRED]
    assert world.ledger.room() == 0
    world.use_segment(3)
    assert world.ledger.room() == 65_536
    assert act(world, opening()) == [0]
    assert 3 << 16 in world.oracle.wallets
    world.check_all()


def test_who_replays_the_first_wallet_of_a_segment_opens_the_next_beside_it() -> None:
    book = small_world().ledger.book
    book.meta[M_OPEN_SEGMENT], book.meta[M_OPEN_SLOT] = 1, 65_536
    record = np.zeros(1, RECORD)
    record["payee"], record["currency"] = 3 << 16, EUR
    assert effect_opened(book, record[0], np.int64(1 << 8))
    assert next_address(book) == 3 << 16 | 1


def test_a_leg_to_a_wallet_that_was_never_opened_contradicts_the_journal() -> None:
    ledger = small_world().ledger
    wallets = ledger.book.wallets.tobytes()
    leg = np.zeros(1, RECORD)
    leg["kind"], leg["payee"], leg["currency"], leg["amount"] = Kind.LEG, 900 << 16, EUR, 5
    assert ledger.replay(leg, np.array([1 << 30])) == 0
    assert ledger.book.wallets.tobytes() == wallets


def test_what_a_failed_opening_wrote_is_in_no_record() -> None:
    world = small_world(scored=False)
    world.ledger.book.meta[6] = world.oracle.open_slot = 65_536
    rows = [opening(tier=7, amount=-900), new_row(Kind.WALLET_TIER, payee=USER, tier=2), pay(USER, OTHER, 1)]
    assert act(world, *rows) == [Code.DEFERRED, 0, 0]
    world.check_all()


def test_without_memory_for_a_segment_there_is_none() -> None:
    ledger = Ledger(
        small_world().config, Capacity(segments=2, segment_map=16, keys=5, payers=1, attempts=8, profiles=1)
    )
    assert ledger.room() == 0
    assert ledger.use_segment(1)
    assert not ledger.use_segment(3)
    assert ledger.room() == 65_536


def test_a_replay_opens_no_wallet_beyond_its_memory() -> None:
    capacity = Capacity(segments=2, segment_map=16, keys=5, payers=1, attempts=8, profiles=1)
    book = Ledger(small_world().config, capacity).book
    record = np.zeros(1, RECORD)
    record["currency"] = EUR
    opened: list[bool] = []
    for segment in (1, 3, 1):
        record["payee"] = segment << 16 | len(opened)
        opened.append(bool(effect_opened(book, record[0], np.int64(1 << 8))))
    assert opened == [True, False, True] and book.segments[3] == 0


def test_a_shard_without_room_for_a_wallet_says_so() -> None:
    world = small_world(scored=False)
    ledger = world.ledger
    free = [segment for segment in range(1, 16) if not ledger.book.segments[segment]]
    assert not all(ledger.use_segment(segment) for segment in free)
    ledger.book.meta[M_OPEN_SLOT] = 65_536
    assert ledger_code(world, opening() | world.fresh_key()) == Code.WALLETS_FULL
    assert ledger_code(world, pay(USER, OTHER, 1) | world.fresh_key()) in (0, Code.INSUFFICIENT_FUNDS)


def test_without_a_number_for_a_segment_wallets_are_full() -> None:
    world = small_world(scored=False)
    for ended, code in ((True, Code.WALLETS_FULL), (False, Code.DEFERRED)):
        world.ledger.close_segment()
        world.ledger.end_segments(ended)
        assert ledger_code(world, opening() | world.fresh_key()) == code


def test_a_shard_with_room_for_one_more_segment_asks_for_it() -> None:
    world = small_world(scored=False)
    ledger, meta = world.ledger, world.ledger.book.meta
    free = (segment for segment in range(1, 1 << 10) if not ledger.book.segments[segment])
    room = len(ledger.book.wallets) // SEGMENT_SLOTS - int(meta[M_SEGMENTS])
    for left in range(room, -1, -1):
        meta[M_OPEN_SLOT] = SEGMENT_SLOTS
        code = ledger_code(world, opening() | world.fresh_key())
        assert code == (Code.DEFERRED if left else Code.WALLETS_FULL)
        assert ledger.use_segment(next(free)) == bool(left)


def test_a_journal_is_replayed_where_there_is_memory_for_just_its_segments() -> None:
    world = small_world(scored=False)
    records, addresses = (np.concatenate([part[i] for part in world.journal]) for i in (0, 1))
    enough = Ledger(world.config, msgspec.structs.replace(world.capacity, segments=2))
    assert enough.replay(records.copy(), addresses) == len(records)
    too_little = Ledger(world.config, msgspec.structs.replace(world.capacity, segments=1))
    assert too_little.replay(records.copy(), addresses) < len(records)


def test_a_segment_is_taken_into_use_once() -> None:
    world = small_world()
    with pytest.raises(AssertionError, match="never used again"):
        world.ledger.use_segment(1)


def test_in_a_full_table_a_profile_gives_way_that_no_payment_asked_for_lately() -> None:
    ledger = Ledger(
        small_world().config, Capacity(segments=1, segment_map=16, keys=5, payers=1, attempts=8, profiles=3)
    )
    profile = np.zeros(1, PROFILE)
    for i, address in enumerate([5 << 16, -7, 2**62, 1]):
        profile["address"], profile["tier"] = address, i
        if i == 3:
            for row in (0, 1):
                need_profile(ledger.book, row)  # the batch under way names these
        assert store_profile(ledger.book, profile[0])
    profile["address"], profile["tier"] = -7, 9
    assert store_profile(ledger.book, profile[0])
    assert [int(profile_row(ledger.book, np.int64(a))) for a in (5 << 16, -7, 2**62, 1)] == [0, 1, -1, 2]
    assert ledger.book.profiles["tier"].tolist() == [0, 9, 3]
    record = np.zeros(1, RECORD)
    record["payee"], record["effective_time"] = 77, START
    need_profile(ledger.book, 2)
    assert not ledger.learn(record[0]), "the batch under way needs all"
    assert [int(profile_row(ledger.book, np.int64(a))) for a in (5 << 16, -7, 1, 77)] == [0, 1, 2, -1]
    next_batch(ledger.book)
    assert ledger.learn(record[0])
    assert sum(int(profile_row(ledger.book, np.int64(a))) >= 0 for a in (5 << 16, -7, 1, 77)) == 3
    assert table_count(ledger.book.profile_table) == 3


def test_profiles_come_and_go_for_ever() -> None:
    ledger = Ledger(
        small_world().config, Capacity(segments=1, segment_map=16, keys=5, payers=1, attempts=8, profiles=50)
    )
    profile = np.zeros(1, PROFILE)
    random = np.random.default_rng(3)
    for address in random.integers(1 << 16, 1 << 36, 40_000).tolist():
        profile["address"] = address
        assert store_profile(ledger.book, profile[0])
        row = int(profile_row(ledger.book, np.int64(address)))
        if random.random() < 0.5:
            need_profile(ledger.book, row)
            next_batch(ledger.book)
    assert table_count(ledger.book.profile_table) == 50
    for row, kept in enumerate(ledger.book.profiles["address"].tolist()):
        assert int(profile_row(ledger.book, np.int64(kept))) == row


moments = st.integers(0, 2**31 * 1000 - 10**6)


@given(moments, moments)
def test_a_lag_and_the_effective_time_give_the_time_of_the_chain(chain: int, effective: int) -> None:
    lag = int(lag_of(chain, effective))
    again = int(chain_time_of(effective, lag))
    assert (lag, again) == oracle_ledger.lag(chain, effective)
    assert 0 <= lag < 2**32
    assert max(chain, effective) <= again < max(chain, effective) + 1_000
    assert again == max(chain, effective) or again % 1_000 == 0
    assert int(chain_time_of(effective, np.uint32(lag))) == again


def test_rounding_never_adds_up_along_a_chain() -> None:
    chain = START + 123
    for step in range(1, 500):
        effective = 1_000_000_000 + step * 7_919
        chain = int(chain_time_of(effective, lag_of(chain, effective)))
    assert chain == START + 1_000


def test_daily_limit_is_by_effective_day_and_declines_do_not_count() -> None:
    world = small_world(scored=False)
    midnight = START // DAY * DAY
    steps = [
        (9_999, midnight - 2 * DAY, 0),
        (2, midnight - DAY - 1, Code.DAILY_LIMIT_EXCEEDED),
        (1, midnight - DAY - 1, 0),
        (1, midnight - DAY - 1, Code.DAILY_LIMIT_EXCEEDED),
        (10_000, midnight - DAY, 0),
        (1, midnight - 1, Code.DAILY_LIMIT_EXCEEDED),
        (10_001, midnight, Code.DAILY_LIMIT_EXCEEDED),
        (10_000, 0, 0),
    ]
    for amount, time, code in steps:
        assert act(world, pay(USER, OTHER, amount, effective_time=time)) == [code]
    world.check_all()


def test_a_later_payment_of_a_payer_of_whom_an_earlier_one_is_not_tried_yet_waits() -> None:
    world = small_world(scored=False)
    rows = np.zeros(3, REQUEST)
    rows["op"], rows["payee"], rows["amount"], rows["currency"] = Kind.TRANSFER, OTHER, 1, EUR
    rows["payer"], rows["key_lo"] = (USER, USER, EXTERNAL), (901, 902, 903)
    rows["effective_time"] = (world.now, 0, world.now)
    behind = np.zeros(1 + BEHIND_MAX, np.int64)
    channels = Channels(np.zeros(2, np.int64), np.zeros(2, np.int64))
    for payers, codes in (((), [0, 0, 0]), ((OTHER,), [0, 0, 0]), ((OTHER, USER), [Code.DEFERRED] * 2 + [0])):
        behind[: 1 + len(payers)] = len(payers), *payers
        rows["key_lo"] += 10
        admission = world.ledger.admit(rows.copy(), channels, 0, behind)
        assert admission.code.tolist() == codes
        assert admission.behind.tolist() == behind.tolist()


def test_record_time_never_goes_back() -> None:
    world = small_world()
    world.advance(START + 5_000)
    world.advance(START)
    assert world.ledger.record_time == START + 5_000


def test_replay_stops_at_the_first_record_that_contradicts() -> None:
    for field in ("payer_posted", "payee_posted", "payer_held", "payer_prev", "payee_prev"):
        world = small_world(scored=False)
        act(world, pay(USER, OTHER, 5), pay(USER, OTHER, 6))
        records = np.concatenate([records for records, _ in world.journal])
        addresses = np.concatenate([addresses for _, addresses in world.journal])
        last = len(records) - 1
        records[field][last] += 1
        fresh = Ledger(world.config, SMALL)
        assert fresh.replay(records, addresses) == last


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": 99},
        {"kind": Kind.TRANSFER, "payer": 3 << 16, "payee": USER, "amount": 5},
        {"kind": Kind.TRANSFER, "payer": USER, "payee": -(2**63), "amount": 5},
        {"kind": Kind.LEG, "payee": 2**63 - 1, "amount": 5},
        {"kind": Kind.WALLET_STATUS, "payee": 3 << 16, "channel": 2},
        {"kind": Kind.WALLET_OPENED, "payee": -(2**63), "currency": EUR},
        {"kind": Kind.WALLET_OPENED, "payee": 2**63 - 1, "currency": EUR},
        {"kind": Kind.WALLET_OPENED, "payee": 16 << 16, "currency": EUR},
        {"kind": Kind.SCORE, "payer": 3 << 16},
    ],
)
def test_replay_refuses_what_cannot_be(broken: dict[str, int]) -> None:
    world = small_world(scored=False)
    record = np.zeros(1, RECORD)
    for name, value in broken.items():
        record[name] = value
    record["record_time"] = world.now
    assert world.ledger.replay(record, np.array([5])) == 0


def test_what_follows_a_score_of_nobody_is_not_replayed() -> None:
    world = small_world(scored=False)
    opened, addresses = world.journal[0]
    score = np.zeros(1, RECORD)
    score["kind"], score["payer"], score["record_time"] = Kind.SCORE, 3 << 16, world.now
    fresh = Ledger(world.config, SMALL)
    assert fresh.replay(np.concatenate([score, opened]), np.append([5], addresses)) == 0
    assert not fresh.book.wallets["currency"][OPERATOR_SLOT_FIRST:].any()


def test_an_empty_journal_is_an_empty_ledger() -> None:
    ledger = Ledger(small_world().config, SMALL)
    assert ledger.replay(np.zeros(0, RECORD), np.zeros(0, np.int64)) == 0
    assert ledger.record_time == 0
    assert ledger.wallet(USER) is None
    assert ledger.wallets(np.array([0, -1, 2**62, USER]))["currency"].tolist() == [0, 0, 0, 0]


def test_frozen_wallets_receive_and_closed_ones_do_not() -> None:
    world = small_world(scored=False)
    freeze = new_row(Kind.WALLET_STATUS, payee=OTHER, kind=int(WalletStatus.FROZEN))
    close = {**freeze, "kind": int(WalletStatus.CLOSED)}
    assert act(world, freeze, pay(USER, OTHER, 5), close) == [0, 0, Code.WALLET_NOT_EMPTY]
    leg = {"payer": 2 << 16, "payee": OTHER, "amount": 7, "currency": EUR, "effective_time": 1, "reference": 1}
    assert world.apply_legs([leg])[0]["flags"] == 0
    assert act(world, {**freeze, "kind": int(WalletStatus.OPEN)}, pay(OTHER, EXTERNAL, 12), close) == [0, 0, 0]
    assert world.apply_legs([leg])[0]["flags"] == 2
    assert act(world, close) == [0]
    world.check_all()


def test_the_first_profile_that_was_kept_is_forgotten_like_any_other() -> None:
    world = small_world(scored=False)
    for address in (2 << 16, (2 << 16) + 1):
        world.learn(address=address, opened=7, currency=EUR, status=1, kind=1, tier=0)
    for row, address in enumerate((2 << 16, (2 << 16) + 1)):
        record = np.zeros(1, RECORD)
        record["kind"], record["payee"] = Kind.PROFILE, address
        assert world.ledger.learn(record[0])
        assert int(profile_row(world.ledger.book, np.int64(address))) == row
        assert [int(world.ledger.book.profiles[row][name]) for name in ("opened", "kind")] == [0, 0]
