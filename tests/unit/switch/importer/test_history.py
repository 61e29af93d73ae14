"""Keys, digests and times of rows."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from switch.importer.history import (
    HELD_BACK,
    OPENING,
    Payments,
    WalletSpec,
    content_keys,
    file_digest,
    openings,
    spread,
)

WALLETS = [WalletSpec(external_id=name, kind="user", currency="EUR", opened_ms=0) for name in "abc"]
ROWS = [(0, 1, 5, 1, 100, 0), (0, 1, 5, 1, 130, 1), (1, 0, 5, 1, 100, 2), (0, 2, 5, 1, 100, 3), (0, 1, 6, 1, 100, 4)]
"""Payer, payee, amount, kind, time, number."""


def keys_of(rows: Sequence[tuple[int, ...]], name: str = "x", wallets: list[WalletSpec] = WALLETS) -> list[uuid.UUID]:
    payer, payee, amount, kind, time, number = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    payments = Payments(
        payer=payer.astype(np.int32),
        payee=payee.astype(np.int32),
        amount=amount,
        kind=kind.astype(np.uint8),
        effective_ms=time,
        number=number,
        declined=np.zeros(len(rows), np.bool_),
    )
    return [uuid.UUID(bytes=key.tobytes()) for key in content_keys(name, wallets, payments, 100)]


def test_keys_are_different_valid_uuids_of_what_a_row_says() -> None:
    other = [
        (0, 1, 5, 2, 100, 5),
        (0, 1, 5, 1, 200, 6),
        (0, 1, 5, 1, 100, OPENING + 1),
        (0, 1, 5, 1, 100, HELD_BACK + 1),
    ]
    rows = ROWS + other
    dollars = [WalletSpec(external_id=each.external_id, kind="user", currency="USD", opened_ms=0) for each in WALLETS]
    keys = keys_of(rows) + keys_of(rows, "y") + keys_of(rows, "x", dollars)
    assert len(set(keys)) == 3 * len(rows)
    assert {key.version for key in keys} == {8}
    assert {key.variant for key in keys} == {uuid.RFC_4122}


@pytest.mark.parametrize("place", range(len(ROWS)))
def test_a_row_keeps_its_key_whatever_becomes_of_others(place: int) -> None:
    """A file that was put right had new keys for all rows: what came from outside was paid again."""
    keys = keys_of(ROWS)
    moved = [(*row[:4], row[4] + 7, row[5] + 3) for row in ROWS]
    assert keys_of(moved) == keys
    changed = [(*row[:2], 999, *row[3:]) if i == place else row for i, row in enumerate(ROWS)]
    assert len(set(keys_of(changed)) & set(keys)) == len(ROWS) - 1
    assert set(keys_of(ROWS[:place] + ROWS[place + 1 :])) < set(keys)


def test_a_digest_depends_on_format_and_contents(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"a")
    two.write_bytes(b"b")
    assert file_digest("x", one) == file_digest("x", one)
    assert len({file_digest("x", one), file_digest("y", one), file_digest("x", two), file_digest("x", one, two)}) == 4


@pytest.mark.parametrize(
    ("starts", "times"),
    [
        ([], []),
        ([100], [100]),
        ([100, 100, 100, 200], [100, 103, 106, 200]),
        ([100, 200, 200], [100, 200, 205]),
    ],
)
def test_rows_of_one_start_are_spread_evenly(starts: list[int], times: list[int]) -> None:
    assert spread(np.array(starts, np.int64), 10).tolist() == times


def test_a_negative_opening_balance_is_paid_to_the_external_wallet() -> None:
    wallets = [WalletSpec(external_id=name, kind="user", currency="EUR", opened_ms=5) for name in "eabc"]
    rows = openings({1: 30, 2: -40, 3: 0}, 0, wallets)
    assert rows.payer.tolist() == [0, 2]
    assert rows.payee.tolist() == [1, 0]
    assert rows.amount.tolist() == [30, 40]
    assert rows.effective_ms.tolist() == [5, 5]
    assert rows.number.tolist() == [OPENING + 1, OPENING + 2]
