"""Read numbers where Arrow has them.

Kernels are given addresses, so that one call takes all columns of a batch, whatever their kinds. Whoever gives an address has checked how
much lies there, and keeps it from being freed.
"""

import ctypes
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

_settings: Any = numba.config
_make_array: Any = make_array
_populate_array: Any = populate_array
_intrinsic: Any = intrinsic


def _plain(address: Any, count: Any, kind: Any) -> Any:
    there = (ctypes.c_char * (int(count) * np.dtype(kind).itemsize)).from_address(int(address))
    return np.frombuffer(there, kind)


@_intrinsic  # type: ignore[untyped-decorator]
def _view(typing: Any, address: Any, count: Any, kind: Any) -> Any:
    """Numba's own `carray` is a function that returns one, which kernels without reference counting refuse."""
    array_type = types.Array(kind.dtype, 1, "C", readonly=True)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = _make_array(array_type)(context, builder)
        item = context.get_data_type(array_type.dtype)
        bytes_each = context.get_constant(types.intp, context.get_abi_sizeof(item))
        data = builder.inttoptr(arguments[0], item.as_pointer())
        _populate_array(made, data, [arguments[1]], [bytes_each], bytes_each, None)
        return made._getvalue()

    return array_type(types.intp, types.intp, kind), generate


values_at: Any = _plain if _settings.DISABLE_JIT else _view
"""For kernels: of an `address`, a `count`, and a `kind`, which is a type of numpy's, so many numbers as an array that is only read."""
