"""Load and store eight bytes at any place of an array of bytes, as one word.

Kernels that cut numbers into bits would else take a byte at a time.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

_make_array: Any = make_array
_tools: Any = cgutils
_overload: Any = overload
_intrinsic: Any = intrinsic
_WORD: Any = ir.IntType(64)


def load_word(data: Any, at: Any) -> Any:
    """Bytes [at, at + 8) of `data`, the first one lowest. They must lie within it."""
    return np.uint64(int.from_bytes(data[at : at + 8].tobytes(), "little"))


def store_word(out: Any, at: Any, word: Any) -> None:
    """Bytes [at, at + 8) of `out`, the lowest first. They must lie within it."""
    out[at : at + 8] = np.frombuffer(int(word).to_bytes(8, "little"), np.uint8)


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Where in memory the word is."""
    laid_out = _make_array(signature.args[0])(context, builder, arguments[0])
    return _tools.pointer_add(builder, laid_out.data, arguments[1], _WORD.as_pointer())


@_intrinsic  # type: ignore[untyped-decorator]
def _load(typing: Any, data: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature, arguments), align=1)

    return types.uint64(data, types.intp), generate


@_intrinsic  # type: ignore[untyped-decorator]
def _store(typing: Any, out: Any, at: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _place(context, builder, signature, arguments), align=1)
        return context.get_dummy_value()

    return types.void(out, types.intp, types.uint64), generate


@_overload(load_word, inline="always")
def _compiled_load(data, at):  # type: ignore[no-untyped-def]
    return lambda data, at: _load(data, at)


@_overload(store_word, inline="always")
def _compiled_store(out, at, word):  # type: ignore[no-untyped-def]
    return lambda out, at, word: _store(out, at, word)
