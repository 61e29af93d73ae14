"""`rescore` from and to an object store: the bytes of a run on a disk, through a store that stops, kills, second drivers and changes."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from actors.rescore.inputs import prepare
from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.output import Output
from actors.rescore.page import write_report
from actors.rescore.report import ReportInputs
from actors.rescore.run import Options, run
from actors.storage.interface import Folder
from actors.storage.place import folder_at
from tests.object_store import BUCKET, ObjectStore, objects_of, upload
from tests.rescore_files import bytes_of, wallets_table, write_card, write_wallets
from tests.unit.actors.rescore.inline_pool import InlinePool
from tests.unit.models.credit.wallets import small_card

AWAY_S = 20.0
UNITS = 100
DEADLINE_S = 200.0


@pytest.fixture
def store(server_place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    store = ObjectStore(server_place)
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    yield store
    store.end()


def command(source: Any, output: Any, card: Path, *more: str) -> list[str]:
    options = ["--input", str(source), "--card", str(card), "--output", str(output), "--workers", "1"]
    return [sys.executable, "-m", "switch", "rescore", *options, "--part-rows", "2048", "--json", *more]


def ran(line: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(line, capture_output=True, text=True, timeout=DEADLINE_S, **options)


def result(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])["result"]


def wait_for(driver: "subprocess.Popen[Any]", url: str, units: int) -> None:
    """Until so many units are done, while the job runs."""
    folder, deadline = folder_at(url), time.monotonic() + DEADLINE_S
    while len(folder.files("_work/done")) < units:
        assert driver.poll() is None and time.monotonic() < deadline, "the job ended before"
        time.sleep(0.05)


def test_a_run_from_and_to_an_object_store_gives_the_bytes_of_one_on_a_disk(store: ObjectStore, tmp_path: Path) -> None:
    here = write_wallets(tmp_path / "in", 2_500, 1, 700)
    there = upload(here, f"s3://{BUCKET}/features")
    options = Options(workers=1, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
    card, scores = small_card(), f"s3://{BUCKET}/scores/2026-12"
    before: Folder | None = None
    for source, output in ((here, tmp_path / "out"), (there, scores)):
        prepared = prepare(source, output, card, Settings(part_rows=1_024))
        manifest = run(prepared, partial(InlinePool), options)
        made = write_report(card, Output(prepared.job.output), manifest, ReportInputs(before=before))
        assert before is None or (made.against is not None and made.against.matched == 2_500)
        before = prepared.job.output
    scored = {name: data for name, data in bytes_of(tmp_path / "out").items() if not name.startswith("report")}
    assert len(scored) == 2 + len(manifest.parts) >= 6
    found = objects_of(scores)
    assert {name: found[name] for name in scored} == scored
    assert set(found) - set(scored) == {"report.html", "report.json"}
    assert run(prepare(there, scores, card, Settings(part_rows=1_024)), partial(InlinePool), options) == manifest
    pq.write_table(wallets_table(2_500, 7), tmp_path / "other.parquet", row_group_size=700)
    folder_at(there).write("shard-0000.parquet", (tmp_path / "other.parquet").read_bytes())
    with pytest.raises(
        RescoreRefused, match=r"2026-12 holds the result of other inputs: shard-0000.parquet has changed"
    ):
        run(prepare(there, scores, card, Settings(part_rows=1_024)), partial(InlinePool), options)


@pytest.mark.slow
def test_a_store_that_stops_for_20_s_is_waited_for(store: ObjectStore, tmp_path: Path) -> None:
    """Once it keeps connections and says nothing, once it closes them and takes no others."""
    here, card = write_wallets(tmp_path / "in", 100_000, 2, 2_000), write_card(tmp_path / "card.json")
    whole = result(ran(command(here, tmp_path / "out", card)))
    source, output = upload(here, f"s3://{BUCKET}/features"), f"s3://{BUCKET}/scores"
    driver = subprocess.Popen(command(source, output, card), stdout=subprocess.PIPE, text=True)
    wait_for(driver, output, 10)
    store.pause()
    time.sleep(AWAY_S)
    assert driver.poll() is None, "the job waits"
    store.resume()
    wait_for(driver, output, 30)
    store.end()
    time.sleep(AWAY_S)
    assert driver.poll() is None, "the job waits"
    store.start()
    assert len(folder_at(output).files("_work/done")) < UNITS
    stated, _ = driver.communicate(timeout=DEADLINE_S)
    assert driver.returncode == 0 and json.loads(stated.splitlines()[-1])["result"] == whole
    assert objects_of(output) == bytes_of(tmp_path / "out")


@pytest.mark.slow
def test_a_store_that_stays_away_ends_the_job_with_what_to_do_and_the_job_goes_on(
    store: ObjectStore, tmp_path: Path
) -> None:
    here, card = write_wallets(tmp_path / "in", 60_000, 2, 2_000), write_card(tmp_path / "card.json")
    output = f"s3://{BUCKET}/scores"
    driver = subprocess.Popen(
        command(here, output, card, "--store-patience", "3"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(driver, output, 5)
    store.end()
    _, stated = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert f"{output}/" in stated and "does not answer" in stated and "--store-patience" in stated
    assert "Traceback" not in stated
    store.start()
    result(ran(command(here, output, card)))
    result(ran(command(here, tmp_path / "out", card)))
    assert objects_of(output) == bytes_of(tmp_path / "out")


@pytest.mark.slow
def test_a_killed_driver_resumes_a_second_is_refused_and_a_changed_object_is_named(
    store: ObjectStore, tmp_path: Path
) -> None:
    here, card = write_wallets(tmp_path / "in", 60_000, 2, 2_000), write_card(tmp_path / "card.json")
    source, output = upload(here, f"s3://{BUCKET}/features"), f"s3://{BUCKET}/scores"
    line = command(source, output, card)
    driver = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    wait_for(driver, output, 5)
    children = psutil.Process(driver.pid).children(recursive=True)
    workers = [each for each in children if "forkserver" in " ".join(each.cmdline())]
    assert len(workers) == 2, "one, and the process that it is a copy of"
    for worker in workers:
        worker.suspend()  # So that the job does not end meanwhile; its driver goes on.
    second = ran(line)
    assert second.returncode == 1
    assert f"{output} is being written by process {driver.pid} on " in second.stderr
    shown = json.loads(ran([*line[:4], "status", output, "--json"]).stdout)
    assert shown["owner"]["pid"] == driver.pid and 0 < shown["rows_done"] <= shown["rows_total"] == 120_000
    assert driver.poll() is None
    for process in (driver, *workers):
        process.kill()
        process.wait()
    left = folder_at(output)
    left.write("parts/000999.parquet", b"half")

    changed = folder_at(source)
    given = changed.read("shard-0001.parquet")
    changed.write("shard-0001.parquet", given[:-4] + b"    ")
    refused = ran(line)
    assert refused.returncode == 1 and "shard-0001.parquet: not a whole Parquet file" in refused.stderr
    other = wallets_table(60_000, 9)
    pq.write_table(other, tmp_path / "other.parquet", row_group_size=2_000)
    changed.write("shard-0001.parquet", (tmp_path / "other.parquet").read_bytes())
    refused = ran(line)
    assert refused.returncode == 1 and "shard-0001.parquet has changed" in refused.stderr
    changed.write("shard-0001.parquet", given)

    started = time.monotonic()
    resumed = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    while not folder_at(output).holder("_work/lease") or left.files("parts")[-1].name == "parts/000999.parquet":
        assert time.monotonic() - started < 30
        time.sleep(0.05)
    print(f"goes on after {time.monotonic() - started:.1f} s")
    stated, _ = resumed.communicate(timeout=DEADLINE_S)
    assert json.loads(stated.splitlines()[-1])["result"] == result(ran(command(here, tmp_path / "out", card)))
    assert objects_of(output) == bytes_of(tmp_path / "out")
