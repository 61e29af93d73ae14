"""One row in ten thousand is recomputed in plain Python, the same ones in each run; one that differs ends the job."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from actors.rescore.job import RescoreRefused
from actors.rescore.scoring import CardScorer
from actors.rescore.self_check import SelfCheck, chosen
from models.credit.score import WalletScorer
from tests.rescore_files import wallets_table, write_wallets
from tests.unit.actors.rescore.jobs import CARD, SMALL, prepared, rescore


def test_a_kernel_that_gave_another_score_would_end_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 1, 1_000)
    monkeypatch.setattr("actors.rescore.self_check.ONE_IN", 10)
    job = prepared(source, tmp_path / "out")
    given = WalletScorer.score_table

    def wrong(self: WalletScorer, table: pa.Table) -> Any:
        found = given(self, table)
        found.rows.totals[found.causes == 0] += 1
        return found

    assert rescore(job).tally.checked > 50
    monkeypatch.setattr(WalletScorer, "score_table", wrong)
    with pytest.raises(RescoreRefused, match=r"shard-0000.parquet, row \d+: scored .* but plain Python gives"):
        rescore(prepared(source, tmp_path / "wrong"))


@pytest.mark.parametrize("size", [1, 333, 2_000])
def test_one_row_of_each_stretch_is_chosen_and_the_same_however_they_come_in_batches(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.rescore.self_check.ONE_IN", 20)

    def picked(path: str, rows: NDArray[np.int64]) -> list[int]:
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        return [int(part[place]) for part in parts for place in chosen(path, part)]

    all_rows = np.arange(2_000)
    whole = picked("a.parquet", all_rows)
    assert [row // 20 for row in whole] == list(range(100)) and len({row % 20 for row in whole}) > 10
    assert picked("b.parquet", all_rows) != whole, "other files, other rows"
    left = np.delete(all_rows, whole[3])
    assert picked("a.parquet", left) == whole[:3] + whole[4:], "one that is bad is not checked, and no other instead"
    assert chosen("a.parquet", all_rows[:0]) == []


@pytest.mark.parametrize("field", ["totals", "subtotals", "reasons", "gaps"])
def test_any_figure_that_differs_ends_the_job(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.rescore.self_check.ONE_IN", 2)
    everybody = msgspec.structs.replace(SMALL, min_days=0, min_payments=0)
    table, check = wallets_table(50, 3), SelfCheck(CARD, everybody, wallets=True)
    found = CardScorer(CARD, everybody).score(table)
    assert 10 < check("a", np.arange(50), table, found) < 40
    array = getattr(found.scores, field)
    array.reshape(50, -1)[:, 0] += 1
    with pytest.raises(RescoreRefused, match=r"a, row 10\d\d: scored .* but plain Python gives"):
        check("a", np.arange(1_000, 1_050), table, found)


def test_a_cause_that_differs_ends_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.rescore.self_check.ONE_IN", 2)
    table, check = wallets_table(200, 3), SelfCheck(CARD, SMALL, wallets=True)
    found = CardScorer(CARD, SMALL).score(table)
    assert found.causes is not None and found.causes.any() and check("a", np.arange(200), table, found) > 50
    found.causes[:] = 0
    with pytest.raises(RescoreRefused, match=r"a, row \d+: scored"):
        check("a", np.arange(200), table, found)
