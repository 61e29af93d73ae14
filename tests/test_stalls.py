"""Stops find a test that lives on the machine's speed, and pass one that does not."""

import textwrap
from pathlib import Path

import pytest

from tests.stalls import run

pytestmark = pytest.mark.long

TESTS = """
    import time

    def test_of_a_window():
        for _ in range(50):
            began = time.monotonic()
            time.sleep(0.02)
            assert time.monotonic() - began < 0.3

    def test_of_none():
        time.sleep(2)
"""


def test_a_test_that_must_be_quick_fails_and_another_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # to import them takes seconds, which stops make five times as long
    (tmp_path / "test_it.py").write_text(textwrap.dedent(TESTS))
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    assert run(1, [*options, str(tmp_path), "-k", "of_a_window"]) == 1
    assert run(1, [*options, str(tmp_path), "-k", "of_none"]) == 0
