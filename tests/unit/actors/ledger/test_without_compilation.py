"""The same tests over the same functions as plain Python: nothing depends on compilation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiled import COMPILED

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
TOO_MUCH = "keys_are_full or than_a_generation_surely_holds or many_holds_that_are_due_at_once or profiles_come_and_go_for_ever"
"""Tests that fill whole tables: half of the time, and nothing that others do not show."""


@pytest.mark.skipif(not COMPILED, reason="this is the run without compilation")
def test_kernels_do_the_same_as_plain_python() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(HERE),
        "-x",
        "-q",
        "--hypothesis-profile=short",
        "-k",
        f"not ({TOO_MUCH})",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    root = HERE.parents[3]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
