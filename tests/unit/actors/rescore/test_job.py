"""What a job is bound to, by value: units are sums of their spans, tallies of their counts, and the program has a version."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

import models
from actors.rescore.job import PART_ROWS_MIN, Plan, Settings, Span, Tally, Unit, code_version
from tests.rescore_files import write_wallets
from tests.unit.actors.rescore.jobs import SMALL, prepared


def span(rows: int, size: int) -> Span:
    return Span(file=0, first=0, end=1, row=0, rows=rows, bytes=size)


@pytest.mark.parametrize("sizes", [[], [(3, 40)], [(3, 40), (0, 0), (7, 2)]])
def test_a_unit_is_the_sum_of_its_spans(sizes: list[tuple[int, int]]) -> None:
    unit = Unit(number=0, spans=tuple(span(*each) for each in sizes))
    assert (unit.rows, unit.bytes) == (sum(rows for rows, _ in sizes), sum(size for _, size in sizes))


def test_each_row_of_a_tally_is_scored_bad_or_not_available() -> None:
    nothing: dict[str, Any] = {name: [] for name in ("histogram", "bands", "first", "named", "gaps")}
    tally = Tally(scored=70, bad=3, causes={"a": 4, "b": 5}, worst=0, step=1, unknown={}, checked=9, **nothing)
    assert (tally.not_available, tally.rows) == (9, 82)


def test_units_cover_every_row_once_in_order_and_hold_at_most_a_part_unless_one_group_is_larger(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 3, 300)
    for part_rows in (1_024, 1_300, 5_000):
        job = prepared(source, tmp_path / "out", msgspec.structs.replace(SMALL, part_rows=part_rows))
        assert [unit.number for unit in job.units] == list(range(len(job.units)))
        assert all(unit.rows <= part_rows for unit in job.units) and job.rows == 3_000
        covered = [
            (each.file, row)
            for unit in job.units
            for each in unit.spans
            for row in range(each.row, each.row + each.rows)
        ]
        assert covered == [(file, row) for file in range(3) for row in range(1_000)]
    alone = prepared(write_wallets(tmp_path / "big", 3_000, 1, 3_000), tmp_path / "out")
    assert [unit.rows for unit in alone.units] == [3_000]


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    plan = prepared(write_wallets(tmp_path / "in", 100, 2, 50), tmp_path / "out").job.plan
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    assert plan.settings == SMALL and [each.rows for each in plan.inputs] == [100, 100]


def test_another_program_has_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    for name in ("__init__.py", "score.py"):
        (tmp_path / "models" / name).write_text("1")
    assert code_version() == code_version() and len(code_version()) == 16
    monkeypatch.setattr(models, "__file__", str(tmp_path / "models" / "__init__.py"))
    before = code_version()
    (tmp_path / "models" / "score.py").write_text("2")
    changed = code_version()
    (tmp_path / "models" / "score.py").rename(tmp_path / "models" / "scores.py")
    assert len({before, changed, code_version()}) == 3


def test_settings_have_the_defaults_of_the_credit_score() -> None:
    settings = Settings()
    assert (settings.wallet, settings.keep, settings.as_of) == ("wallet", (), None)
    assert settings.part_rows >= PART_ROWS_MIN and settings.min_days > 0 < settings.min_payments
