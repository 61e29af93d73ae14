"""Seeds run in a process of their own: where this one counts the lines that tests reach, they would take twice as long."""

import multiprocessing
import warnings
from collections.abc import Callable, Iterator

import pytest

from tests.sim.simulation import Outcome, run_seed

Run = Callable[..., Outcome]


def _strict() -> None:
    """Warnings are errors, as in every test."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "overflow encountered in scalar", RuntimeWarning)


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """As `run_seed`."""
    with multiprocessing.get_context("spawn").Pool(1, _strict) as pool:
        yield lambda *given: pool.apply(run_seed, given)
