"""`rescore --ray` on three nodes: one is killed at half, the job ends by itself, and the bytes are those of a run on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.ray_nodes import RayNodes
from tests.rescore_files import bytes_of, write_card, write_wallets

NODES = 3
DEADLINE_S = 150.0


@pytest.fixture
def nodes(server_place: Path) -> Iterator[RayNodes]:
    nodes = RayNodes(server_place / "ray", NODES, processors=1)
    yield nodes
    nodes.end()


def _command(source: Path, card: Path, output: Path, *more: str) -> list[str]:
    options = ["--input", str(source), "--card", str(card), "--output", str(output)]
    return [sys.executable, "-m", "switch", "rescore", *options, "--part-rows", "2048", "--json", *more]


def _result(text: str) -> Any:
    return json.loads(text.splitlines()[-1])["result"]


@pytest.mark.slow
def test_a_job_on_three_nodes_ends_with_the_same_bytes_though_one_is_killed(nodes: RayNodes, tmp_path: Path) -> None:
    source, card = write_wallets(tmp_path / "in", 200_000, 4, 2_000), write_card(tmp_path / "card.json")
    here = subprocess.run(
        _command(source, card, tmp_path / "here"), capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    output = tmp_path / "there"
    command = _command(source, card, output, "--ray", nodes.address)
    with open(tmp_path / "said", "w") as stated:
        driver = subprocess.Popen(command, stdout=stated, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + DEADLINE_S
    while len(list((output / "_work" / "done").glob("*.json"))) < 200:
        assert driver.poll() is None and time.monotonic() < deadline, (tmp_path / "said").read_text()
        time.sleep(0.02)
    nodes.kill(NODES - 1)
    assert driver.wait(DEADLINE_S) == 0, (tmp_path / "said").read_text()
    assert _result((tmp_path / "said").read_text()) == _result(here.stdout)
    assert bytes_of(output) == bytes_of(tmp_path / "here")
