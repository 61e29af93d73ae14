"""Whether kernels are compiled in this run: with NUMBA_DISABLE_JIT=1 the same functions run as plain Python."""

from typing import Any, Final

import numba

_NUMBA: Final[Any] = numba.config
COMPILED: Final = not _NUMBA.DISABLE_JIT
