"""Functions that Python calls as they are, and that are compiled into the kernels that call them.

Numba learns of them when `models.jit` is loaded, so a process that compiles nothing does not load Numba for them.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_known: Final[list[Callable[..., Any]]] = []
_takers: Final[list[Callable[[Callable[..., Any]], object]]] = []


def jitable(function: F) -> F:
    """The function itself, which kernels may call too."""
    _known.append(function)
    for take in _takers:
        take(function)
    return function


def hand_over(take: Callable[[Callable[..., Any]], object]) -> None:
    """Give all such functions to `take`, which tells the compiler of one: those that there are now, and each later one when it is made."""
    _takers.append(take)
    for function in _known:
        take(function)
