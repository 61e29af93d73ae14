"""A stretch of a wallet's chain as a page: only what moves money is listed, and a page that is cut goes on where it ended."""

from typing import Any

import numpy as np
import pytest
from msgspec import UNSET

from actors.records.addresses import record_address
from actors.records.ids import encode_wallet
from actors.records.layout import FLAG_SUSPENSE, RECORD, Kind
from actors.records.secret import Secret
from switch.gateway.encode import Details
from switch.http.times import time_text
from switch.views import statement
from switch.views.statement import Origin, Statement, Step, as_dict, entries_of_page, pays, record_of

SECRET = Secret.of(bytes(range(16)))
NOON = 1_795_521_600_000
WALLET, OTHER = 1_024, 1_025


def at(number: int) -> int:
    return record_address(0, number, 0)


def raw(kind: Kind, **fields: int) -> bytes:
    row = np.zeros(1, RECORD)
    named = {"kind": int(kind), "payer": WALLET, "payee": OTHER, "amount": 5, "currency": 978}
    for name, value in {**named, "record_time": NOON, "effective_time": NOON, **fields}.items():
        row[name] = value
    return row.tobytes()


def row(number: int, kind: Kind = Kind.TRANSFER, there: int = 1, **fields: int) -> dict[str, Any]:
    """As the database answers; its record is its own origin, and lies before that of the number below."""
    record = raw(kind, payer_prev=at(number - 1), **fields)
    return {
        "address": at(number), "record": record, "origin": at(number), "origin_record": record, "details": None,
        "there": there,
    }  # fmt: skip


def page(rows: list[dict[str, Any]], limit: int, since_ms: int = 0) -> tuple[list[int], int]:
    for each in rows:
        each["there"] = max(each["there"], len(rows))
    found = statement._page(WALLET, rows, limit, since_ms)
    return [step.address for step in found.steps], found.next


def test_a_page_ends_with_its_limit_and_goes_on_with_the_next_that_is_listed() -> None:
    rows = [row(number) for number in (5, 4, 3)]
    assert page(rows, 2) == ([at(5), at(4)], at(3))
    assert page(rows, 3) == ([at(5), at(4), at(3)], 0)


def test_what_moves_nothing_is_walked_over() -> None:
    rows = [row(5), row(4, Kind.HOLD), row(3, Kind.VOID), row(2, Kind.CAPTURE), row(1, Kind.TRANSFER)]
    assert page(rows, 10) == ([at(5), at(2), at(1)], 0)


def test_what_came_late_is_left_to_the_list_of_late_records() -> None:
    assert page([row(5), row(4, payer_lag=7), row(3)], 10) == ([at(5), at(3)], 0)


def test_a_page_looks_back_to_its_time_and_no_further() -> None:
    rows = [row(5), row(4, effective_time=NOON - 10), row(3, effective_time=NOON - 20)]
    assert page(rows, 10, NOON - 10) == ([at(5), at(4)], 0)


def test_a_stretch_that_was_cut_short_goes_on_before_its_last_record(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page([row(5, there=9), row(4, Kind.HOLD)], 10) == ([at(5)], at(3)), "the database had more to tell"
    monkeypatch.setattr(statement, "OTHERS_MAX", 2)
    assert page([row(5, Kind.HOLD), row(4, Kind.HOLD), row(3, Kind.HOLD)], 1) == ([], at(2)), (
        "as many as one walks over"
    )
    old = [row(5, Kind.HOLD), row(4, Kind.HOLD), row(3, Kind.HOLD, effective_time=NOON - 9)]
    assert page(old, 1, NOON) == ([], 0), "beyond the time that was asked for nothing is looked for"


def test_a_record_lies_on_its_payers_chain_only_when_it_moves_something() -> None:
    assert pays(record_of(raw(Kind.TRANSFER)), WALLET) and not pays(record_of(raw(Kind.TRANSFER)), OTHER)
    assert pays(record_of(raw(Kind.APPROVAL)), WALLET)
    assert not pays(record_of(raw(Kind.LEG)), WALLET), "a credit is its payee's"


def test_a_record_reads_the_same_from_bytes_and_from_an_array() -> None:
    data = raw(Kind.REFUND, payer_posted=-7, reference=99)
    assert record_of(data) == as_dict(np.frombuffer(data, RECORD)[0])


def step(record: bytes, number: int = 5) -> Step:
    known = record_of(record)
    return Step(at(number), known, at(number), known, Details(reference="own"))


def test_a_line_has_the_direction_and_the_balance_of_the_wallets_side() -> None:
    paid = step(raw(Kind.TRANSFER, payer_posted=10, payee_posted=20))
    (out,) = entries_of_page(SECRET, WALLET, Statement(steps=[paid], next=0))
    (into,) = entries_of_page(SECRET, OTHER, Statement(steps=[paid], next=0))
    assert (out.direction, out.balance_after, into.direction, into.balance_after) == ("out", 10, "in", 20)
    assert (out.payer, out.payee) == (encode_wallet(SECRET, WALLET), encode_wallet(SECRET, OTHER))
    assert (out.id, out.reference, out.of, out.suspense) == (into.id, "own", UNSET, UNSET)
    assert out.created_at == time_text(NOON)


def test_a_capture_names_what_it_is_of_with_the_first_payments_words() -> None:
    capture = step(raw(Kind.CAPTURE, reference=at(3)))
    origins = {at(3): Origin(NOON - 9, Details(reference="order 7", metadata={"a": "b"}))}
    (line,) = entries_of_page(SECRET, WALLET, Statement(steps=[capture], next=0, origins=origins))
    assert (line.type, line.reference, line.metadata) == ("capture", "order 7", {"a": "b"})
    assert line.of is not UNSET and line.of != line.id


def test_what_lies_on_suspense_says_so_from_both_sides() -> None:
    leg = step(raw(Kind.LEG, flags=FLAG_SUSPENSE))
    movement = step(raw(Kind.TRANSFER), 4)
    found = Statement(steps=[leg, movement, step(raw(Kind.LEG), 3)], next=0, suspended=frozenset({at(4)}))
    assert [line.suspense for line in entries_of_page(SECRET, OTHER, found)] == [True, True, UNSET]
