"""One row in ten thousand is recomputed in plain Python, the same ones in each run; one that differs ends the job."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from actors.rescore.job import RescoreRefused
from actors.rescore.scoring import CardScorer
from actors.rescore.self_check import SelfCheck
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


def test_the_same_rows_are_chosen_in_each_run_however_they_come_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.rescore.self_check.ONE_IN", 20)
    table, scorer = wallets_table(2_000, 3), CardScorer(CARD, SMALL)
    check = SelfCheck(CARD, SMALL, wallets=True)

    def checked(path: str, size: int) -> int:
        total = 0
        for start in range(0, 2_000, size):
            part = table.slice(start, size)
            total += check(path, np.arange(start, start + part.num_rows), part, scorer.score(part))
        return total

    whole = checked("a.parquet", 2_000)
    assert 60 < whole < 150 and [checked("a.parquet", size) for size in (1, 333, 2_000)] == [whole] * 3
    assert checked("b.parquet", 2_000) != whole, "other files, other rows"


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
