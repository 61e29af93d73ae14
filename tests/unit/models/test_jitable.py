"""Functions that kernels may call wait for the compiler, and load nothing themselves."""

import subprocess
import sys
from pathlib import Path

ORDER = """
import sys
from models import jitable
first = jitable.jitable(lambda x: x + 1)
assert first(1) == 2
taken = []
jitable.hand_over(taken.append)
assert taken == [first]
second = jitable.jitable(lambda x: x + 2)
assert taken == [first, second] and second(1) == 3
assert "numba" not in sys.modules
"""


def test_the_compiler_gets_what_was_there_before_it_and_what_comes_later_each_once() -> None:
    subprocess.run([sys.executable, "-c", ORDER], cwd=Path(__file__).parents[3], check=True, timeout=60)
