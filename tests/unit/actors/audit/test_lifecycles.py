"""The audit's rules of holds, refunds and groups: a good life has no difference, each way to break one has its own."""

import numpy as np
import pytest

from actors.audit.lifecycles import EVENT, EventRows, GroupCheck, cases_of, events_of, wrong_holds, wrong_refunds
from actors.records.layout import (
    FLAG_CONTINUES,
    FLAG_FINAL,
    FLAG_LINKED,
    FLAG_REVIEW,
    RECORD,
    Kind,
    Records,
    ReviewStatus,
)

PARTIES = {"payer": 70_001, "payee": 70_002, "currency": 978}


def records(*rows: dict[str, int]) -> Records:
    made = np.zeros(len(rows), RECORD)
    for record, row in zip(made, rows, strict=True):
        for name, value in {**PARTIES, **row}.items():
            record[name] = value
    return made


def events(*rows: dict[str, int], released: tuple[int, ...] = ()) -> EventRows:
    made = records(*rows)
    given = np.zeros(len(rows), np.int64)
    given[: len(released)] = released
    return events_of(made, np.arange(1, len(rows) + 1), given)


HOLD = {"kind": Kind.HOLD, "amount": 100, "expiry": 50, "record_time": 10}


def capture(amount: int, time: int = 20, flags: int = 0, **more: int) -> dict[str, int]:
    return {"kind": Kind.CAPTURE, "amount": amount, "record_time": time, "flags": flags, "reference": 1, **more}


def end(kind: Kind, amount: int, time: int) -> dict[str, int]:
    return {"kind": kind, "amount": amount, "record_time": time, "reference": 1}


PAYMENT = {**HOLD, "expiry": 2_000, "flags": FLAG_REVIEW}
ASKED = {**PAYMENT, "payee_lag": 5}
FULL = capture(100, flags=FLAG_FINAL | FLAG_REVIEW)
APPROVAL = {
    "kind": Kind.APPROVAL,
    "amount": 100,
    "record_time": 20,
    "expiry": 5_010,
    "reference": 1,
    "flags": FLAG_REVIEW,
}


def answered(kind: Kind, time: int, flags: int = FLAG_REVIEW) -> dict[str, int]:
    return {**end(kind, 100, time), "flags": flags}


@pytest.mark.parametrize(
    ("rows", "released"),
    [
        ((PAYMENT,), ()),
        ((PAYMENT, FULL), ()),
        ((PAYMENT, answered(Kind.VOID, 30)), ()),
        ((ASKED, answered(Kind.EXPIRY, 2_000)), ()),
        ((ASKED, APPROVAL), ()),
        ((ASKED, APPROVAL, capture(40, time=4_000), end(Kind.EXPIRY, 60, 5_010)), ()),
        ((HOLD,), ()),
        ((HOLD, capture(40), capture(60, flags=FLAG_FINAL)), ()),
        ((HOLD, capture(40, flags=FLAG_FINAL)), (0, 60)),
        ((HOLD, capture(40), end(Kind.VOID, 60, 30)), ()),
        ((HOLD, end(Kind.EXPIRY, 100, 50)), ()),
        ((HOLD, {**capture(200), "code": 102}), ()),
    ],
)
def test_a_good_life_has_no_difference(rows: tuple[dict[str, int], ...], released: tuple[int, ...]) -> None:
    assert list(wrong_holds(events(*rows, released=released))) == []


@pytest.mark.parametrize(
    ("rows", "released", "says"),
    [
        ((HOLD, capture(101, flags=FLAG_FINAL)), (), "more was captured"),
        ((HOLD, capture(40, flags=FLAG_FINAL)), (0, 59), "something left"),
        ((HOLD, capture(100)), (), "nothing is left"),
        ((HOLD, end(Kind.VOID, 100, 30), capture(10)), (), "ended before"),
        ((HOLD, end(Kind.EXPIRY, 100, 49)), (), "too early"),
        ((HOLD, end(Kind.VOID, 100, 50)), (), "dead"),
        ((HOLD, capture(100, time=51, flags=FLAG_FINAL)), (), "dead"),
        ((HOLD, capture(10, payee=70_003)), (), "not the hold's"),
        ((end(Kind.VOID, 100, 30),), (), "refers to no hold"),
        ((PAYMENT, capture(100, flags=FLAG_FINAL)), (), "exactly one answer"),
        ((PAYMENT, capture(40), answered(Kind.VOID, 30)), (), "exactly one answer"),
        ((HOLD, FULL), (), "exactly one answer"),
        ((ASKED, APPROVAL, answered(Kind.VOID, 30)), (), "exactly one answer"),
        ((PAYMENT, APPROVAL), (), "as what it is not"),
        ((ASKED, FULL), (), "as what it is not"),
        ((PAYMENT, capture(40, flags=FLAG_REVIEW)), (), "approved in part"),
        ((ASKED, {**APPROVAL, "expiry": 5_011}), (), "longer or shorter"),
        (({**ASKED, "expiry": 5_011},), (), "longer than its hold"),
        ((PAYMENT, {**FULL, "record_time": 2_000}), (), "dead"),
        ((ASKED, APPROVAL, capture(100, time=5_010, flags=FLAG_FINAL)), (), "dead"),
        ((ASKED, APPROVAL, end(Kind.EXPIRY, 100, 4_000)), (), "too early"),
    ],
)
def test_each_broken_life_is_told(rows: tuple[dict[str, int], ...], released: tuple[int, ...], says: str) -> None:
    faults = [text for _, text in wrong_holds(events(*rows, released=released))]
    assert any(says in text for text in faults), faults


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ((PAYMENT,), ReviewStatus.OPEN),
        ((PAYMENT, FULL), ReviewStatus.APPROVED),
        ((ASKED, APPROVAL, end(Kind.VOID, 100, 30)), ReviewStatus.APPROVED),
        ((PAYMENT, answered(Kind.VOID, 30)), ReviewStatus.DECLINED),
        ((PAYMENT, answered(Kind.EXPIRY, 2_000)), ReviewStatus.EXPIRED),
    ],
)
def test_the_table_of_cases_follows_from_the_records(rows: tuple[dict[str, int], ...], status: ReviewStatus) -> None:
    assert cases_of(events(*rows)) == [(1, 10, status)]


def refund(amount: int, **more: int) -> dict[str, int]:
    swapped = {"payer": PARTIES["payee"], "payee": PARTIES["payer"]}
    return {"kind": Kind.REFUND, "amount": amount, "reference": 9, **swapped, **more}


def test_refunds_up_to_what_was_paid_are_good() -> None:
    original = records({"kind": Kind.TRANSFER, "amount": 100})[0]
    assert list(wrong_refunds(events(refund(60), refund(40)), {9: original})) == []
    assert list(wrong_refunds(np.zeros(0, EVENT), {})) == []


@pytest.mark.parametrize(
    ("rows", "original", "says"),
    [
        ((refund(60), refund(41)), {"kind": Kind.TRANSFER, "amount": 100}, "more was refunded"),
        ((refund(10, payee=5),), {"kind": Kind.TRANSFER, "amount": 100}, "not those of"),
        ((refund(10),), {"kind": Kind.HOLD, "amount": 100}, "moved no money"),
        ((refund(10),), {"kind": Kind.CAPTURE, "amount": 100, "code": 102}, "moved no money"),
    ],
)
def test_each_wrong_refund_is_told(rows: tuple[dict[str, int], ...], original: dict[str, int], says: str) -> None:
    faults = [text for _, text in wrong_refunds(events(*rows), {9: records(original)[0]})]
    assert any(says in text for text in faults), faults


def linked(*members: tuple[int, int]) -> Records:
    return records(*({"kind": Kind.TRANSFER, "flags": flags, "code": code} for flags, code in members))


FIRST, MIDDLE, LAST = FLAG_LINKED, FLAG_LINKED | FLAG_CONTINUES, FLAG_CONTINUES


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_a_whole_group_is_good_wherever_pages_are_cut(cut: int) -> None:
    rows = linked((0, 0), (FIRST, 0), (MIDDLE, 0), (LAST, 0), (FIRST, 121), (LAST, 130), (0, 121))
    check = GroupCheck()
    faults = [
        *check.wrong(rows[:cut], np.arange(cut)),
        *check.wrong(rows[cut:], np.arange(cut, 7)),
        *check.unfinished(),
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (((FIRST, 0), (0, 0)), "torn"),
        (((0, 0), (LAST, 0)), "torn"),
        (((FIRST, 0),), "torn"),
        (((FIRST, 0), (LAST, 121)), "in part"),
        (((FIRST, 0), (LAST | FLAG_REVIEW, 0)), "in review"),
    ],
)
def test_each_broken_group_is_told(members: tuple[tuple[int, int], ...], says: str) -> None:
    check = GroupCheck()
    rows = linked(*members)
    faults = [text for _, text in (*check.wrong(rows, np.arange(len(rows))), *check.unfinished())]
    assert any(says in text for text in faults), faults
