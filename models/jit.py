"""Every compiled kernel is made here, in one way: cached on disk, without the GIL, integer exact, no fastmath.

Kernels fill arrays that they are given and allocate nothing, so they are compiled without reference counting. `NUMBA_DISABLE_JIT=1`
runs the same functions as plain Python over numpy arrays; tests use it to prove that nothing depends on compilation.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` at its first call. The compiled code is kept beside the source between runs."""
    return cast(F, numba.njit(cache=True, nogil=True, _nrt=False)(function))


def inlined(function: F) -> F:
    """Like `kernel`, for a small helper that is compiled into each of its callers."""
    return cast(F, numba.njit(cache=True, nogil=True, _nrt=False, forceinline=True)(function))
