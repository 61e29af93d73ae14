"""Prefetch memory long before it is used.

Kernels name the rows of a whole stretch first, then handle them one by one.

A read would do as well, but it holds up all that comes after it until it is done; LLVM's prefetch instruction does not.
"""

from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

CACHE_LINE: Final = 64
"""Bytes."""

_READ, _KEEP, _DATA = 0, 3, 1
"""Operands: for reading, kept in all caches, not code."""
_WORD: Any = ir.IntType(32)
_ADDRESS: Any = cgutils.voidptr_t
_make_array: Any = make_array
_tools: Any = cgutils
_overload: Any = overload
_intrinsic: Any = intrinsic


def prefetch(array: Any, index: Any, offset: Any) -> None:
    """For kernels: have the cache line at byte `offset` of `array[index]` brought in, without waiting for it. The index must lie within
    the array. Without compilation nothing happens."""


@_intrinsic  # type: ignore[untyped-decorator]
def _prefetch(typing: Any, array: Any, index: Any, offset: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type = signature.args[0]
        laid_out = _make_array(array_type)(context, builder, arguments[0])
        item = _tools.get_item_pointer(context, builder, array_type, laid_out, [arguments[1]])
        line = _tools.pointer_add(builder, item, arguments[2], _ADDRESS)
        declared = ir.FunctionType(ir.VoidType(), [_ADDRESS, _WORD, _WORD, _WORD])
        function = builder.module.declare_intrinsic("llvm.prefetch", [_ADDRESS], declared)
        builder.call(function, [line, _WORD(_READ), _WORD(_KEEP), _WORD(_DATA)])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


@_overload(prefetch, inline="always")
def _compiled(array, index, offset):  # type: ignore[no-untyped-def]
    return lambda array, index, offset: _prefetch(array, index, offset)
