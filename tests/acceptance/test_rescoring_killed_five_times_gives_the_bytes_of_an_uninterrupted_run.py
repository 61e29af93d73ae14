"""kill -9 of workers and of the driver, at random, five times in one run: every wallet exactly once, all bytes as without; a full disk
in the middle is told, and the job goes on when there is room."""

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from tests.rescore_files import bytes_of, wallets_table, write_card, write_wallets

KILLS = 5
FILES, ROWS, GROUP = 6, 60_000, 2_000
DEADLINE_S = 120.0


def _command(source: Path, card: Path, output: Path) -> list[str]:
    options = ["--input", str(source), "--card", str(card), "--output", str(output), "--workers", "2"]
    return [sys.executable, "-m", "switch", "rescore", *options, "--part-rows", "2048", "--json"]


def _ran(command: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, **options)


def _result(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])["result"]


def _kill_one(driver: "subprocess.Popen[bytes]", output: Path, units: int, rng: random.Random) -> str:
    """Whom, once some more units are done; the driver every second time, or one of its workers."""
    deadline = time.monotonic() + DEADLINE_S
    while len(list((output / "_work" / "done").glob("*.json"))) < units:
        assert driver.poll() is None, "the job ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    workers = [child for child in psutil.Process(driver.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    if rng.random() < 0.5 and workers:
        rng.choice(workers).kill()
        return "worker"
    driver.kill()
    driver.wait()
    return "driver"


def test_killed_five_times_it_gives_the_bytes_of_an_uninterrupted_run(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    source, card = write_wallets(tmp_path / "in", ROWS, FILES, GROUP), write_card(tmp_path / "card.json")
    whole = _result(_ran(_command(source, card, tmp_path / "whole")))
    assert whole["rows"] == FILES * ROWS
    output = tmp_path / "cut"
    command = _command(source, card, output)
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    killed = []
    for kill in range(KILLS):
        if driver.poll() is not None:
            driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        killed.append(_kill_one(driver, output, (kill + 1) * 20 + rng.randrange(10), rng))
    driver.wait(DEADLINE_S)
    print(f"killed {killed}")
    assert _result(_ran(command)) == whole
    assert bytes_of(output) == bytes_of(tmp_path / "whole")
    wallets = pq.read_table(output / "parts", columns=["wallet"]).column("wallet").to_pylist()
    assert len(set(wallets)) == len(wallets) == FILES * ROWS


def test_a_full_disk_in_the_middle_is_told_and_the_job_goes_on_with_room(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the writer gets the same kind of error in the middle of a part."""
    source, card = write_wallets(tmp_path / "in", 20_000, 1, 2_000), write_card(tmp_path / "card.json")
    whole, output = tmp_path / "whole", tmp_path / "out"
    result = _result(_ran(_command(source, card, whole)))

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))

    failed = _ran(_command(source, card, output), preexec_fn=little_room)
    assert failed.returncode == 1
    assert "no room left" in failed.stderr and "run the same command again" in failed.stderr
    assert "Traceback" not in failed.stderr and not (output / "manifest.json").exists()
    assert _result(_ran(_command(source, card, output))) == result
    assert bytes_of(output) == bytes_of(whole)


def test_sigterm_ends_it_within_its_grace_and_status_tells_how_far_it_is(tmp_path: Path) -> None:
    source, card = write_wallets(tmp_path / "in", ROWS, 2, GROUP), write_card(tmp_path / "card.json")
    output = tmp_path / "out"
    command = _command(source, card, output)
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list((output / "_work" / "done").glob("*.json")):
        assert driver.poll() is None
        time.sleep(0.01)
    driver.terminate()
    _, said = driver.communicate(timeout=DEADLINE_S)
    assert driver.returncode == 1 and "run the same command again to go on" in said
    assert not list((output / "_work" / "staging").iterdir())
    status = _ran([sys.executable, "-m", "switch", "rescore", "status", str(output), "--json"])
    told = json.loads(status.stdout)
    assert told["state"] == "stopped" and told["owner"] is None
    assert 0 < told["rows_done"] < told["rows_total"] == 2 * ROWS
    assert _result(_ran(command))["rows"] == 2 * ROWS


def test_an_input_that_changed_between_kill_and_resume_is_refused_by_name(tmp_path: Path) -> None:
    source, card = write_wallets(tmp_path / "in", ROWS, 2, GROUP), write_card(tmp_path / "card.json")
    output = tmp_path / "out"
    driver = subprocess.Popen(_command(source, card, output), stdout=subprocess.DEVNULL)
    _kill_one(driver, output, 3, random.Random(1))
    driver.kill()
    driver.wait()
    pq.write_table(wallets_table(ROWS, 9), source / "shard-0001.parquet", row_group_size=GROUP)
    refused = _ran(_command(source, card, output))
    assert refused.returncode == 1 and "shard-0001.parquet has changed" in refused.stderr
    assert not (output / "manifest.json").exists()
