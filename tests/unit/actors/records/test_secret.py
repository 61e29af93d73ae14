"""The cluster's secret is 16 bytes, read as two words; reading it compiles nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from actors.records.secret import SECRET_BYTES, Secret


def test_it_is_two_words_the_low_one_first() -> None:
    secret = Secret.of(bytes(range(SECRET_BYTES)))
    assert (int(secret.low), int(secret.high)) == (0x0706050403020100, 0x0F0E0D0C0B0A0908)


@pytest.mark.parametrize("size", [0, SECRET_BYTES - 1, SECRET_BYTES + 1])
def test_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="has 16 bytes"):
        Secret.of(bytes(size))


def test_it_needs_no_compiler() -> None:
    code = "import sys, actors.records.secret, actors.database.connection; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[4], check=True, timeout=60)
