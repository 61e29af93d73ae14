"""Batches are bounded in rows and bytes, groups stay whole, the small ones go first, and a request cut into parts is answered once."""

from typing import Any

import numpy as np
import pytest

from actors.records.addresses import wallet_address
from actors.records.codes import Code
from actors.records.layout import FLAG_LINKED, RECORD, REQUEST, RESULT
from actors.shard import intake, pace
from actors.shard.intake import Asked, Intake, Part, untried_payers
from actors.shard.messages import Submit
from bench.workload.payments import payment_rows
from tests.unit.actors.shard.test_host import started

ROW = RECORD.itemsize


def _submit(ref: int, rows: int, details: dict[int, bytes] | None = None, linked: Any = (), caller: int = 1) -> Submit:
    made = np.zeros(rows, REQUEST)
    made["amount"], made["caller"] = np.arange(rows), caller
    made["flags"][list(linked)] = FLAG_LINKED
    return Submit(ref=ref, rows=made, details=details or {})


def _taken(queue: Intake, bytes_max: int, backlog_bytes: int = 0, now_ms: int = 0) -> list[tuple[int, int, int]]:
    return [(part.asked.ref, part.first, part.end) for part in queue.take(bytes_max, backlog_bytes, now_ms)]


def test_a_batch_is_bounded_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_ROWS_MAX", 10)
    queue = Intake()
    for ref, rows in enumerate((4, 5, 3, 25)):
        assert queue.offer(_submit(ref, rows), 0)
    assert _taken(queue, 1 << 30) == [(0, 0, 4), (1, 0, 5), (2, 0, 1)]
    assert _taken(queue, 1 << 30) == [(2, 1, 3), (3, 0, 8)]
    assert _taken(queue, 1 << 30) == [(3, 8, 18)]
    assert _taken(queue, 1 << 30) == [(3, 18, 25)]
    assert queue.rows == 0


def test_the_small_go_first_and_the_large_take_turns() -> None:
    queue = Intake()
    for ref, size in enumerate((1_000, 1_000, 10, 10)):
        queue.offer(_submit(ref, size), 0)
    assert _taken(queue, 100 * ROW) == [(2, 0, 10), (3, 0, 10), (0, 0, 80)]
    assert _taken(queue, 100 * ROW) == [(1, 0, 100)]
    assert _taken(queue, 100 * ROW) == [(0, 80, 180)]
    queue.offer(_submit(4, 1), 0)
    assert _taken(queue, 100 * ROW) == [(4, 0, 1), (1, 100, 199)]


def test_many_small_ones_leave_the_large_half_of_a_batch() -> None:
    queue = Intake()
    queue.offer(_submit(0, 1_000), 0)
    for ref in range(1, 40):
        queue.offer(_submit(ref, 10), 0)
    taken = _taken(queue, 100 * ROW)
    assert taken == [*((ref, 0, 10) for ref in range(1, 6)), (0, 0, 50)]


@pytest.mark.parametrize("seed", range(10))
def test_parts_are_bounded_in_bytes_keep_groups_whole_and_lose_nothing(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows, bytes_max = 500, 3_000
    linked = np.flatnonzero(chance.random(rows - 1) < 0.5)
    details = {int(i): bytes([i % 256]) * int(chance.integers(0, 900)) for i in chance.permutation(rows)[:300]}
    submit = _submit(1, rows, details, linked)
    queue = Intake()
    queue.offer(submit, 0)
    parts: list[Part] = []
    found: dict[int, bytes] = {}
    while queue.rows:
        (part,) = queue.take(bytes_max, 0, 0)
        parts.append(part)
        found |= {part.first + slot: entry for slot, entry in part.details().items()}
        size = len(part.rows) * ROW + sum(map(len, part.details().values()))
        alone = not (part.rows["flags"][:-1] & FLAG_LINKED == 0).any()
        assert size <= bytes_max or alone, "only a group that is larger goes beyond the bound"
        assert not part.rows["flags"][-1] & FLAG_LINKED
    assert [part.first for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert (np.concatenate([part.rows for part in parts]) == submit.rows).all() and found == details


def test_an_answer_is_given_once_when_its_last_part_is() -> None:
    asked = Asked(_submit(7, 5))
    asked.taken = 5
    results = np.zeros(5, RESULT)
    results["address"] = range(5)
    assert asked.answer(3, results[3:]) == []
    (answer,) = asked.answer(0, results[:3])
    assert answer.ref == 7 and (answer.value == results).all()


def test_what_waits_is_bounded_in_rows_and_in_details(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "QUEUE_ROWS_MAX", 10)
    monkeypatch.setattr(intake, "SMALL_ROWS_MAX", 0)
    monkeypatch.setattr(intake, "QUEUE_DETAIL_BYTES_MAX", 1_000)
    queue = Intake()
    assert queue.offer(_submit(0, 1, {0: bytes(2_000)}), 0), "a request that is alone is taken, however large"
    assert not queue.offer(_submit(1, 1, {0: b"x"}), 0)
    assert queue.offer(_submit(2, 9), 0) and not queue.offer(_submit(3, 1), 0)
    queue.take(1 << 30, 0, 0)
    assert queue.offer(_submit(4, 1, {0: bytes(999)}), 0)


# While several callers are about.


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "SLICE_ROWS", 40)
    monkeypatch.setattr(intake, "SMALL_CALL_ROWS", 6)


@pytest.mark.usefixtures("slices")
def test_a_payment_beside_the_full_batch_of_another_is_a_batch_of_its_own_and_the_next() -> None:
    queue = Intake()
    queue.offer(_submit(0, 1_000), 0)
    assert _taken(queue, 1 << 30) == [(0, 0, 1_000)], "alone it is taken whole"
    queue.offer(_submit(1, 1_000), 0)
    queue.offer(_submit(2, 1, caller=2), 0)
    assert _taken(queue, 1 << 30) == [(2, 0, 1)]
    assert _taken(queue, 1 << 30) == [(1, 0, 40)]
    assert _taken(queue, 1 << 30, now_ms=intake.ABOUT_MS) == [(1, 40, 1_000)], "the other has gone"


@pytest.mark.usefixtures("slices")
def test_one_slice_of_large_requests_at_a_time_is_not_stored_and_small_ones_do_not_wait_for_it() -> None:
    queue = Intake()
    queue.offer(_submit(0, 1_000), 0)
    queue.offer(_submit(1, 1, caller=2), 0)
    assert _taken(queue, 1 << 30) == [(1, 0, 1)]
    assert _taken(queue, 1 << 30) == [(0, 0, 40)]
    queue.offer(_submit(2, 1, caller=2), 0)
    assert _taken(queue, 1 << 30, 40 * ROW) == [(2, 0, 1)]
    assert _taken(queue, 1 << 30, 40 * ROW) == []
    assert _taken(queue, 1 << 30) == [(0, 40, 80)]


@pytest.mark.usefixtures("slices")
def test_payments_that_a_front_door_gathered_are_small_though_they_have_details() -> None:
    details = {slot: bytes(ROW) for slot in range(6)}
    assert Asked(_submit(0, 6, details)).small
    assert not Asked(_submit(0, 7, details | {6: bytes(ROW)})).small
    assert not Asked(_submit(0, 6, {0: bytes(40 * ROW)})).small


@pytest.mark.usefixtures("slices")
def test_a_slice_waits_until_small_requests_are_stored_but_not_for_ever() -> None:
    queue = Intake()
    queue.offer(_submit(0, 1_000), 0)
    queue.offer(_submit(1, 1, caller=2), 0)
    assert _taken(queue, 1 << 30) == [(1, 0, 1)]
    assert _taken(queue, 1 << 30) == [(0, 0, 40)]
    queue.offer(_submit(2, 1, caller=2), 1)
    assert _taken(queue, 1 << 30, now_ms=1) == [(2, 0, 1)]
    late = intake.SLICE_EVERY_MS
    assert _taken(queue, 1 << 30, ROW, late - 1) == [], "what others wait for is not stored yet"
    assert _taken(queue, 1 << 30, ROW, late) == [(0, 40, 80)], "its time has come"


@pytest.mark.usefixtures("slices")
def test_small_and_large_requests_alternate_and_callers_take_turns_in_both() -> None:
    queue = Intake()
    for ref, rows, caller in ((0, 100, 1), (1, 100, 1), (2, 100, 2), (3, 4, 1), (4, 4, 1), (5, 4, 3)):
        queue.offer(_submit(ref, rows, caller=caller), 0)
    assert _taken(queue, 1 << 30) == [(3, 0, 4), (5, 0, 4), (4, 0, 4)]
    queue.offer(_submit(6, 1, caller=3), 0)
    assert _taken(queue, 1 << 30) == [(0, 0, 40)]
    assert _taken(queue, 1 << 30) == [(6, 0, 1)]
    assert [_taken(queue, 1 << 30)[0][0] for _ in range(3)] == [2, 0, 2]


@pytest.mark.usefixtures("slices")
def test_whoever_fills_the_queue_leaves_room_for_small_requests_and_for_other_callers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "QUEUE_ROWS_MAX", 200)
    monkeypatch.setattr(intake, "SMALL_ROWS_MAX", 3)
    queue = Intake()
    assert queue.offer(_submit(0, 150), 0) and queue.offer(_submit(1, 50), 0), "alone it may have all"
    assert queue.offer(_submit(2, 2, caller=2), 0) and queue.offer(_submit(3, 1, caller=2), 0)
    assert not queue.offer(_submit(4, 1, caller=2), 0)
    while queue.rows:
        queue.take(1 << 30, 0, 0)
    assert queue.offer(_submit(5, 80), 0) and not queue.offer(_submit(6, 30), 0)
    assert queue.offer(_submit(7, 100, caller=2), 0)


@pytest.mark.usefixtures("slices")
def test_a_request_of_several_callers_says_that_several_are_about() -> None:
    queue, mixed = Intake(), _submit(0, 4)
    mixed.rows["caller"][2] = 7
    queue.offer(mixed, 0)
    assert queue.is_shared(0) and queue.batch_rows(1_000, 0) == 40
    assert not queue.is_shared(intake.ABOUT_MS) and queue.batch_rows(1_000, intake.ABOUT_MS) == 1_004


@pytest.mark.usefixtures("slices")
def test_a_large_request_stays_cut_beside_others_however_long_ago_it_came() -> None:
    queue = Intake()
    queue.offer(_submit(0, 2_000), 0)
    for ref, now_ms in enumerate(range(0, 5 * intake.ABOUT_MS, intake.ABOUT_MS // 4), 1):
        queue.offer(_submit(ref, 1, caller=2), now_ms)
        assert _taken(queue, 1 << 30, now_ms=now_ms) == [(ref, 0, 1)]
        assert [end - first for _, first, end in _taken(queue, 1 << 30, now_ms=now_ms)] == [40]


def test_later_parts_know_the_payers_of_whom_a_row_before_is_not_tried_yet() -> None:
    first, second, fresh = (Asked(_submit(ref, 3)) for ref in range(3))
    assert untried_payers([Part(fresh, 0, 1)]) is None
    first.behind, second.behind = np.zeros((2, 65), np.int64)
    first.behind[:3], second.behind[:3] = (2, 70_000, 80_000), (2, 80_000, 90_000)
    merged = untried_payers([Part(first, 1, 2), Part(fresh, 0, 1), Part(second, 1, 2)])
    assert merged is not None and merged[:4].tolist() == [3, 70_000, 80_000, 90_000] and not merged[4:].any()


async def test_a_later_part_does_not_overtake_a_payment_of_the_same_payer_that_is_not_tried_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one part or in three: else the first payment could never be made, for its time would have gone back."""
    switch, addresses = await started()
    rows = payment_rows(addresses, 3, np.random.default_rng(2))
    rows["payer"], rows["payee"] = addresses[0], (addresses[1], wallet_address(9, 0), addresses[2])
    rows["effective_time"] = (1_000, 2_000, 3_000)
    core = switch.hosts[0].core
    monkeypatch.setattr(core._pace, "bytes_max", ROW)
    monkeypatch.setattr(pace, "BYTES_MIN", ROW)
    monkeypatch.setattr(pace, "BYTES_MAX", ROW)
    batches = core._batches
    shown = await switch.hosts[0].submit(rows, {})
    assert core._batches == batches + 3
    assert shown["code"].tolist() == [0, Code.DEFERRED, Code.DEFERRED]
    await switch.stop()


def test_what_is_larger_than_a_batch_goes_alone_and_never_stays() -> None:
    rows = np.zeros(4, REQUEST)
    rows["flags"][2] = FLAG_LINKED
    asked = Asked(Submit(ref=1, rows=rows, details={0: bytes(5_000), 3: bytes(5_000)}))
    assert asked.take(4, 1_000, at_least_one=False) is None
    left = []
    while part := asked.take(4, 1_000, at_least_one=True):
        left.append((part.first, part.end, asked.detail_bytes_left))
    assert left == [(0, 1, 5_000), (1, 2, 5_000), (2, 4, 0)]


def test_of_rows_with_details_half_as_many_are_tried_until_they_fit() -> None:
    asked = Asked(_submit(1, 8, {at: bytes(1_000) for at in range(8)}))
    parts = [asked.take(8, 4 * (1_000 + ROW), at_least_one=False) for _ in range(2)]
    assert [part and (part.first, part.end) for part in parts] == [(0, 4), (4, 8)]
    asked.applied()
    assert len(asked.rows(0, 8)) == 0 and asked.details(0, 1) == {} and asked.detail_bytes_left == 0
    assert Asked(_submit(1, 8)).detail_bytes_left == 0
