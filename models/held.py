"""A tuple of arrays that kernels take as one pointer.

Numba looks at each array of a tuple at every call, at its type and then at where it lies. That costs more than a payment that comes alone:
a book has thirty. Of a `Held` they are looked at once, when it is made. It keeps the tuple, so the arrays live as long as it does; a tuple
with other arrays in it is another `Held`.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, models, register_model

from models.jit import kernel

_NUMBA: Any = numba.config
_numba: Any = numba
_extending: Any = numba.extending
_intrinsic: Any = intrinsic


class Held:
    """Holds `value`, a tuple of arrays or of such tuples. It never changes; what stands in the arrays may."""

    __slots__ = ("_memory", "_numba_type_", "pointer", "value")

    def __init__(self, value: NamedTuple) -> None:
        self.value = value
        if not _NUMBA.DISABLE_JIT:
            self._numba_type_, size = _kind_of(value)
            self._memory = np.zeros(size, np.uint8)
            _keep(value, self._memory)
            self.pointer = int(self._memory.ctypes.data)


_KINDS: dict[Hashable, tuple["HeldType", int]] = {}
"""Types and bytes of tuples, by what Numba asks of their arrays: to ask it each time would take a millisecond."""


def _kind_of(value: NamedTuple) -> tuple["HeldType", int]:
    key = _key(value)
    if key not in _KINDS:
        _KINDS[key] = HeldType(_numba.typeof(value)), int(_native_bytes(value))
    return _KINDS[key]


def _key(value: Any) -> Hashable:
    if isinstance(value, tuple):
        return type(value), *map(_key, value)
    flags = value.flags
    return value.dtype, value.ndim, flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.aligned


class HeldType(types.Type):
    """Of a `Held`, by the type of its tuple."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        super().__init__(name=f"Held({inner})")


@register_model(HeldType)
class _Model(models.OpaqueModel):
    """A pointer to the tuple as Numba itself lays it out."""


@_extending.unbox(HeldType)  # type: ignore[untyped-decorator]
def _unbox(_: Any, held: Any, context: Any) -> Any:
    pointer = context.pyapi.object_getattr_string(held, "pointer")
    value = context.pyapi.long_as_voidptr(pointer)
    context.pyapi.decref(pointer)
    return _extending.NativeValue(value)


@infer_getattr
class _Attributes(AttributeTemplate):
    key = HeldType

    def resolve_value(self, held: Any) -> Any:
        """In a kernel, too, `value` is the tuple."""
        return held.inner


@_extending.lower_getattr(HeldType, "value")  # type: ignore[untyped-decorator]
def _value(context: Any, builder: Any, held: Any, pointer: Any) -> Any:
    native = context.data_model_manager[held.inner].get_value_type()
    return _load(builder, builder.bitcast(pointer, native.as_pointer()), native)


def _load(builder: Any, pointer: Any, native: Any) -> Any:
    """Number by number: what a kernel does not use is not read."""
    if not isinstance(native, ir.Aggregate):
        return builder.load(pointer)
    value = ir.Constant(native, ir.Undefined)
    for i in range(len(native)):
        at = builder.gep(pointer, [ir.IntType(32)(0), ir.IntType(32)(i)], inbounds=True)
        value = builder.insert_value(value, _load(builder, at, at.type.pointee), i)
    return value


@_intrinsic  # type: ignore[untyped-decorator]
def _stored(_: Any, value: Any, memory: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        native = context.data_model_manager[value].get_value_type()
        data = context.make_array(memory)(context, builder, arguments[1]).data
        builder.store(arguments[0], builder.bitcast(data, native.as_pointer()))
        return context.get_dummy_value()

    return types.void(value, memory), generate


@_intrinsic  # type: ignore[untyped-decorator]
def _size(_: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        native = context.data_model_manager[value].get_value_type()
        return context.get_constant(types.intp, context.get_abi_sizeof(native))

    return types.intp(value), generate


@kernel
def _keep(value, memory):
    _stored(value, memory)


@kernel
def _native_bytes(value):
    return _size(value)
