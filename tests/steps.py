"""Work in steps, done in one go."""

from typing import TypeVar

from switch.fairness.scheduling import Steps

T = TypeVar("T")


def to_end(steps: Steps[T]) -> T:
    """The result of work, where nobody is beside."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
