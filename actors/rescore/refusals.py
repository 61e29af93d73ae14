"""What the system answered, in words that say what would help."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pyarrow as pa

from actors.rescore.job import RescoreRefused
from actors.storage.interface import Changed, Folder

AGAIN: Final = "run the same command again"
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
TOO_MANY: Final = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN})
_NUMBER: Final = re.compile(r"errno (\d+)\b")
"""Arrow puts the number of an error into its text."""


def number_of(error: BaseException) -> int:
    """The system's number of an error, 0 where it is none of the system's."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    return int(found[1]) if found else 0


def is_of_bytes(error: BaseException) -> bool:
    """Whether an error of reading a file is about what is in it, and not about what the system gives."""
    return isinstance(error, OSError | ValueError | pa.ArrowException) and not (
        isinstance(error, MemoryError) or number_of(error)
    )


def words_of(error: BaseException) -> str:
    """What it says, in one line."""
    return " ".join(str(error).split())[:300]


def explained(error: BaseException, folder: Folder, name: str = "") -> BaseException:
    """An error of the system as a refusal; others as they are, also where nobody reads what is printed any more. `folder`, and perhaps
    `name`, a file of it: what was read or written."""
    if isinstance(error, Changed):
        return RescoreRefused(f"{folder}/{error} has changed while it was read; {AGAIN}")
    if not isinstance(error, OSError | MemoryError) or isinstance(error, BrokenPipeError):
        return error
    number, text, place = number_of(error), words_of(error), f"{folder}/{name}" if name else str(folder)
    if number in FULL:
        return RescoreRefused(f"{folder.staging}: no room left ({text}); make room and {AGAIN}")
    if number in DENIED:
        return RescoreRefused(f"{place}: not allowed ({text}); give this user the right to it, and {AGAIN}")
    if number == errno.EROFS:
        return RescoreRefused(
            f"{place}: on a file system that is read only ({text}); scores go to one that can be written"
        )
    if number in TOO_MANY or isinstance(error, MemoryError):
        return RescoreRefused(
            f"{place}: the machine gives no more memory or files ({text}); have fewer --workers, or {AGAIN} later; or the file is damaged"
        )
    return RescoreRefused(f"{place}: {text}; once that is mended {AGAIN}")


@contextmanager
def in_words(folder: Folder) -> Iterator[None]:
    """Errors of the system as refusals. Raises RescoreRefused."""
    try:
        yield
    except (Changed, OSError, MemoryError) as error:
        raise explained(error, folder) from None
