"""How well scores separate good from bad, where outcomes are known: what is no table of outcomes is refused by name."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.outcomes import EACH_MIN, Outcomes, outcomes_of
from actors.rescore.page import write_report
from actors.rescore.report import ReportInputs
from actors.rescore.run import read_manifest
from actors.rescore.scores import scores_of
from tests.rescore_files import wallets_table
from tests.unit.actors.rescore.jobs import CARD, columns, output_at, prepared, rescore


def test_the_report_has_gini_by_week_where_outcomes_are_given(tmp_path: Path) -> None:
    table = wallets_table(600, 1)
    pq.write_table(table, tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out"))
    scores = columns(tmp_path / "out", manifest).column("score").to_pylist()
    bad = [int(score is not None and score < 500) for score in scores]
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(row // 100 * 7) for row in range(600)]
    outcomes = pa.table({"wallet": table.column("wallet"), "bad": bad, "at": days}).slice(0, 550)
    pq.write_table(outcomes, tmp_path / "outcomes.parquet")
    given = ReportInputs(outcomes=tmp_path / "outcomes.parquet")
    made = write_report(CARD, output_at(tmp_path / "out"), manifest, given).outcomes
    assert made is not None and made.gini == 1.0
    assert made.rows + made.without_score == 550 and made.bads == sum(bad[:550])
    assert [week.week for week in made.weeks] == [f"2026-W{number:02}" for number in range(1, 7)]
    assert sum(week.rows for week in made.weeks) == made.rows
    pq.write_table(outcomes.drop_columns(["bad"]), tmp_path / "outcomes.parquet")
    with pytest.raises(RescoreRefused, match=r"outcomes.parquet: there is no column 'bad'"):
        write_report(CARD, output_at(tmp_path / "out"), manifest, given)


def _found(tmp_path: Path, outcomes: pa.Table, rows: int = 200) -> Outcomes:
    """Of wallets who all have a score."""
    if not (tmp_path / "out").exists():
        pq.write_table(wallets_table(rows, 1), tmp_path / "in.parquet")
        rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(min_days=0, min_payments=0)))
    pq.write_table(outcomes, tmp_path / "outcomes.parquet")
    output = output_at(tmp_path / "out")
    manifest = read_manifest(output)
    assert manifest is not None
    return outcomes_of(manifest, *scores_of(output, manifest), tmp_path / "outcomes.parquet")


WALLETS = pa.array([f"w1-{row}" for row in range(40)])
GOOD_AND_BAD = pa.array([row % 2 for row in range(40)])


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"bad": GOOD_AND_BAD}, "there is no column 'wallet'"),
        ({"wallet": WALLETS}, "there is no column 'bad'; there are wallet"),
        ({"wallet": pa.array(range(40)), "bad": GOOD_AND_BAD}, "wallet holds int64, and string in the output"),
        ({"wallet": WALLETS, "bad": pa.array([2] * 40)}, "bad holds other things than 0 and 1"),
        ({"wallet": WALLETS, "bad": pa.array([0.5] * 40)}, "bad holds other things than 0 and 1"),
        ({"wallet": WALLETS, "bad": pa.array([None, *[0] * 39])}, "bad holds other things than 0 and 1"),
        ({"wallet": WALLETS, "bad": pa.array(["yes"] * 40)}, "bad holds other things than 0 and 1"),
        ({"wallet": WALLETS, "bad": GOOD_AND_BAD, "at": pa.array(["2026"] * 40)}, "at holds string; a time or a date"),
        (
            {"wallet": WALLETS, "bad": GOOD_AND_BAD, "at": pa.array([None] * 40, pa.date32())},
            "at holds date32.*of each row",
        ),
    ],
)
def test_what_is_no_table_of_outcomes_is_refused_by_its_column(
    tmp_path: Path, columns: dict[str, pa.Array], says: str
) -> None:
    with pytest.raises(RescoreRefused, match=says):
        _found(tmp_path, pa.table(columns))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_unit_are_in_their_week(tmp_path: Path, unit: str) -> None:
    """The last instants of a Sunday and the first of a Monday, in UTC."""
    monday = datetime.datetime(2026, 1, 12, tzinfo=datetime.UTC)
    step = datetime.timedelta(milliseconds=1 if unit != "s" else 1_000)
    at = pa.array([monday - step, monday + step] * 20, pa.timestamp(unit, "UTC"))
    found = _found(tmp_path, pa.table({"wallet": WALLETS, "bad": GOOD_AND_BAD, "at": at}))
    assert [(week.week, week.rows) for week in found.weeks] == [("2026-W02", 20), ("2026-W03", 20)]


def test_wallets_that_are_not_in_the_output_do_not_count(tmp_path: Path) -> None:
    strangers = pa.concat_arrays([WALLETS, pa.array([f"stranger {row}" for row in range(40)])])
    bad = pa.concat_arrays([GOOD_AND_BAD, pa.array([1] * 40)])
    alone, beside = (
        _found(tmp_path, pa.table({"wallet": wallets, "bad": bad.slice(0, len(wallets))}))
        for wallets in (WALLETS, strangers)
    )
    assert alone == beside and (alone.rows, alone.bads, alone.without_score) == (40, 20, 0)


@pytest.mark.parametrize(("bads", "shown"), [(EACH_MIN - 1, False), (EACH_MIN, True)])
def test_of_too_few_there_is_no_gini(tmp_path: Path, bads: int, shown: bool) -> None:
    for flip in (0, 1):
        bad = pa.array([flip ^ (row < bads) for row in range(40)]).cast(pa.int64())
        found = _found(tmp_path, pa.table({"wallet": WALLETS, "bad": bad}))
        assert (found.gini is not None, found.ks is not None) == (shown, shown)
    nobody = _found(tmp_path, pa.table({"wallet": WALLETS.slice(0, 0), "bad": GOOD_AND_BAD.slice(0, 0)}))
    assert (nobody.rows, nobody.gini, nobody.weeks) == (0, None, [])


def test_gini_is_the_share_of_pairs_in_the_right_order_over_those_in_the_wrong(tmp_path: Path) -> None:
    found = _found(tmp_path, pa.table({"wallet": WALLETS, "bad": GOOD_AND_BAD}))
    scored = pq.read_table(tmp_path / "out" / "parts").to_pylist()
    scores = {row["wallet"]: row["score"] for row in scored}
    pairs = [
        (scores[f"w1-{good}"] > scores[f"w1-{bad}"]) - (scores[f"w1-{good}"] < scores[f"w1-{bad}"])
        for good in range(0, 40, 2)
        for bad in range(1, 40, 2)
    ]
    assert found.gini == pytest.approx(sum(pairs) / len(pairs))
