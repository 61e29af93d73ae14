"""`shardpay import` as acceptance tests run it, and where the whole data sets are, if they are."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import KEY, RunningSwitch, environment

DATA_SETS = Path(os.environ.get("SHARDPAY_DATA_SETS", Path(__file__).parents[3] / "shared" / "data"))
PAYSIM = DATA_SETS / "paysim_30d.parquet"
BERKA = DATA_SETS / "berka_1993"

needs_data = pytest.mark.skipif(
    not (PAYSIM.exists() and BERKA.exists()), reason=f"the data sets are not in {DATA_SETS}"
)


class Import:
    """`shardpay import` as a process of its own, its state file in `folder`."""

    def __init__(self, switch: RunningSwitch, file: Path, folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        self.state = folder / f"{file.name}.state"
        self._command = [sys.executable, "-m", "switch", "import", str(file), "--json", *options]
        self._command += ["--url", switch.url, "--state", str(self.state)]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin, or go on."""
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(SHARDPAY_API_KEY=KEY),
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait_until_noted(self, size: int, timeout_s: float = 120.0) -> None:
        """Wait until the state file has so many bytes, or the import has ended."""
        deadline = time.monotonic() + timeout_s
        while self.running and time.monotonic() < deadline:
            if self.state.exists() and self.state.stat().st_size >= size:
                return
            time.sleep(0.01)
        assert not self.running, "the import does not come on"

    def kill(self, number: int) -> int:
        """End it in the middle; gives the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.communicate(timeout=30)
        return self._process.returncode

    def report(self, timeout_s: float = 900.0) -> dict[str, Any]:
        """Its report, once it has ended well."""
        assert self._process is not None
        output, errors = self._process.communicate(timeout=timeout_s)
        assert self._process.returncode == 0, output + errors
        report: dict[str, Any] = json.loads(output)
        assert report["difference_count"] == report["unexpected_count"] == 0
        print({name: value for name, value in report.items() if name not in ("notes", "differences", "unexpected")})
        return report

    def run(self) -> dict[str, Any]:
        """From start to end."""
        self.start()
        return self.report()
