"""The law of late records: a place on the chain and the late records after it give what sorting by effective time gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.records.addresses import record_address, suspense_address
from actors.records.chain_time import LAG_SECONDS, chain_time, lag_of
from actors.records.late import SPAN_BITS, WIDTHS, Late, Span, late_of, late_rows, late_sums
from actors.records.layout import FLAG_REMOTE, FLAG_SUSPENSE, RECORD, Kind, Records

WALLET, OTHER = 5 << 16, 6 << 16
MONTH_MS = 31 * 86_400_000
Move = tuple[int, int, bool]
"""Effective time, amount, whether the wallet pays."""
times = st.one_of(st.integers(1, 12), st.integers(1, 3 * MONTH_MS))
moves = st.lists(st.tuples(times, st.integers(1, 99), st.booleans()), max_size=30)


def chain_of(made: list[Move]) -> tuple[Records, NDArray[np.int64], list[int]]:
    """A wallet's chain as the ledger makes it: records, their addresses and chain times."""
    records, addresses = np.zeros(len(made), RECORD), record_address(0, 1, 0) + np.arange(len(made))
    newest, posted, previous, chain = 0, 0, 0, []
    for record, address, (effective, amount, out) in zip(records, addresses.tolist(), made, strict=True):
        side, other = ("payer", "payee") if out else ("payee", "payer")
        lag = int(lag_of(newest, effective))
        newest, posted = int(chain_time(effective, lag)), posted + (-amount if out else amount)
        record["kind"], record["amount"], record["effective_time"] = Kind.TRANSFER, amount, effective
        record[side], record[other] = WALLET, OTHER
        record[f"{side}_posted"], record[f"{side}_prev"], record[f"{side}_lag"] = posted, previous, lag
        previous = address
        chain.append(newest)
    return records, addresses, chain


def late_ones(records: Records, addresses: NDArray[np.int64]) -> list[Late]:
    return sorted((row for row in late_of(records, addresses.__getitem__)), key=lambda row: row.record)


@settings(deadline=None)  # the first call loads a kernel
@given(moves)
def test_the_balance_at_any_time_is_that_of_all_that_counts_by_then(made: list[Move]) -> None:
    records, addresses, chain = chain_of(made)
    rows = late_ones(records, addresses)
    posted = [int(r["payer_posted"] if r["payer"] == WALLET else r["payee_posted"]) for r in records]
    for at in {t + d for t, _, _ in made for d in (-1, 0, 1)} | set(chain):
        index = sum(each <= at for each in chain) - 1
        place, there = (int(addresses[index]), posted[index]) if index >= 0 else (0, 0)
        shown = there + sum(row.amount for row in rows if row.record > place and row.effective <= at)
        assert shown == sum(-amount if out else amount for time, amount, out in made if time <= at)


@settings(deadline=None)  # the first call loads a kernel
@given(moves)
def test_a_few_sums_tell_what_late_records_after_a_place_come_to(made: list[Move]) -> None:
    records, addresses, chain = chain_of(made)
    late, places = late_ones(records, addresses), dict(zip(chain, addresses.tolist(), strict=True))
    rows, sums = late_rows(reversed(late)), late_sums(late)
    for at in {t + d for t, _, _ in made for d in (-1, 0, 1)} | set(chain):
        place = max((address for time, address in places.items() if time <= at), default=0)
        up_to = [row.total for row in rows if row.record <= place]
        found = _counting_before(sums, at + 1) - (up_to[-1] if up_to else 0)
        assert found == sum(each.amount for each in late if each.record > place and each.effective <= at)


def _counting_before(sums: dict[Span, int], end: int) -> int:
    """What late records that count from before a time come to, from at most 1,023 sums of each width but the widest."""
    total = 0
    for width in WIDTHS:
        first = -(1 << 62) if width == WIDTHS[-1] else end >> width + SPAN_BITS << SPAN_BITS
        total += sum(
            amount for span, amount in sums.items() if span.width == width and first <= span.span < end >> width
        )
    return total


@settings(deadline=None)  # the first call loads a kernel
@given(moves)
def test_a_late_record_is_kept_with_the_one_before_its_run(made: list[Move]) -> None:
    records, addresses, _ = chain_of(made)
    late = late_ones(records, addresses)
    numbers = {each.record for each in late}
    for row in late_rows(late):
        before = row.record - 1
        while before in numbers:
            before -= 1
        assert row.before == before >= addresses[0]


@settings(deadline=None)  # the first call loads a kernel
@given(moves)
def test_the_chain_without_late_records_and_those_are_each_in_order_and_together_all(made: list[Move]) -> None:
    records, addresses, _ = chain_of(made)
    rows = late_ones(records, addresses)
    late = {row.record for row in rows}
    in_time = [int(r["effective_time"]) for r, a in zip(records, addresses.tolist(), strict=True) if a not in late]
    assert in_time == sorted(in_time) and len(in_time) + len(rows) == len(made)
    by_address = dict(zip(addresses.tolist(), range(len(made)), strict=True))
    for row in rows:
        time, amount, out = made[by_address[row.record]]
        assert row[1:] == (time, row.record, row.record - 1, -amount if out else amount) and row.wallet == WALLET
        assert time <= max(each[0] for each in made[: by_address[row.record]]), (
            "far ahead, chain times are whole seconds"
        )


def test_each_side_is_late_by_itself_and_what_moves_nothing_is_not() -> None:
    kinds = (Kind.TRANSFER, Kind.HOLD, Kind.REFUND, Kind.TRANSFER, Kind.LEG, Kind.LEG, Kind.VOID)
    records, addresses = np.zeros(len(kinds), RECORD), np.arange(100, 100 + len(kinds))
    records["kind"], records["payer"], records["payee"], records["amount"] = kinds, WALLET, OTHER, 7
    records["effective_time"], records["payer_prev"], records["payee_prev"], records["currency"] = 50, 1, 2, 978
    records["payee_lag"] = 9
    records["payer_lag"][[0, 3]] = 9
    records["code"][3] = 1
    records["flags"][2] = FLAG_REMOTE
    records["flags"][5] = FLAG_SUSPENSE
    assert late_of(records, addresses.__getitem__) == [
        (WALLET, 50, 100, 1, -7),
        (OTHER, 50, 100, 2, 7),
        (OTHER, 50, 104, 2, 7),
        (suspense_address(978), 50, 105, 2, 7),
    ]


@pytest.mark.parametrize("ahead", [-1, 0, 1, LAG_SECONDS - 1, LAG_SECONDS, LAG_SECONDS + 1, 2 * LAG_SECONDS])
def test_a_chain_time_comes_back_to_the_millisecond_or_rounded_up_to_seconds(ahead: int) -> None:
    effective = 1_700_000_000_123
    back = int(chain_time(effective, int(lag_of(effective + ahead, effective))))
    assert 0 <= back - effective - max(0, ahead) < (1 if ahead < LAG_SECONDS else 1_000)
