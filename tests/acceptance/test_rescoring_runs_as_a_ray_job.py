"""`ray job submit` of a rescoring job: its lines of progress are the job's log, and the bytes are those of a run on this machine."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.ray_nodes import RayNodes
from tests.acceptance.running import free_port
from tests.rescore_files import bytes_of, write_card, write_wallets

DEADLINE_S = 200.0
NEEDED = ("aiohttp_cors", "opencensus", "virtualenv")


@pytest.fixture
def nodes(server_place: Path) -> Iterator[RayNodes]:
    nodes = RayNodes(server_place / "ray", 1, processors=2, jobs_port=free_port())
    yield nodes
    nodes.end()


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="`make cluster` installs what Ray's jobs need",
)
def test_a_job_that_is_submitted_gives_the_same_bytes_and_shows_its_progress(nodes: RayNodes, tmp_path: Path) -> None:
    source, card = write_wallets(tmp_path / "in", 30_000, 2, 2_000), write_card(tmp_path / "card.json")

    def command(output: Path, *more: str) -> list[str]:
        options = [
            "--input",
            str(source),
            "--card",
            str(card),
            "--output",
            str(output),
            "--part-rows",
            "2048",
            "--json",
        ]
        return [sys.executable, "-m", "switch", "rescore", *options, *more]

    here = subprocess.run(command(tmp_path / "here"), capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    submit = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--address", nodes.jobs_url, "--"]
    done = subprocess.run(
        [*submit, "env", f"PYTHONPATH={os.getcwd()}", *command(tmp_path / "there", "--ray", "auto")],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [next(iter(line)) for line in lines if "progress" not in line] == ["plan", "result"]
    assert any("progress" in line for line in lines)
    assert lines[-1] == json.loads(here.stdout.splitlines()[-1])
    assert bytes_of(tmp_path / "there") == bytes_of(tmp_path / "here")
