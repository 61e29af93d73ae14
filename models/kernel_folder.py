"""Where machine code of this version lies. Who only asks for that loads no compiler."""

import hashlib
import platform
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parent.parent
_KERNEL_FOLDERS: Final = ("models", "rules", "actors/records", "actors/ledger", "actors/credit_features")


def kernel_folder(numba: str, llvmlite: str, cache: str) -> Path:
    """The user's folder for machine code of this version: named after the text of all kernels, the constants compiled into them, and
    what compiles them. Numba itself looks only at the file a kernel stands in, and would go on using one into which an older helper
    or number of another file was compiled. `numba`, `llvmlite`: their versions; `cache`: what NUMBA_CACHE_DIR says, if anything."""
    text = hashlib.sha256(f"{platform.python_version()} {numba} {llvmlite}".encode())
    for folder in _KERNEL_FOLDERS:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            text.update(path.read_bytes())
    return Path(cache or _of_the_user()).resolve() / f"kernels-{text.hexdigest()[:16]}"


def _of_the_user() -> Path:
    try:
        return Path("~/.cache/shardpay").expanduser()
    except RuntimeError:  # The user has no home, as a bare number in a container: then machine code is not kept.
        return Path("/nonexistent/.cache/shardpay")
