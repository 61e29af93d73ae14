"""`rescore --ray` on three nodes: one is killed at half, the job ends by itself, and the bytes are those of a run on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.storage.place import folder_at
from tests.acceptance.ray_nodes import RayNodes
from tests.object_store import BUCKET, ObjectStore, objects_of, upload
from tests.rescore_files import bytes_of, write_card, write_wallets

NODES = 3
DEADLINE_S = 150.0


@pytest.fixture(params=["disk", "objects"])
def place(request: pytest.FixtureRequest, server_place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """Where the job reads and writes: below a bucket, or on the disk that all nodes see."""
    if request.param == "disk":
        yield None
        return
    store = ObjectStore(server_place / "objects")
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    yield f"s3://{BUCKET}"
    store.end()


@pytest.fixture
def nodes(place: str | None, server_place: Path) -> Iterator[RayNodes]:
    """They have the environment that leads to the store."""
    nodes = RayNodes(server_place / "ray", NODES, processors=1)
    yield nodes
    nodes.end()


def _command(source: Path | str, card: Path, output: Path | str, *more: str) -> list[str]:
    options = ["--input", str(source), "--card", str(card), "--output", str(output)]
    return [sys.executable, "-m", "switch", "rescore", *options, "--part-rows", "2048", "--json", *more]


def _result(text: str) -> Any:
    return json.loads(text.splitlines()[-1])["result"]


@pytest.mark.slow
def test_a_job_on_three_nodes_ends_with_the_same_bytes_though_one_is_killed(
    nodes: RayNodes, place: str | None, tmp_path: Path
) -> None:
    here, card = write_wallets(tmp_path / "in", 200_000, 4, 2_000), write_card(tmp_path / "card.json")
    whole = subprocess.run(
        _command(here, card, tmp_path / "here"), capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    source: Path | str = here if place is None else upload(here, f"{place}/features")
    output: Path | str = tmp_path / "there" if place is None else f"{place}/scores"
    command = _command(source, card, output, "--ray", nodes.address)
    with open(tmp_path / "said", "w") as stated:
        driver = subprocess.Popen(command, stdout=stated, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + DEADLINE_S
    while len(folder_at(output).files("_work/done")) < 200:
        assert driver.poll() is None and time.monotonic() < deadline, (tmp_path / "said").read_text()
        time.sleep(0.1)
    nodes.kill(NODES - 1)
    assert driver.wait(DEADLINE_S) == 0, (tmp_path / "said").read_text()
    assert _result((tmp_path / "said").read_text()) == _result(whole.stdout)
    written = bytes_of(tmp_path / "there") if place is None else objects_of(f"{place}/scores")
    assert written == bytes_of(tmp_path / "here")
