"""What a run says of everybody is its tally, and moves are those of wallets that are in both runs."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given as given_that
from hypothesis import strategies as st

from actors.rescore.job import RescoreRefused, Settings, Tally
from actors.rescore.page import page as page_of
from actors.rescore.page import write_report
from actors.rescore.report import BARS_MAX, QUANTILES, ReportInputs, _bars, _mean, _quantiles, _reasons, report_of
from actors.rescore.scores import scores_of
from actors.rescore.scoring import stability
from actors.storage.place import folder_at
from models.scorecard import Band, Characteristic, Scorecard
from tests.rescore_files import wallets_table
from tests.unit.actors.rescore.jobs import CARD, output_at, prepared, rescore


def test_the_report_tells_moves_against_the_run_before(tmp_path: Path) -> None:
    before, after = wallets_table(300, 1), wallets_table(300, 1).slice(0, 250)
    changed = pc.if_else(pc.equal(after.column("wallet"), "w1-7"), pa.scalar(0), after.column("late"))
    after = pa.concat_tables([after.set_column(1, "late", changed), wallets_table(20, 2)])
    manifests = {}
    for name, table in (("before", before), ("after", after)):
        pq.write_table(table, tmp_path / f"{name}.parquet")
        everybody = Settings(min_days=0, min_payments=0)
        manifests[name] = rescore(prepared(tmp_path / f"{name}.parquet", tmp_path / name, everybody))
    output = output_at(tmp_path / "after")
    made = write_report(CARD, output, manifests["after"], ReportInputs(before=folder_at(tmp_path / "before")))
    assert made.against is not None and made.against.migration is not None
    grid = np.array(made.against.migration)
    assert grid.sum() == 320 and grid[-1].sum() == 20 and grid[:, -1].sum() == 50
    assert made.against.matched == 250 and 0 < (made.against.psi or 0.0) < 0.2
    movers = [*made.against.risers, *made.against.fallers]
    assert {mover.wallet for mover in movers} <= {"w1-7"}
    assert sum(bar.rows for bar in made.distribution) == made.scored == 270
    page = (tmp_path / "after" / "report.html").read_text()
    assert "PSI over tenths" in page and "<script" not in page
    with pytest.raises(RescoreRefused, match="holds no finished run"):
        write_report(CARD, output, manifests["after"], ReportInputs(before=folder_at(tmp_path / "nowhere")))


@pytest.mark.parametrize(
    ("before", "now", "migration", "repeated"),
    [
        ("abc", "abc", [3, 0, 0], (0, 0)),
        ("aab", "aab", [3, 0, 0], (1, 1)),
        ("aaab", "ab", [2, 0, 0], (0, 1)),
        ("ab", "aabbcc", [4, 2, 0], (3, 0)),
        ("aabbc", "ad", [1, 1, 3], (0, 2)),
        ("", "aa", [0, 2, 0], (1, 0)),
    ],
)
def test_wallets_that_come_more_than_once_are_counted_and_moves_sum_to_rows(
    tmp_path: Path, before: str, now: str, migration: list[int], repeated: tuple[int, int]
) -> None:
    """`migration`: rows that were there before, that were not, and rows before whose wallets are gone."""
    for name, wallets in (("before", before), ("now", now)):
        table = pa.table({"wallet": pa.array([*wallets], pa.string()), "x": pa.array([2] * len(wallets), pa.int64())})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        manifest = rescore(prepared(tmp_path / f"{name}.parquet", tmp_path / name, Settings(), banded(1, 300, 400)))
    output = output_at(tmp_path / "now")
    given = ReportInputs(before=folder_at(tmp_path / "before"))
    made = write_report(banded(1, 300, 400), output, manifest, given)
    assert made.against is not None and made.against.migration is not None
    grid = made.against.migration
    assert (made.repeated_wallets, made.against.repeated_wallets) == repeated
    assert [grid[1][1], grid[3][1], grid[1][3]] == migration and sum(map(sum, grid)) == sum(migration)
    alone = report_of(banded(1, 300, 400), output, manifest, ReportInputs())
    assert alone.repeated_wallets is None, "nothing is matched"


def tally_of(counts: dict[int, int], worst: int = 300, **more: Any) -> Tally:
    histogram = [counts.get(worst + at, 0) for at in range(701)]
    empty: dict[str, Any] = {
        "causes": {},
        "bands": [],
        "first": [],
        "named": [],
        "gaps": [],
        "unknown": {},
        "checked": 0,
    }
    return Tally(scored=sum(counts.values()), bad=0, worst=worst, step=1, histogram=histogram, **{**empty, **more})


@pytest.mark.parametrize(
    ("counts", "mean", "median"),
    [
        ({500: 1}, 500.0, 500),
        ({400: 1, 600: 1}, 500.0, 400),
        ({400: 1, 600: 3}, 550.0, 600),
        ({300: 5, 1000: 4}, 611.1, 300),
    ],
)
def test_mean_and_quantiles_are_those_of_the_scores(counts: dict[int, int], mean: float, median: int) -> None:
    tally = tally_of(counts)
    scores = np.repeat(list(counts), list(counts.values()))
    assert round(_mean(tally) or 0.0, 1) == mean == round(float(scores.mean()), 1)
    found = _quantiles(tally)
    assert found["50%"] == median
    for share, score in found.items():
        assert (scores <= score).mean() >= float(share.rstrip("%")) / 100 > (scores < score).mean() - 1e-12


def test_of_a_wide_card_the_report_says_how_wide_the_bins_of_its_figures_are(tmp_path: Path) -> None:
    item = Characteristic(
        feature="x", reason="X", edges=tuple(range(1, 40)), points=tuple(range(0, 7_800, 195)), missing=0
    )
    card = Scorecard(name="wide", version=1, base=10, characteristics=(item,))
    rng = np.random.default_rng(1)
    pq.write_table(pa.table({"wallet": range(500), "x": rng.integers(3, 38, 500)}), tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(), card))
    scores = np.sort(scores_of(output_at(tmp_path / "out"), manifest)[1])
    made = write_report(card, output_at(tmp_path / "out"), manifest, ReportInputs())
    step, off = made.step, (made.step - 1) / 2
    assert step == 4 and made.mean is not None and abs(made.mean - scores.mean()) <= off
    exact = {f"{share:.0%}": scores[math.ceil(share * 500) - 1] for share in QUANTILES}
    for low, score in [(made.lowest, scores[0]), (made.highest, scores[-1])] + [
        (made.quantiles[name], score) for name, score in exact.items()
    ]:
        assert low is not None and low <= score < low + step
    page = (tmp_path / "out" / "report.html").read_text()
    assert "low ends of bins of 4 scores" in page and f"{made.mean:.1f} ± 1.5, {made.lowest}, {made.highest}" in page
    assert "low ends" not in page_of(msgspec.structs.replace(made, step=1))


def test_a_report_of_nobody_has_no_quantiles_and_no_lowest() -> None:
    assert _quantiles(tally_of({})) == {} and _mean(tally_of({})) is None


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (90, 0, "no row of the run before has a score"),
        (0, 90, "no row has a score"),
        (90, 90, "no row of the run before has a score"),
        (0, 0, None),
    ],
)
def test_without_scores_on_one_side_it_is_said_why_psi_is_not_known(
    tmp_path: Path, before: int, now: int, why: str | None
) -> None:
    """`before` and `now`: the age from which each run has scores; all wallets are young."""
    young = wallets_table(300, 1)
    young = young.set_column(young.column_names.index("wallet_age_days"), "wallet_age_days", pa.array([60] * 300))
    pq.write_table(young, tmp_path / "in.parquet")
    for name, days in (("before", before), ("now", now)):
        settings = Settings(min_days=days, min_payments=0)
        manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / name, settings))
    given = ReportInputs(before=folder_at(tmp_path / "before"))
    against = write_report(CARD, output_at(tmp_path / "now"), manifest, given).against
    assert against is not None and against.why_no_psi == why and (against.psi is None) is (why is not None)
    page = (tmp_path / "now" / "report.html").read_text()
    assert (f"not known: {why}" in page) is (why is not None) and ("no change to speak of" in page) is (why is None)
    shares = {band.before for band in report_of(CARD, output_at(tmp_path / "now"), manifest, given).bands}
    assert (shares == {None}) is (before > 0)


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        ({700: 1_000}, {300: 1_000}, True),
        ({300: 1_000}, {700: 1_000}, True),
        ({700: 1_000}, {700: 10}, False),
        ({700: 950, 800: 50}, {300: 950, 800: 50}, True),
        ({700: 950, 800: 50}, {700: 950, 1_000: 50}, True),
        ({400: 500, 500: 500}, {400: 50, 500: 50}, False),
    ],
)
def test_scores_outside_those_before_are_places_of_their_own(
    before: dict[int, int], now: dict[int, int], moved: bool
) -> None:
    found = stability(tally_of(before), tally_of(now))
    assert found is not None and (found > 0.25 if moved else found == 0.0)


@given_that(
    st.dictionaries(st.integers(300, 1_000), st.integers(1, 50), min_size=1, max_size=30),
    st.dictionaries(st.integers(300, 1_000), st.integers(1, 50), min_size=1, max_size=30),
)
def test_psi_is_that_of_its_definition_over_ten_parts_and_what_is_outside(
    before: dict[int, int], now: dict[int, int]
) -> None:
    """In plain Python; a part ends with the score at which its share of the rows before is reached."""
    total, so_far, ends = sum(before.values()), 0, set[int]()
    for score in sorted(before):
        reached = so_far + before[score]
        if any(so_far < tenth / 10 * total <= reached for tenth in range(1, 11)):
            ends.add(score)
        so_far = reached

    def place(score: int) -> int:
        return -1 if score < min(before) else sum(end < score for end in ends)

    def count(scores: dict[int, int], at: int) -> int:
        return sum(rows for score, rows in scores.items() if place(score) == at)

    expected = 0.0
    for at in {place(score) for score in (*before, *now)}:
        old, new = count(before, at), count(now, at)
        half = 0.5 if 0 in (old, new) else 0.0
        old_share, new_share = (old + half) / total, (new + half) / sum(now.values())
        expected += (new_share - old_share) * math.log(new_share / old_share)
    assert stability(tally_of(before), tally_of(now)) == pytest.approx(expected)


def test_bars_cover_every_score_once() -> None:
    tally = tally_of({300: 2, 655: 3, 1000: 4})
    bars = _bars(tally)
    assert len(bars) <= BARS_MAX and sum(bar.rows for bar in bars) == 9
    assert bars[0].low == 300 and len({low - high for low, high in pairwise(bar.low for bar in bars)}) == 1


def test_reasons_are_in_the_order_of_how_often_they_come_first() -> None:
    codes = CARD.reasons
    first = [[0] * len(codes), [0] * len(codes)]
    first[0][1], first[1][1], first[1][0] = 3, 4, 5
    named = [10, 0, *[0] * (len(codes) - 2)]
    found = _reasons(CARD, tally_of({}, first=first, named=named, gaps=[25, *[0] * (len(codes) - 1)]))
    assert [(each.code, each.first, each.first_by_band) for each in found[:2]] == [
        (codes[1], 7, [3, 4]),
        (codes[0], 5, [0, 5]),
    ]
    assert found[1].mean_gap == 2.5 and found[0].mean_gap == 0.0


def test_wallets_of_another_type_are_compared_as_a_whole_and_not_one_by_one(tmp_path: Path) -> None:
    everybody = Settings(min_days=0, min_payments=0)
    for name, table in (
        ("before", wallets_table(300, 1)),
        ("after", wallets_table(300, 1).set_column(0, "wallet", pa.array(range(300)))),
    ):
        pq.write_table(table, tmp_path / f"{name}.parquet")
        manifest = rescore(prepared(tmp_path / f"{name}.parquet", tmp_path / name, everybody))
    given = ReportInputs(before=folder_at(tmp_path / "before"))
    made = report_of(CARD, output_at(tmp_path / "after"), manifest, given).against
    assert made is not None and made.psi == 0.0 and made.migration is None and made.matched is None


@pytest.mark.parametrize("empty", ["before", "after"])
def test_a_run_of_nobody_is_compared_with_any(tmp_path: Path, empty: str) -> None:
    everybody = Settings(min_days=0, min_payments=0)
    for name in ("before", "after"):
        table = wallets_table(30, 1).set_column(0, "wallet", pa.array(range(30)))
        pq.write_table(table.slice(0, 0 if name == empty else 30), tmp_path / f"{name}.parquet")
        manifest = rescore(prepared(tmp_path / f"{name}.parquet", tmp_path / name, everybody))
    outcomes = tmp_path / "outcomes.parquet"
    pq.write_table(pa.table({"wallet": range(30), "bad": [0, 1] * 15}), outcomes)
    given = ReportInputs(before=folder_at(tmp_path / "before"), outcomes=outcomes)
    made = report_of(CARD, output_at(tmp_path / "after"), manifest, given)
    assert made.against is not None and made.against.migration is not None and made.against.matched == 0
    grid = np.array(made.against.migration)
    assert grid.sum() == 30 == (grid[:, -1] if empty == "after" else grid[-1]).sum()
    assert made.outcomes is not None and made.outcomes.rows == (0 if empty == "after" else 30)


def banded(version: int, base: int, good: int) -> Scorecard:
    """Gives base, base + 100 or base + 200."""
    item = Characteristic(feature="x", reason="X", edges=(1, 2), points=(0, 100, 200), missing=0)
    bands = (Band(name="poor", low=base), Band(name="good", low=good))
    limits = (base, base + 200)
    return Scorecard(name="banded", version=version, base=base, characteristics=(item,), range=limits, bands=bands)


@pytest.mark.parametrize(
    ("before", "same"),
    [(banded(1, 300, 400), True), (banded(1, 300, 500), False), (banded(1, 100, 200), False), (CARD, False)],
    ids=["the same", "begin elsewhere", "another scale, below", "more bands"],
)
def test_only_the_same_bands_are_compared_with_those_before(tmp_path: Path, before: Scorecard, same: bool) -> None:
    card, table = banded(2, 300, 400), wallets_table(300, 1)
    everybody = Settings(min_days=0, min_payments=0)
    pq.write_table(table.append_column("x", pa.array([row % 3 for row in range(300)])), tmp_path / "in.parquet")
    rescore(prepared(tmp_path / "in.parquet", tmp_path / "before", everybody, before))
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", everybody, card))
    made = report_of(card, output_at(tmp_path / "out"), manifest, ReportInputs(before=folder_at(tmp_path / "before")))
    assert made.against is not None and made.against.migration is not None
    if same:
        assert [band.before for band in made.bands] == [band.share for band in made.bands] == [1 / 3, 2 / 3]
        assert made.against.psi_of_bands == 0.0
        assert made.against.migration == [[100, 0, 0, 0], [0, 200, 0, 0], [0] * 4, [0] * 4]
    else:
        assert {band.before for band in made.bands} == {None} and made.against.psi_of_bands is None
        assert made.against.places == ["scored", "without a score", "not there"]
        assert made.against.migration == [[300, 0, 0], [0] * 3, [0] * 3]
