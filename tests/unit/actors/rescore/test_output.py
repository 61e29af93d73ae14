"""The folder of an output is one driver's at a time, and holds nothing but what a job writes."""

import os
from pathlib import Path

import msgspec
import pytest

from actors.rescore.job import Done, Part, Plan, RescoreRefused
from actors.rescore.output import Output
from actors.rescore.scoring import Counting
from actors.storage.disk import DiskFolder
from actors.storage.interface import Found, LeaseLost
from tests.rescore_files import write_wallets
from tests.unit.actors.rescore.jobs import CARD, output_at, prepared, rescore


def test_a_second_driver_on_the_same_output_is_refused(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    first = output_at(tmp_path / "out")
    first.open()
    owner = output_at(tmp_path / "out").owner()
    assert owner is not None and owner.pid == os.getpid()
    with pytest.raises(RescoreRefused, match=r"is being written by process \d+ on .*one at a time"):
        rescore(prepared(source, tmp_path / "out"))
    first.close()
    assert output_at(tmp_path / "out").owner() is None
    rescore(prepared(source, tmp_path / "out"))


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(RescoreRefused, match=r"out is not empty \(notes.txt\)"):
        rescore(prepared(source, tmp_path / "out"))
    for output in (source, source / "scores"):
        with pytest.raises(RescoreRefused, match="lies in the folder that is read"):
            prepared(source, output)


def test_inputs_that_lie_where_scores_go_are_refused_and_stay(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "out" / "parts", 100, 1, 100)
    for given in (source, source / "shard-0000.parquet"):
        with pytest.raises(RescoreRefused, match=r"parts.* lies in .*out: scores go into a folder of their own"):
            prepared(given, tmp_path / "out")
    assert (source / "shard-0000.parquet").exists()


@pytest.mark.parametrize("name", ["parts/mine.txt", "bad/mine.txt", "report.html", "card.json"])
def test_files_of_others_under_names_of_a_result_are_refused_and_stay(tmp_path: Path, name: str) -> None:
    file = tmp_path / "out" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(RescoreRefused, match=rf"out is not empty \({name.partition('/')[0]}\)"):
        rescore(prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out"))
    assert file.read_text() == "mine"


def test_a_driver_that_was_stopped_before_it_began_takes_nothing_from_the_one_that_has_ended_meanwhile(
    tmp_path: Path,
) -> None:
    job = prepared(write_wallets(tmp_path / "in", 100, 1, 100), tmp_path / "out")
    stopped = output_at(tmp_path / "out")
    stopped.lock()
    assert stopped.plan() is None
    stopped.close()  # taken for dead
    manifest = rescore(job)
    with pytest.raises(RescoreRefused, match="is not empty"):
        stopped.begin(job.job.plan)
    assert rescore(job) == manifest and (tmp_path / "out" / manifest.parts[0].file).exists()


PART = Part(file="parts/000000.parquet", rows=1, bytes=4, sha256="00")


def done(unit: int, *parts: Part) -> Done:
    tally = Counting(CARD).tally()
    return Done(unit=unit, parts=parts, bad_rows=(), corrupt=(), tally=tally, peak_bytes=0)


def begun(tmp_path: Path) -> tuple[Output, Plan]:
    source = write_wallets(tmp_path / "in", 100, 1, 100)
    plan = prepared(source, tmp_path / "out").job.plan
    output = output_at(tmp_path / "out")
    output.open()
    output.begin(plan)
    return output, plan


def test_what_was_begun_is_found_and_another_beginning_is_refused(tmp_path: Path) -> None:
    output, plan = begun(tmp_path)
    assert output.plan() == plan and output.done() == {} and output.read_status() is None
    with pytest.raises(RescoreRefused, match="another driver has begun here meanwhile"):
        output.begin(msgspec.structs.replace(plan, batch_rows=1))
    assert output.plan() == plan
    output.folder.write("_work/plan.json", b"{")
    with pytest.raises(RescoreRefused, match=r"plan.json is not a plan of this version"):
        output.plan()
    output.close()
    output.close()


def test_a_status_that_a_crash_has_lost_is_none(tmp_path: Path) -> None:
    """It is renamed and not synced: after a power cut its file may be empty."""
    output, _ = begun(tmp_path)
    output.folder.write("_work/status.json", b"")
    assert output.read_status() is None
    output.close()


def test_a_unit_is_done_while_its_files_are_there_and_as_long_as_they_were(tmp_path: Path) -> None:
    output, _ = begun(tmp_path)
    output.mark_done(done(3, PART))
    assert output.done() == {}, "its file is not there"
    output.folder.write(PART.file, b"1234")
    assert output.done() == {3: done(3, PART)}
    output.folder.write(PART.file, b"12345")
    assert output.done() == {}
    output.close()


def test_resuming_lists_the_folder_three_times_however_many_units_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over an object store each listing is a request a thousand objects."""
    output, _ = begun(tmp_path)
    for unit in range(40):
        name = f"parts/{unit:06}.parquet"
        output.folder.write(name, b"1234")
        output.mark_done(done(unit, msgspec.structs.replace(PART, file=name)))
    listed: list[str] = []
    files = DiskFolder.files

    def counted(folder: DiskFolder, below: str = "") -> list[Found]:
        listed.append(below)
        return files(folder, below)

    monkeypatch.setattr(DiskFolder, "files", counted)
    found = output.done()
    output.drop_staged()
    assert sorted(found) == list(range(40)) and len(listed) <= 3
    output.close()


def test_files_that_no_unit_names_are_gone_when_the_manifest_comes(tmp_path: Path) -> None:
    output, _ = begun(tmp_path)
    for name in (PART.file, "parts/000009.parquet", "bad/000001.parquet", "_work/staging/000000-parts.x"):
        output.folder.write(name, b"1234")
    output.drop_staged()
    assert output.folder.files("_work/staging") == [] and len(output.folder.files("parts")) == 2
    output.finish([done(0, PART)], {}, b"mine")
    assert [each.name for each in output.folder.files()] == ["manifest.json", PART.file]
    output.close()


def test_the_manifest_comes_last_and_without_a_part_it_does_not_come(tmp_path: Path) -> None:
    output, _ = begun(tmp_path)
    with pytest.raises(RescoreRefused, match=r"parts/000000.parquet is gone; run the same command again"):
        output.finish([done(0, PART)], {"card.json": b"{}"}, b"mine")
    assert output.read("manifest.json") is None and output.read("card.json") is None
    output.folder.write(PART.file, b"1234")
    output.finish([done(0, PART)], {"card.json": b"{}"}, b"mine")
    assert output.read("manifest.json") == b"mine" and output.folder.files("_work") == []
    with pytest.raises(RescoreRefused, match="another driver has published another result"):
        output.finish([done(0, PART)], {}, b"theirs")
    assert output.read("manifest.json") == b"mine"
    output.close()


def test_a_lease_that_was_lost_ends_the_driver(tmp_path: Path) -> None:
    output, _ = begun(tmp_path)
    output.keep()

    class Lost:
        def keep(self) -> None:
            raise LeaseLost

        def give_back(self) -> None:
            """It is another's."""

    output._lease = Lost()
    with pytest.raises(RescoreRefused, match="taken over by another driver while this one was stopped"):
        output.keep()
