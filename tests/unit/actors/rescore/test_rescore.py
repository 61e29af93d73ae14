"""A job gives the same bytes however it is cut off; every row is scored, bad or not available; what cannot be done is refused by name."""

import datetime
import os
import resource
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from actors.rescore.inputs import Prepared, prepare
from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.output import Output
from actors.rescore.page import write_report
from actors.rescore.report import ReportInputs
from actors.rescore.run import Canary, Manifest, Options, Stopped, run
from actors.rescore.scoring import Columns
from actors.rescore.unit import local_pool
from actors.storage.place import folder_at
from models.credit.score import WalletScorer
from models.scorecard import Characteristic, Scorecard
from tests.oracle import oracle_card
from tests.rescore_files import bytes_of, wallets_table, write_wallets
from tests.unit.actors.rescore.inline_pool import InlinePool
from tests.unit.models.credit.wallets import small_card

SMALL = Settings(part_rows=1_024)
CARD = small_card()


def prepared(source: Path, output: Path, settings: Settings = SMALL, card: Scorecard = CARD) -> Prepared:
    return prepare(source, output, card, settings)


def rescore(
    job: Prepared, *, max_bad: float = 0.0, stop_after: int | None = None, canary: Canary | None = None, **pool: Any
) -> Manifest:
    """Run it in this process; `stop_after`: so many looks of the driver at whether to stop."""
    looks: list[int] = []

    def stopping() -> bool:
        looks.append(1)
        return stop_after is not None and len(looks) > stop_after

    options = Options(workers=2, max_bad=max_bad, stopping=stopping, on_status=lambda _: None, canary=canary)
    return run(job, partial(InlinePool, **pool), options)


def output_at(path: Path) -> Output:
    return Output(folder_at(path))


def columns(folder: Path, manifest: Manifest) -> pa.Table:
    """All parts in their order."""
    return pa.concat_tables([pq.read_table(folder / part.file) for part in manifest.parts], promote_options="default")


def test_every_row_has_the_figures_of_the_scorer_that_answers_requests(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_500, 2, 400)
    manifest = rescore(prepared(source, tmp_path / "out"))
    table = pa.concat_tables([wallets_table(1_500, at) for at in range(2)])
    scored = columns(tmp_path / "out", manifest)
    scorer = WalletScorer(CARD)
    assert scored.column("wallet").to_pylist() == table.column("wallet").to_pylist()
    for record, row in zip(table.to_pylist(), scored.to_pylist(), strict=True):
        alone = scorer.score(record)
        assert (row["score"], row["band"], row["not_available"]) == (alone.score, alone.band, alone.cause)
        assert {name: row[f"subtotal_{name}"] for name in alone.subtotals} == alone.subtotals
        reasons = [(row[f"reason_{at}"], row[f"gap_{at}"]) for at in range(1, 5)]
        given = [(reason.code, reason.gap) for reason in alone.reasons]
        assert reasons == given + [(None, None)] * (4 - len(given))
    assert scored.column_names == ["wallet", *Columns(CARD, SMALL, causes=True).names]
    assert manifest.scored + manifest.bad + manifest.not_available == manifest.rows == 3_000
    assert sum(manifest.tally.histogram) == sum(manifest.tally.bands) == manifest.scored
    assert all(part.rows <= 1_024 for part in manifest.parts)


def test_a_card_that_is_not_one_for_wallets_scores_every_row(tmp_path: Path) -> None:
    item = Characteristic(feature="kind", reason="K", categories=(("a",), ("b",)), points=(5, 9), missing=1, unknown=2)
    card = Scorecard(name="plain", version=3, base=10, characteristics=(item,))
    kinds = ["a", "b", None, "c", ""] * 40
    pq.write_table(pa.table({"id": range(200), "kind": pa.array(kinds, pa.large_string())}), tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id", keep=("kind",)), card))
    scored = columns(tmp_path / "out", manifest)
    assert "not_available" not in scored.column_names and "band" not in scored.column_names
    assert scored.column("score").to_pylist()[:5] == [15, 19, 11, 12, 12]
    assert scored.column("kind").to_pylist() == kinds
    assert manifest.tally.unknown == {"kind": 80}


def test_the_same_bytes_with_deaths_and_stops_and_more_workers(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 2_000, 3, 300)
    rescore(prepared(source, tmp_path / "whole"))
    job = prepared(source, tmp_path / "cut")
    for _ in range(3):
        with pytest.raises(Stopped):
            rescore(job, stop_after=3, dies=lambda task: task == 2)
        (tmp_path / "cut" / "_work" / "staging" / "000000-parts.left").write_bytes(b"half")
    rescore(prepared(source, tmp_path / "cut"))
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")
    again = rescore(prepared(source, tmp_path / "cut"))
    assert again.rows == 6_000 and bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 3_000, 1, 1_000)
    pools: list[InlinePool] = []

    def made(job: Any) -> InlinePool:
        pools.append(InlinePool(job))
        return pools[-1]

    looks = iter([False, False, True])
    options = Options(workers=1, max_bad=0.0, stopping=lambda: next(looks, False), on_status=lambda _: None)
    with pytest.raises(Stopped):
        run(prepared(source, tmp_path / "out"), made, options)
    run(prepared(source, tmp_path / "out"), made, options)
    assert sorted(pools[0].given + pools[1].given) == [0, 1, 2] and pools[0].given


def test_workers_that_are_copies_of_the_driver_give_the_same_bytes(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 3_000, 2, 500)
    rescore(prepared(source, tmp_path / "here"))
    options = Options(workers=2, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
    manifest = run(prepared(source, tmp_path / "copies"), local_pool, options)
    assert len(manifest.parts) > 2 and bytes_of(tmp_path / "copies") == bytes_of(tmp_path / "here")


def test_parts_keep_no_lowest_and_highest_values(tmp_path: Path) -> None:
    """Every row group has nearly all of them, and they are a quarter of what writing takes."""
    manifest = rescore(prepared(write_wallets(tmp_path / "in", 1_500, 1, 400), tmp_path / "out"))
    metadata = pq.read_metadata(tmp_path / "out" / manifest.parts[0].file)
    assert not any(metadata.row_group(0).column(at).is_stats_set for at in range(metadata.num_columns))


def test_a_full_disk_is_told_and_the_job_goes_on_with_room(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: Arrow gets the same kind of error in the middle of a part."""
    source = write_wallets(tmp_path / "in", 3_000, 1, 1_000)
    rescore(prepared(source, tmp_path / "whole"))
    job = prepared(source, tmp_path / "out")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, before[1]))
    try:
        with pytest.raises(RescoreRefused, match=r"no room left .*make room and run the same command again"):
            rescore(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((tmp_path / "out" / "_work" / "staging").iterdir())
    rescore(job)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_a_unit_that_kills_its_workers_ends_the_job_by_name(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    with pytest.raises(RescoreRefused, match=r"3 workers died at unit 0.*row group 0 of shard-0000.parquet"):
        rescore(prepared(source, tmp_path / "out"), dies=lambda _: True)


def test_a_second_driver_on_the_same_output_is_refused(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    first = output_at(tmp_path / "out")
    first.open()
    owner = output_at(tmp_path / "out").owner()
    assert owner is not None and owner.pid == os.getpid()
    with pytest.raises(RescoreRefused, match=r"is being written by process \d+ on .*one driver"):
        rescore(prepared(source, tmp_path / "out"))
    first.close()
    assert output_at(tmp_path / "out").owner() is None
    rescore(prepared(source, tmp_path / "out"))


@pytest.mark.parametrize(
    ("change", "stated"),
    [
        (lambda path: pq.write_table(wallets_table(90, 5), path), r"shard-0001.parquet has changed \(size\)"),
        (lambda path: path.unlink(), r"shard-0001.parquet is gone"),
        (lambda path: path.with_name("shard-0002.parquet").write_bytes(path.read_bytes()), "shard-0002.parquet is new"),
        (lambda path: path.touch(), r"shard-0001.parquet has changed \(time of change, or ETag\)"),
    ],
    ids=["other rows", "gone", "new", "written again"],
)
def test_an_input_that_changed_between_kill_and_resume_is_refused_by_name(
    tmp_path: Path, change: Callable[[Path], object], stated: str
) -> None:
    source = write_wallets(tmp_path / "in", 1_100, 2, 1_100)
    with pytest.raises(Stopped):
        rescore(prepared(source, tmp_path / "out"), stop_after=1)
    change(source / "shard-0001.parquet")
    with pytest.raises(RescoreRefused, match=stated):
        rescore(prepared(source, tmp_path / "out"))


def test_another_card_or_setting_is_refused_on_what_was_begun_and_on_what_is_done(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_100, 2, 1_100)
    with pytest.raises(Stopped):
        rescore(prepared(source, tmp_path / "out"), stop_after=1)
    other = msgspec.structs.replace(CARD, version=2)
    with pytest.raises(RescoreRefused, match="the card was"):
        rescore(prepared(source, tmp_path / "out", card=other))
    with pytest.raises(RescoreRefused, match="min_days was 90, now 30"):
        rescore(prepared(source, tmp_path / "out", msgspec.structs.replace(SMALL, min_days=30)))
    rescore(prepared(source, tmp_path / "out"))
    with pytest.raises(RescoreRefused, match="the result of another job"):
        rescore(prepared(source, tmp_path / "out", card=other))


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(RescoreRefused, match=r"out is not empty \(notes.txt\)"):
        rescore(prepared(source, tmp_path / "out"))
    for output in (source, source / "scores"):
        with pytest.raises(RescoreRefused, match="lies in the folder that is read"):
            prepared(source, output)


def test_files_without_rows_give_an_output_without_parts(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 0, 2, 100)
    manifest = rescore(prepared(source, tmp_path / "out"))
    assert (manifest.rows, manifest.parts) == (0, ())
    assert write_report(CARD, output_at(tmp_path / "out"), manifest, ReportInputs()).distribution[0].rows == 0
    write_wallets(tmp_path / "in", 100, 1, 100)
    assert rescore(prepared(source, tmp_path / "some")).rows == 100


# Columns.


def numbers(kind: pa.DataType) -> pa.Array:
    return pa.array([None, 0, 1, 2, 3] * 20).cast(kind)


TAKEN = {
    "int8": numbers(pa.int8()),
    "uint64": pa.array([None, 0, 1, 2, 2**64 - 1] * 20, pa.uint64()),
    "float": numbers(pa.float32()),
    "double with NaN": pa.array([float("nan"), 0.0, 1.0, 2.0, float("inf")] * 20),
    "decimal": pa.array([None, *map(Decimal, ("0.49", "0.51", "2.00", "3.00"))] * 20, pa.decimal128(9, 2)),
    "boolean": pa.array([None, False, True, True, True] * 20),
    "dictionary of numbers": numbers(pa.int64()).dictionary_encode(),
    "nothing known": pa.nulls(100),
}


@pytest.mark.parametrize("name", TAKEN)
def test_columns_of_numbers_of_every_type_are_scored_as_the_oracle_does(tmp_path: Path, name: str) -> None:
    table = wallets_table(100, 1).set_column(1, "late", TAKEN[name])
    pq.write_table(table, tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(min_days=0, min_payments=0)))
    document = msgspec.to_builtins(CARD)
    for record, row in zip(table.to_pylist(), columns(tmp_path / "out", manifest).to_pylist(), strict=True):
        plain = {each: float(value) if isinstance(value, Decimal) else value for each, value in record.items()}
        assert row["score"] == oracle_card.score(document, plain)["score"]


REFUSED = {
    "text": (pa.array(["1"] * 100), "late: the card wants numbers"),
    "timestamp": (pa.array([datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)] * 100), "late: the card wants numbers"),
    "list": (pa.array([[1]] * 100), "late: the card wants numbers"),
    "binary": (pa.array([b"1"] * 100), "late: the card wants numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_columns_of_other_types_are_refused_by_name_before_anything_is_written(tmp_path: Path, name: str) -> None:
    column, stated = REFUSED[name]
    pq.write_table(wallets_table(100, 1).set_column(1, "late", column), tmp_path / "in.parquet")
    with pytest.raises(RescoreRefused, match=f"in.parquet: {stated}"):
        prepared(tmp_path / "in.parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "settings", "stated"),
    [
        (lambda table: table.append_column("late", table.column("night")), SMALL, "2 columns are named 'late'"),
        (lambda table: table.drop_columns(["late"]), SMALL, "there is no column 'late'"),
        (lambda table: table, Settings(wallet="owner"), "there is no column 'owner'"),
        (
            lambda table: table,
            Settings(keep=("never_read",)),
            "never_read holds list.*nested columns cannot be kept",
        ),
        (lambda table: table.set_column(0, "wallet", pa.array([0.5] * 100)), SMALL, "wallet holds double"),
    ],
    ids=["twice", "missing", "no wallet", "nested kept", "wallet of floats"],
)
def test_columns_that_are_twice_missing_or_nested_are_refused_by_name(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], settings: Settings, stated: str
) -> None:
    pq.write_table(change(wallets_table(100, 1)), tmp_path / "in.parquet")
    with pytest.raises(RescoreRefused, match=f"in.parquet: {stated}"):
        prepared(tmp_path / "in.parquet", tmp_path / "out", settings)


@pytest.mark.parametrize("settings", [Settings(wallet="score"), Settings(keep=("gap_2",))], ids=["wallet", "kept"])
def test_a_column_that_scoring_adds_cannot_be_carried_along(tmp_path: Path, settings: Settings) -> None:
    pq.write_table(wallets_table(10, 1), tmp_path / "in.parquet")
    with pytest.raises(RescoreRefused, match=r"'(score|gap_2)' is a column that scoring adds"):
        prepared(tmp_path / "in.parquet", tmp_path / "out", settings)


def test_files_whose_wallets_differ_in_type_are_refused(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    other = wallets_table(100, 1).set_column(0, "wallet", pa.array(range(100)))
    pq.write_table(other, source / "shard-0001.parquet")
    with pytest.raises(RescoreRefused, match=r"shard-0001.parquet: wallet holds int64, and string in shard-0000"):
        prepared(source, tmp_path / "out")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.binary(2), pa.int64(), pa.uuid()]
)
def test_wallets_of_every_type_come_out_as_they_went_in(tmp_path: Path, kind: pa.DataType) -> None:
    if kind == pa.uuid():
        ids = pa.ExtensionArray.from_storage(kind, pa.array([bytes([at]) * 16 for at in range(100)], pa.binary(16)))
    else:
        texts = [f"{at:02}" for at in range(100)]
        as_bytes = [text.encode() for text in texts]
        ids = pa.array(
            range(100) if kind == pa.int64() else as_bytes if pa.types.is_fixed_size_binary(kind) else texts, kind
        )
    table = wallets_table(100, 1).set_column(0, "wallet", ids)
    table = table.append_column("region", pa.array(["north", None] * 50).dictionary_encode())
    pq.write_table(table, tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(keep=("region",))))
    scored = columns(tmp_path / "out", manifest)
    assert scored.column("wallet").to_pylist() == table.column("wallet").to_pylist()
    assert scored.column("region").to_pylist() == table.column("region").to_pylist()


def test_the_time_of_the_features_is_what_the_files_say_unless_they_differ(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for at, moment in enumerate((b"1767225600000", b"1767225600000", b"1767312000000")):
        table = wallets_table(50, at).replace_schema_metadata({b"as_of": moment})
        pq.write_table(table, source / f"{at}.parquet")
    with pytest.raises(RescoreRefused, match=r"2.parquet and 0.parquet are of different times.*--as-of"):
        prepared(source, tmp_path / "out")
    assert prepared(source, tmp_path / "out", Settings(as_of=5)).job.settings.as_of == 5
    (source / "2.parquet").unlink()
    manifest = rescore(prepared(source, tmp_path / "out"))
    moments = set(columns(tmp_path / "out", manifest).column("as_of").to_pylist())
    assert moments == {datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)}


# Against the run before.


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
    assert made.against.matched == 250 and 0 < made.against.psi < 0.2
    movers = [*made.against.risers, *made.against.fallers]
    assert {mover.wallet for mover in movers} <= {"w1-7"}
    assert sum(bar.rows for bar in made.distribution) == made.scored == 270
    page = (tmp_path / "after" / "report.html").read_text()
    assert "PSI over tenths" in page and "<script" not in page
    with pytest.raises(RescoreRefused, match="holds no finished run"):
        write_report(CARD, output, manifests["after"], ReportInputs(before=folder_at(tmp_path / "nowhere")))


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


def test_a_canary_stops_a_job_whose_scores_have_moved_and_a_higher_limit_goes_on(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 4, 1_000)
    before = rescore(prepared(source, tmp_path / "before"))
    other = msgspec.structs.replace(CARD, version=2)
    items = tuple(
        msgspec.structs.replace(item, points=item.points[::-1], missing=max(item.points))
        for item in CARD.characteristics
    )
    other = msgspec.structs.replace(other, characteristics=items)
    job = prepared(source, tmp_path / "out", card=other)
    with pytest.raises(RescoreRefused, match=r"PSI 0\.\d+ against the run before, over 0.01, in the first 1,000 rows"):
        rescore(job, canary=Canary(share=0.01, psi_max=0.01, before=before.tally))
    assert len(list((tmp_path / "out" / "parts").iterdir())) == 1
    rescore(job, canary=Canary(share=0.01, psi_max=100.0, before=before.tally))
    rescore(prepared(source, tmp_path / "without", card=other))
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "without")


# Rows and files that are bad.


def strict_card() -> Scorecard:
    item = Characteristic(
        feature="kind", reason="K", categories=(("a",), ("b",)), points=(5, 9), missing=1, unknown="error"
    )
    return Scorecard(name="strict", version=1, characteristics=(item,))


def test_bad_rows_are_written_with_file_row_column_and_reason(tmp_path: Path) -> None:
    ids = pa.array([None if row == 7 else row for row in range(500)])
    kinds = ["z" if row == 333 else "a" for row in range(500)]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": ids, "kind": kinds}), tmp_path / "in" / "a.parquet", row_group_size=100)
    job = prepared(tmp_path / "in", tmp_path / "out", Settings(wallet="id"), strict_card())
    manifest = rescore(job, max_bad=0.01)
    assert (manifest.scored, manifest.bad, manifest.not_available) == (498, 2, 0)
    bad = pa.concat_tables([pq.read_table(tmp_path / "out" / part.file) for part in manifest.bad_rows])
    assert sorted(bad.to_pylist(), key=lambda row: row["row"]) == [
        {"file": "a.parquet", "row": 7, "column": "id", "reason": "no wallet"},
        {"file": "a.parquet", "row": 333, "column": "kind", "reason": "a category that the card does not name"},
    ]
    assert {7, 333}.isdisjoint(columns(tmp_path / "out", manifest).column("id").to_pylist())


def test_more_bad_rows_than_allowed_end_the_job_and_a_higher_limit_goes_on(tmp_path: Path) -> None:
    table = wallets_table(2_000, 1)
    late = np.array([None if row % 100 == 0 else f"w{row}" for row in range(2_000)])
    pq.write_table(table.set_column(0, "wallet", pa.array(late)), tmp_path / "in.parquet", row_group_size=1_000)
    job = prepared(tmp_path / "in.parquet", tmp_path / "out")
    with pytest.raises(RescoreRefused, match=r"of 2,000 rows are bad, more than --max-bad 0.001"):
        rescore(job, max_bad=0.001)
    assert rescore(job, max_bad=0.01).bad == 20


def _damage_page(path: Path, group: int) -> None:
    """Overwrite the bytes of a column in one row group."""
    metadata = pq.read_metadata(path).row_group(group)
    chunk = next(
        metadata.column(at) for at in range(metadata.num_columns) if metadata.column(at).path_in_schema == "late"
    )
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)


def test_corrupt_files_and_row_groups_are_refused_or_listed(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_000, 3, 250)
    _damage_page(source / "shard-0001.parquet", 2)
    (source / "shard-0002.parquet").write_bytes((source / "shard-0002.parquet").read_bytes()[:-100])
    with pytest.raises(RescoreRefused, match=r"shard-0002.parquet: not a whole Parquet file.*--skip-corrupt"):
        prepared(source, tmp_path / "out")
    skipping = msgspec.structs.replace(SMALL, skip_corrupt=True)
    manifest = rescore(prepared(source, tmp_path / "out", skipping), max_bad=0.5)
    assert [(each.path, each.group, each.rows) for each in manifest.corrupt] == [
        ("shard-0002.parquet", None, 0),
        ("shard-0001.parquet", 2, 250),
    ]
    assert (manifest.rows, manifest.bad) == (2_000, 250)
    (source / "shard-0002.parquet").unlink()
    with pytest.raises(RescoreRefused, match=r"shard-0001.parquet: row group 2 cannot be read"):
        rescore(prepared(source, tmp_path / "other"))


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
