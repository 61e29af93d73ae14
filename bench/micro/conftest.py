"""`pytest bench/micro` runs the micro-benchmarks.

The test suite, which skips benchmarks, does not look here.
"""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """The project's settings skip benchmarks in tests; here they are all there is."""
    config.option.benchmark_skip = False
