"""A job gives the same bytes however it is cut off; every row is scored, bad or not available; what cannot be done is refused by name."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore.job import RescoreRefused
from actors.rescore.page import write_report
from actors.rescore.report import ReportInputs
from actors.rescore.run import Canary, Options, Stopped, read_manifest, run
from actors.rescore.scoring import summed
from actors.rescore.unit import local_pool
from actors.storage.disk import DiskFolder
from tests.rescore_files import bytes_of, wallets_table, write_wallets
from tests.unit.actors.rescore.inline_pool import InlinePool
from tests.unit.actors.rescore.jobs import CARD, SMALL, output_at, prepared, rescore


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


def test_a_worker_that_dies_after_a_stop_was_asked_is_not_replaced(tmp_path: Path) -> None:
    """Another would be given its unit, and the stop would wait for that."""
    calls: list[str] = []
    with pytest.raises(Stopped):
        rescore(
            prepared(write_wallets(tmp_path / "in", 3_000, 1, 500), tmp_path / "out"),
            prompt=True,
            dies=lambda task: task > 1,
            on_call=calls.append,
            stop_after=0,
        )
    assert calls == ["start 1", "give 1", "start 2", "give 2", "stop"]


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


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Whatever is longer finds no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_the_job_goes_on_with_room(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: Arrow gets the same kind of error in the middle of a part."""
    source = write_wallets(tmp_path / "in", 3_000, 1, 1_000)
    rescore(prepared(source, tmp_path / "whole"))
    job = prepared(source, tmp_path / "out")
    stated = r"no room left .*make room and run the same command again"
    with files_of_at_most(6_000), pytest.raises(RescoreRefused, match=stated):
        rescore(job)
    assert not list((tmp_path / "out" / "_work" / "staging").iterdir())
    rescore(job)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize("name", ["parts/000000.parquet", "bad/000000.parquet"])
def test_a_result_of_which_a_file_is_gone_or_cut_off_is_not_taken_for_done(tmp_path: Path, name: str) -> None:
    table = wallets_table(1_000, 1)
    nobody = pa.array([None, *table.column("wallet").to_pylist()[1:]], pa.string())
    pq.write_table(table.set_column(0, "wallet", nobody), tmp_path / "in.parquet")
    job = prepared(tmp_path / "in.parquet", tmp_path / "out")
    manifest = rescore(job, max_bad=0.1)
    assert rescore(job, max_bad=0.1) == manifest
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RescoreRefused, match=rf"out/{name} has .* by the manifest: this result is not whole; score in"):
        rescore(job, max_bad=0.1)
    path.unlink()
    with pytest.raises(RescoreRefused, match=rf"out/{name} is gone: this result is not whole; score into a new folder"):
        rescore(job, max_bad=0.1)


@pytest.mark.parametrize("size", [0, 300], ids=["at the lease", "at the plan"])
def test_a_disk_that_is_full_before_work_begins_is_told_and_the_job_goes_on_with_room(
    tmp_path: Path, size: int
) -> None:
    source = write_wallets(tmp_path / "in", 3_000, 1, 1_000)
    job = prepared(source, tmp_path / "out")
    with files_of_at_most(size), pytest.raises(RescoreRefused, match=r"no room left .*; make room and run the same"):
        rescore(job)
    assert rescore(job).rows == 3_000


def test_a_place_where_nothing_may_be_written_is_told(tmp_path: Path) -> None:
    """Whoever asks, the system makes no folder there: it is not allowed, or the file system is read only."""
    job = prepared(write_wallets(tmp_path / "in", 100, 1, 100), Path("/sys/scores"))
    with pytest.raises(RescoreRefused, match=r"^/sys/scores: .*(not allowed|read only)"):
        rescore(job)


def test_an_output_that_is_a_file_is_told(tmp_path: Path) -> None:
    job = prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out")
    (tmp_path / "out").write_text("x")
    with pytest.raises(RescoreRefused, match=r"(Not a directory|File exists).*; once that is mended"):
        rescore(job)


@pytest.mark.parametrize("name", ["card.json", "manifest.json"])
def test_what_was_half_written_beside_the_parts_does_not_keep_the_job_from_going_on(tmp_path: Path, name: str) -> None:
    """A full disk leaves it, as a kill does: the disk is full from the moment on at which this file is written."""
    source = write_wallets(tmp_path / "in", 3_000, 1, 1_000)
    rescore(prepared(source, tmp_path / "whole"))
    half, write = tmp_path / "out" / f".{name}.tmp", DiskFolder.write

    def limited(folder: DiskFolder, written: str, data: bytes) -> None:
        with files_of_at_most(len(data) - 1) if written == name else nullcontext():
            write(folder, written, data)

    with pytest.MonkeyPatch.context() as full:
        full.setattr(DiskFolder, "write", limited)
        with pytest.raises(RescoreRefused, match="make room and run the same command again"):
            rescore(prepared(source, tmp_path / "out"))
    assert half.exists()
    rescore(prepared(source, tmp_path / "out"))
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_a_report_for_which_there_is_no_room_is_told_and_the_same_command_writes_it(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    manifest = rescore(prepared(source, tmp_path / "out"))
    output = output_at(tmp_path / "out")
    with files_of_at_most(100), pytest.raises(RescoreRefused, match="no room left"):
        write_report(CARD, output, manifest, ReportInputs())
    assert rescore(prepared(source, tmp_path / "out")) == manifest
    write_report(CARD, output, manifest, ReportInputs())
    assert sorted(bytes_of(tmp_path / "out")) == [
        "card.json",
        "manifest.json",
        "parts/000000.parquet",
        "report.html",
        "report.json",
    ]


def test_a_unit_that_kills_its_workers_ends_the_job_by_name(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    with pytest.raises(RescoreRefused, match=r"3 workers died at unit 0.*row group 0 of shard-0000.parquet"):
        rescore(prepared(source, tmp_path / "out"), dies=lambda _: True)


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


@pytest.mark.parametrize(
    ("change", "stated"),
    [
        (lambda path: path.touch(), r"shard-0001.parquet has changed \(time of change, or ETag\)"),
        (lambda path: path.unlink(), r"shard-0001.parquet is gone"),
        (lambda path: path.with_name("shard-0002.parquet").write_bytes(path.read_bytes()), "shard-0002.parquet is new"),
    ],
    ids=["written again", "gone", "new"],
)
def test_an_input_that_changed_after_the_end_is_refused_by_name(
    tmp_path: Path, change: Callable[[Path], object], stated: str
) -> None:
    source = write_wallets(tmp_path / "in", 1_100, 2, 1_100)
    rescore(prepared(source, tmp_path / "out"))
    change(source / "shard-0001.parquet")
    with pytest.raises(RescoreRefused, match=f"out holds the result of other inputs: {stated}; give --output a new"):
        rescore(prepared(source, tmp_path / "out"))


def test_other_values_in_a_file_of_the_same_size_and_footer_are_another_input(tmp_path: Path) -> None:
    """Without compression and statistics a footer says nothing of them."""
    table, path = wallets_table(300, 1), tmp_path / "in.parquet"
    plain: Any = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    values = [pa.array([late] * 300, pa.int64()) for late in (0, 3)]
    pq.write_table(table.set_column(1, "late", values[0]), path, **plain)
    before = prepared(path, tmp_path / "out").job.plan.inputs[0]
    rescore(prepared(path, tmp_path / "out"))
    pq.write_table(table.set_column(1, "late", values[1]), path, **plain)
    now = prepared(path, tmp_path / "out").job.plan.inputs[0]
    assert (now.bytes, now.footer) == (before.bytes, before.footer)
    with pytest.raises(RescoreRefused, match=r"in.parquet has changed \(time of change, or ETag\)"):
        rescore(prepared(path, tmp_path / "out"))


def test_a_result_that_does_not_say_when_its_inputs_changed_is_not_taken_for_that_of_these(tmp_path: Path) -> None:
    """As earlier versions wrote it."""
    source = write_wallets(tmp_path / "in", 1_100, 1, 1_100)
    manifest = rescore(prepared(source, tmp_path / "out"))
    for written in (None, b"{", b"{}", b'{"shard-0000.parquet": 1}'):
        (tmp_path / "out" / "inputs.json").unlink(missing_ok=True)
        if written is not None:
            (tmp_path / "out" / "inputs.json").write_bytes(written)
        with pytest.raises(RescoreRefused, match=r"without inputs.json, .* not known; give --output a new folder"):
            rescore(prepared(source, tmp_path / "out"))
    assert read_manifest(output_at(tmp_path / "out")) == manifest


def test_the_result_is_the_same_wherever_the_inputs_lie_and_whenever_they_were_written(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_100, 2, 1_100)
    shutil.copytree(source, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy" / "shard-0000.parquet", ns=(1, 1))
    for name in ("in", "copy"):
        rescore(prepared(tmp_path / name, tmp_path / f"{name}-out"))
    assert bytes_of(tmp_path / "in-out") == bytes_of(tmp_path / "copy-out")
    tags = [output_at(tmp_path / f"{name}-out").tags() or {} for name in ("in", "copy")]
    assert tags[0].keys() == tags[1].keys() == {"shard-0000.parquet", "shard-0001.parquet"} and tags[0] != tags[1]


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
    with pytest.raises(RescoreRefused, match="the result of another job: the card was"):
        rescore(prepared(source, tmp_path / "out", card=other))
    with pytest.raises(RescoreRefused, match="the result of another job: min_days was 90, now 30"):
        rescore(prepared(source, tmp_path / "out", msgspec.structs.replace(SMALL, min_days=30)))


def test_a_prompt_worker_is_given_its_first_unit_at_once_and_all_end_while_the_result_is_published(
    tmp_path: Path,
) -> None:
    source, output = write_wallets(tmp_path / "in", 3_000, 1, 500), tmp_path / "out"
    calls: list[tuple[str, bool]] = []
    rescore(
        prepared(source, output),
        prompt=True,
        on_call=lambda what: calls.append((what, (output / "manifest.json").exists())),
    )
    assert [what for what, _ in calls[:4]] == ["start 1", "give 1", "start 2", "give 2"]
    assert calls[-2:] == [("end", False), ("stop", True)]
    rescore(prepared(source, tmp_path / "later"))
    assert bytes_of(output) == bytes_of(tmp_path / "later")


def test_the_first_unit_of_a_prompt_worker_that_dies_before_it_is_ready_is_done_by_another(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 3_000, 1, 500)
    manifest = rescore(prepared(source, tmp_path / "out"), prompt=True, stillborn=lambda worker: worker <= 3)
    assert manifest.rows == 3_000
    rescore(prepared(source, tmp_path / "whole"))
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_prompt_workers_of_which_none_gets_ready_end_the_job_and_no_unit_is_blamed(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 3_000, 1, 500)
    calls: list[str] = []
    with pytest.raises(RescoreRefused, match="6 workers died before they were ready"):
        rescore(prepared(source, tmp_path / "out"), prompt=True, stillborn=lambda _: True, on_call=calls.append)
    assert calls[-1] == "stop" and "end" not in calls and not (tmp_path / "out" / "manifest.json").exists()


def test_a_result_that_cannot_be_published_is_told_and_the_workers_end(tmp_path: Path) -> None:
    """A folder stands where the card goes."""
    source, calls = write_wallets(tmp_path / "in", 3_000, 1, 500), list[str]()
    job = prepared(source, tmp_path / "out")

    def call(what: str) -> None:
        calls.append(what)
        (tmp_path / "out" / "card.json").mkdir(parents=True, exist_ok=True)

    with pytest.raises(RescoreRefused, match=r"card\.json'; once that is mended run the same command again"):
        rescore(job, prompt=True, on_call=call)
    assert calls[-2:] == ["end", "stop"]


def test_files_without_rows_give_an_output_without_parts(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 0, 2, 100)
    manifest = rescore(prepared(source, tmp_path / "out"))
    assert (manifest.rows, manifest.parts) == (0, ())
    assert write_report(CARD, output_at(tmp_path / "out"), manifest, ReportInputs()).distribution[0].rows == 0
    write_wallets(tmp_path / "in", 100, 1, 100)
    assert rescore(prepared(source, tmp_path / "some")).rows == 100


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


def test_a_canary_stops_a_job_that_has_no_scores_any_more(tmp_path: Path) -> None:
    """As where a feature that says how much is known has gone missing."""
    table = wallets_table(2_000, 1)
    pq.write_table(table, tmp_path / "before.parquet", row_group_size=500)
    before = rescore(prepared(tmp_path / "before.parquet", tmp_path / "before"))
    place = table.schema.get_field_index("payments_360d")
    nothing = table.set_column(place, "payments_360d", pa.nulls(2_000, pa.int64()))
    pq.write_table(nothing, tmp_path / "in.parquet", row_group_size=500)
    job = prepared(tmp_path / "in.parquet", tmp_path / "out")
    with pytest.raises(
        RescoreRefused, match=r"not known in the first 1,000 rows, as no row has a score: stopped; without --canary"
    ):
        rescore(job, canary=Canary(share=0.01, psi_max=100.0, before=before.tally))
    assert rescore(job).not_available == 2_000


def test_a_canary_of_all_units_stops_each_try_and_that_of_a_job_that_is_done(tmp_path: Path) -> None:
    """Who repeats a command that was refused would publish what it refused."""
    job = prepared(write_wallets(tmp_path / "in", 1_000, 1, 1_000), tmp_path / "out")
    canary = Canary(share=1.0, psi_max=100.0, before=summed({}, CARD))
    refused = partial(pytest.raises, RescoreRefused, match=r"PSI against the run before is not known .*: stopped")
    for _ in range(2):
        with refused():
            rescore(job, canary=canary)
    manifest = rescore(job)
    with refused():
        rescore(job, canary=canary)
    assert rescore(job, canary=msgspec.structs.replace(canary, before=manifest.tally)) == manifest


def test_a_canary_stops_inputs_without_rows_each_time(tmp_path: Path) -> None:
    before = rescore(prepared(write_wallets(tmp_path / "in", 1_000, 1, 1_000), tmp_path / "before")).tally
    job = prepared(write_wallets(tmp_path / "none", 0, 2, 100), tmp_path / "out")
    for _ in range(2):
        with pytest.raises(RescoreRefused, match=r"not known of 0 rows, as no row has a score: stopped"):
            rescore(job, canary=Canary(share=0.01, psi_max=100.0, before=before))


def test_a_canary_goes_on_where_nobody_had_a_score_or_has_one(tmp_path: Path) -> None:
    nobody = msgspec.structs.replace(SMALL, min_days=100_000)
    job = prepared(write_wallets(tmp_path / "in", 1_000, 2, 1_000), tmp_path / "out", nobody)
    assert rescore(job, canary=Canary(share=0.01, psi_max=0.0, before=summed({}, CARD))).not_available == 2_000


def test_a_canary_stops_where_the_run_before_had_no_scores(tmp_path: Path) -> None:
    job = prepared(write_wallets(tmp_path / "in", 1_000, 4, 1_000), tmp_path / "out")
    with pytest.raises(RescoreRefused, match=r"not known in .*, as no row of the run before has a score: stopped"):
        rescore(job, canary=Canary(share=0.01, psi_max=100.0, before=summed({}, CARD)))


def test_more_bad_rows_than_allowed_end_the_job_and_a_higher_limit_goes_on(tmp_path: Path) -> None:
    table = wallets_table(2_000, 1)
    late = np.array([None if row % 100 == 0 else f"w{row}" for row in range(2_000)])
    pq.write_table(table.set_column(0, "wallet", pa.array(late)), tmp_path / "in.parquet", row_group_size=1_000)
    job = prepared(tmp_path / "in.parquet", tmp_path / "out")
    refused = partial(pytest.raises, RescoreRefused, match=r"of 2,000 rows are bad, more than --max-bad 0.001")
    for _ in range(2):  # the last unit is on the done-list by then
        with refused():
            rescore(job, max_bad=0.001)
    assert rescore(job, max_bad=0.01).bad == 20
    with refused():
        rescore(job, max_bad=0.001)
