"""Compile kernels in one way: cached on disk, without the GIL, integer exact, no fastmath.

Kernels fill arrays that they are given and allocate nothing, so they are compiled without reference counting: with it, each access to
one of the book's many arrays costs an atomic operation, and the ledger is 4 to 8 times slower. A kernel that tried to allocate
would not compile. `NUMBA_DISABLE_JIT=1` runs the same functions as plain Python over numpy arrays; tests use it to prove that
nothing depends on compilation.
"""

import contextlib
import hashlib
import importlib
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import llvmlite
import numba
import numba.extending
from llvmlite.binding import parse_bitcode
from numba.core.caching import CacheImpl, FunctionCache, _CacheLocator
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numpy.typing import NDArray

from models.arrays import S
from models.jitable import hand_over
from models.kernel_folder import kernel_folder

Kernel = Callable[..., Any]

_NUMBA: Any = numba.config
_NOT_NEEDED: Final = {"scipy.linalg.cython_blas": "numba.np.arraymath", "cffi": "numba.core.typing.cffi_utils"}
"""What Numba looks for, by the module that does: linear algebra, functions of other libraries."""
_ROOT: Final = Path(__file__).resolve().parent.parent
CACHE_FOLDER: Final = kernel_folder(numba.__version__, llvmlite.__version__, _NUMBA.CACHE_DIR)
_NUMBA.CACHE_DIR = str(CACHE_FOLDER)
_NUMBA.CACHE_LOCATOR_CLASSES = ""  # What NUMBA_CACHE_LOCATOR_CLASSES names would take the place of `_ByContent`.


def _refusal(folder: Path) -> OSError | None:
    """Why files cannot be made in a folder, which is made if it is not there; None when they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error
    return None


CANNOT_KEEP: Final = _refusal(CACHE_FOLDER)
"""Why this process keeps no machine code, found or made; None when it does. One that does not compiles all that it runs, rather than look
elsewhere: only CACHE_FOLDER is named after everything that is compiled into a kernel."""


class _ByContent(_CacheLocator):
    """Where Numba keeps the machine code of our kernels. Its own locators go by the path and the time of a source file, so that a second
    clone would compile all again; here the folder's name is a digest of the sources. They also look at a kernel's own file alone: after
    an upgrade they would find code into which an older helper was compiled. So they are never asked about our files."""

    def __init__(self, source: Path, path: Path, line: int) -> None:
        self._path, self._line = path, line
        self._stamp = hashlib.sha256(source.read_bytes()).hexdigest()

    def get_cache_path(self) -> str:
        return str(self._path)

    def get_source_stamp(self) -> str:
        return self._stamp

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Any, file: str) -> "_ByContent | None":
        path = Path(file).resolve()
        for folder, root in (
            (_ROOT, _ROOT / "models"),
            (_ROOT, _ROOT / "rules"),
            (_ROOT, _ROOT / "actors"),
            (CACHE_FOLDER,) * 2,
        ):
            if path.is_relative_to(root):
                name = ".".join(path.relative_to(folder).with_suffix("").parts)
                return cls(path, CACHE_FOLDER / name, function.__code__.co_firstlineno)
        return None


def _leave_out(name: str, looking: str) -> None:
    """Before it compiles Numba looks whether there is SciPy, and imports all of its linear algebra to know, and CFFI, with a parser of
    C: half of what it loads. Kernels multiply no matrices and call no functions of C, so Numba is told that
    there is neither; whoever imports them later has them."""
    if name in sys.modules or looking in sys.modules:
        return
    hidden: dict[str, Any] = sys.modules
    hidden[name] = None
    try:
        importlib.import_module(looking)
    finally:
        del hidden[name]


for _name, _looking in _NOT_NEEDED.items():
    _leave_out(_name, _looking)

_LOCATORS: Any = CacheImpl._locator_classes
_LOCATORS.insert(0, _ByContent)


class _KeptLibrary(JITCodeLibrary):
    """Machine code that was kept. What it was compiled from is kept with it, for whoever compiles it into other code; Numba reads that at
    once, for the names of its functions, which takes three quarters of the time to load a kernel. Here it is read when it is wanted."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)  # type: ignore[no-untyped-call]
        self._code = self._source = b""

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> Any:
        name, kind, data = state
        if kind != "object":
            return super()._unserialize(codegen, state)  # type: ignore[no-untyped-call]
        self = codegen.create_library(name)
        self._code, self._source = data
        self.enable_object_caching()
        self._set_compiled_object(self._code)
        self._finalize_final_module()
        return self

    def _get_module_for_linking(self) -> Any:
        self._read_source()
        return super()._get_module_for_linking()  # type: ignore[no-untyped-call]

    def get_pointer_to_function(self, name: str) -> Any:
        if name.encode() in self._code:
            return self._codegen._engine.get_function_address(name)
        self._read_source()
        return super().get_pointer_to_function(name)  # type: ignore[no-untyped-call]

    def _read_source(self) -> None:
        if self._source:
            self._shared_module: Any = parse_bitcode(self._source)
            self._codegen._engine._load_defined_symbols(self._shared_module)  # type: ignore[no-untyped-call]
            self._code = self._source = b""


_CODEGEN: Any = JITCPUCodegen
_CODEGEN._library_class = _KeptLibrary

_OPTIONS: dict[str, Any] = {"cache": CANNOT_KEEP is None, "nogil": True, "_nrt": False}


class _KernelCache(FunctionCache):
    """Machine code of a kernel, loaded by itself. Numba's own cache first loads all that code may be compiled with, 0.1 s: code that counts
    references may need some of it. Kernels do not count them, and the compiler loads it anyway."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _where_it_can(_: FunctionCache) -> Iterator[None]:
    """Machine code that can no longer be read or written is compiled by this process: on a full disk, in a folder of another user, or where
    the machine lost its power."""
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):
        yield


_CACHE: Any = FunctionCache
_CACHE._guard_against_spurious_io_errors = _where_it_can


def _load_by_itself(function: Any) -> None:
    """Have a kernel use this cache, and not ask all installed packages for types that Numba does not know: it is given none."""
    if _NUMBA.DISABLE_JIT:
        return
    if CANNOT_KEEP is None:
        function._cache = _KernelCache(function.py_func)  # type: ignore[no-untyped-call]
    function._compilation_chain_init_hook = lambda: None


def read_only(array: NDArray[S]) -> NDArray[S]:
    """The same memory, not to be written. What was read from a message is so and what was made here is not, and a kernel is compiled for
    each of both: arguments that it only reads are passed as this, so that the first message finds it compiled."""
    view = array.view()
    view.flags.writeable = False
    return view


def kernel(function: Kernel) -> Kernel:
    """Compile `function` at its first call. The compiled code is kept between runs, where it can be."""
    compiled: Kernel = numba.njit(**_OPTIONS)(function)
    _load_by_itself(compiled)
    return compiled


def inlined(function: Kernel) -> Kernel:
    """Like `kernel`, for a small helper that is compiled into each of its callers."""
    compiled: Kernel = numba.njit(**_OPTIONS, forceinline=True)(function)
    return compiled


hand_over(numba.extending.register_jitable(**_OPTIONS, forceinline=True))


def compiled(source: str, names: Mapping[str, Any], signature: Any, *, keep: bool = False) -> Kernel:
    """Compile the one function that `source` defines, at once and for one signature, with `names` as its globals.

    With `keep` the machine code is kept between runs, in a file named after the source; else it lives as long as the process:
    sources that users write must not fill a disk.
    """
    options = {**_OPTIONS, "cache": False}
    file = "<generated>"
    if keep and CANNOT_KEEP is None:
        with contextlib.suppress(OSError):  # A folder that can no longer be written: this process compiles anew.
            file = _kept(source)
            options["cache"] = True
    space = {"__name__": __name__, **names}
    exec(compile(source, file, "exec"), space)
    function: Kernel = numba.njit(signature, **options)(space["fires"])
    return function


def _kept(source: str) -> str:
    """A file with this source, for Numba looks at a kernel's file when it looks for its machine code."""
    folder = CACHE_FOLDER
    file = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.source"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{uuid4().hex}")
        part.write_text(source)
        part.replace(file)
    return str(file)
