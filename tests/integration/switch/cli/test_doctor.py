"""`shardpay doctor` prints findings, and fails with one."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_command_prints_findings_and_fails_with_one(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("reviews = 60")
    command = [sys.executable, "-m", "switch", "doctor", "--json", "--port", "0", "--data", str(tmp_path)]
    well = subprocess.run(command, capture_output=True, text=True, check=False)
    assert well.returncode == 0, well.stdout
    assert "processors" in {each["check"] for each in json.loads(well.stdout)}
    bad = subprocess.run(
        [*command, "--config", str(tmp_path / "bad.toml")], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1 and "reviews" in bad.stdout
