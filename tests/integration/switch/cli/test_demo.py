"""`shardpay demo`, ended from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.acceptance.running import free_port

ENDS_WITHIN_S = 60.0
pytestmark = pytest.mark.long


def _switch_of(demo: "subprocess.Popen[str]") -> list[psutil.Process]:
    return [each for each in psutil.Process(demo.pid).children() if "serve" in each.cmdline()]


def test_a_demo_that_is_ended_ends_its_switch(tmp_path: Path) -> None:
    """It left it behind, listening, in a folder that was gone."""
    words = ["demo", "--people", "200", "--port", str(free_port()), "--data", str(tmp_path / "demo")]
    command = [sys.executable, "-m", "switch", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not (started := _switch_of(demo)):
            assert demo.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.0)
        os.kill(demo.pid, signal.SIGTERM)
        printed = demo.communicate(timeout=ENDS_WITHIN_S)[0]
    assert demo.returncode == 0 and printed.endswith("stopped\n") and "Traceback" not in printed
    assert psutil.wait_procs(started, timeout=0)[1] == []
