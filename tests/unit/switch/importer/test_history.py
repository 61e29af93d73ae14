"""Keys, digests and times of rows."""

import uuid
from pathlib import Path

import numpy as np
import pytest

from switch.importer.history import HELD_BACK, OPENING, WalletSpec, file_digest, openings, row_keys, spread


def test_keys_are_different_valid_uuids_of_file_and_row() -> None:
    numbers = np.array([0, 1, 2, OPENING, OPENING + 1, HELD_BACK, HELD_BACK + 1])
    keys = [uuid.UUID(bytes=key.tobytes()) for d in (b"\xff" * 16, bytes(16)) for key in row_keys(d, numbers)]
    assert len(set(keys)) == 14
    assert {key.version for key in keys} == {8}
    assert {key.variant for key in keys} == {uuid.RFC_4122}


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
