"""kill -9 of workers and of the driver, at random, five times in one run: every wallet exactly once, all bytes as without; a full disk
in the middle is told, and the job goes on when there is room."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pyarrow.parquet as pq
import pytest

from tests.rescore_files import bytes_of, wallets_table, write_card, write_wallets

FILES, ROWS, GROUP = 6, 60_000, 2_000
KILLS = ("worker", "worker", "worker", "driver", "driver")
DEADLINE_S = 120.0


class _Place(NamedTuple):
    """Wallets, a card, and what an uninterrupted run made of them."""

    source: Path
    card: Path
    whole: Path
    result: Any

    def command(self, output: Path, workers: int = 1) -> list[str]:
        """The command line."""
        options = ["--input", str(self.source), "--card", str(self.card), "--output", str(output)]
        options += ["--workers", str(workers), "--part-rows", "2048", "--json"]
        return [sys.executable, "-m", "switch", "rescore", *options]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> _Place:
    folder = tmp_path_factory.mktemp("rescoring")
    source, card = write_wallets(folder / "in", ROWS, FILES, GROUP), write_card(folder / "card.json")
    unmeasured = _Place(source, card, folder / "whole", None)
    result = _result(_ran(unmeasured.command(folder / "whole", workers=2)))
    assert result["rows"] == FILES * ROWS
    return unmeasured._replace(result=result)


def _ran(command: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, **options)


def _result(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])["result"]


def _wait_for(driver: "subprocess.Popen[Any]", output: Path, units: int) -> None:
    """Until so many units are done, while the job runs."""
    deadline = time.monotonic() + DEADLINE_S
    while len(list((output / "_work" / "done").glob("*.json"))) < units:
        assert driver.poll() is None and time.monotonic() < deadline, "the job ended before it was killed"
        time.sleep(0.005)


def _kill_a_worker(driver: "subprocess.Popen[Any]", rng: random.Random) -> None:
    rng.choice(psutil.Process(driver.pid).children()).kill()


def test_killed_five_times_it_gives_the_bytes_of_an_uninterrupted_run(place: _Place, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    kills = rng.sample(KILLS, len(KILLS))
    print(f"seed {seed}: {kills}")
    command = place.command(tmp_path / "out", workers=2)
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for number, whom in enumerate(kills, start=1):
        _wait_for(driver, tmp_path / "out", number * 25 + rng.randrange(10))
        if whom == "worker":
            _kill_a_worker(driver, rng)
        else:
            driver.kill()
            driver.wait()
            driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    assert driver.wait(DEADLINE_S) == 0
    assert bytes_of(tmp_path / "out") == bytes_of(place.whole)
    wallets = pq.read_table(tmp_path / "out" / "parts", columns=["wallet"]).column("wallet").to_pylist()
    assert len(set(wallets)) == len(wallets) == FILES * ROWS


@pytest.mark.slow
def test_a_full_disk_in_the_middle_is_told_and_the_job_goes_on_with_room(place: _Place, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk. In short, without processes, beside the tests of the driver."""

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))

    command = place.command(tmp_path / "out")
    failed = _ran(command, preexec_fn=little_room)
    assert failed.returncode == 1
    assert "no room left" in failed.stderr and "run the same command again" in failed.stderr
    assert "Traceback" not in failed.stderr and not (tmp_path / "out" / "manifest.json").exists()
    assert _result(_ran(command)) == place.result
    assert bytes_of(tmp_path / "out") == bytes_of(place.whole)


@pytest.mark.slow
def test_after_sigterm_status_tells_how_far_it_is_and_a_changed_input_is_refused_by_name(
    place: _Place, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    driver = subprocess.Popen(place.command(output), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _wait_for(driver, output, 3)
    driver.terminate()
    _, stated = driver.communicate(timeout=DEADLINE_S)
    assert driver.returncode == 1 and "run the same command again to go on" in stated
    assert not list((output / "_work" / "staging").iterdir())
    shown = json.loads(_ran([sys.executable, "-m", "switch", "rescore", "status", str(output), "--json"]).stdout)
    assert shown["state"] == "stopped" and shown["owner"] is None
    assert 0 < shown["rows_done"] < shown["rows_total"] == FILES * ROWS

    changed = place.source / "shard-0003.parquet"
    given, status = changed.read_bytes(), changed.stat()
    try:
        pq.write_table(wallets_table(ROWS, 9), changed, row_group_size=GROUP)
        refused = _ran(place.command(output))
        assert refused.returncode == 1 and "shard-0003.parquet has changed" in refused.stderr
        assert not (output / "manifest.json").exists()
    finally:
        changed.write_bytes(given)
        os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _result(_ran(place.command(output))) == place.result
    assert bytes_of(output) == bytes_of(place.whole)
