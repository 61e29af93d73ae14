"""Every compiled kernel is made here, in one way: cached on disk, without the GIL, integer exact, no fastmath.

Kernels fill arrays that they are given and allocate nothing, so they are compiled without reference counting: with it, each access to
one of the book's many arrays costs an atomic operation, and the ledger is 4 to 8 times slower. A kernel that tried to allocate
would not compile. `NUMBA_DISABLE_JIT=1` runs the same functions as plain Python over numpy arrays; tests use it to prove that
nothing depends on compilation.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import numba

Kernel = Callable[..., Any]

_NUMBA: Any = numba.config
_ROOT = Path(__file__).resolve().parent.parent
_KERNEL_FOLDERS = ("models", "rules", "actors/ledger")


def _cache_folder() -> str:
    """A folder named after the text of all kernels and of the constants compiled into them. Numba itself looks only at the file a
    kernel stands in, and would go on using one into which an older helper or number of another file was compiled."""
    text = hashlib.sha256()
    for folder in _KERNEL_FOLDERS:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            text.update(path.read_bytes())
    parent = _NUMBA.CACHE_DIR or _ROOT / "models" / "__pycache__"
    return str(Path(parent) / f"kernels-{text.hexdigest()[:16]}")


_NUMBA.CACHE_DIR = _cache_folder()


_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


def kernel(function: Kernel) -> Kernel:
    """Compile `function` at its first call. The compiled code is kept between runs."""
    compiled: Kernel = numba.njit(**_OPTIONS)(function)
    return compiled


def inlined(function: Kernel) -> Kernel:
    """Like `kernel`, for a small helper that is compiled into each of its callers."""
    compiled: Kernel = numba.njit(**_OPTIONS, forceinline=True)(function)
    return compiled


def compiled(source: str, names: Mapping[str, Any], signature: Any, *, keep: bool = False) -> Kernel:
    """Compile the one function that `source` defines, at once and for one signature, with `names` as its globals.

    With `keep` the machine code is kept between runs, in a file named after the source; else it lives as long as the process:
    sources that users write must not fill a disk.
    """
    options = {**_OPTIONS, "cache": False}
    file = "<generated>"
    if keep:
        try:
            file = _kept(source)
            options["cache"] = True
        except OSError:
            pass  # A place that cannot be written to: compiled anew by each process.
    space = {"__name__": __name__, **names}
    exec(compile(source, file, "exec"), space)
    function: Kernel = numba.njit(signature, **options)(space["fires"])
    return function


def _kept(source: str) -> str:
    """A file with this source, for Numba looks at a kernel's file when it looks for its machine code."""
    folder = Path(_NUMBA.CACHE_DIR)
    file = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.source"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{uuid4().hex}")
        part.write_text(source)
        part.replace(file)
    return str(file)
