"""What the system answered, in words that say what would help."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pyarrow as pa

from actors.rescore.job import RescoreRefused
from actors.storage.interface import Folder

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


def explained(error: BaseException, folder: Folder) -> BaseException:
    """An error of the system as a refusal; others as they are, also where nobody reads what is printed any more. `folder`: what was read or
    written."""
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
        return error
    number, text = number_of(error), " ".join(str(error).split())[:300]
    if number in FULL:
        return RescoreRefused(f"{folder.staging}: no room left ({text}); make room and {AGAIN}")
    if number in DENIED:
        return RescoreRefused(f"{folder}: not allowed ({text}); give this user the right to it, and {AGAIN}")
    if number == errno.EROFS:
        return RescoreRefused(
            f"{folder}: on a file system that is read only ({text}); scores go to one that can be written"
        )
    if number in TOO_MANY:
        return RescoreRefused(
            f"{folder}: the machine gives no more memory or files ({text}); have fewer --workers, or {AGAIN} later"
        )
    return RescoreRefused(f"{folder}: {text}; once that is mended {AGAIN}")


@contextmanager
def in_words(folder: Folder) -> Iterator[None]:
    """Errors of the system as refusals. Raises RescoreRefused."""
    try:
        yield
    except OSError as error:
        raise explained(error, folder) from None
