"""What the system answers is said in words that help; what is none of the system's stays what it is."""

import errno
import os
from pathlib import Path

import pyarrow as pa
import pytest

from actors.rescore.job import RescoreRefused
from actors.rescore.refusals import explained, in_words, is_of_bytes, number_of
from actors.storage.disk import DiskFolder

FOLDER = DiskFolder(Path("/data/scores"))


def of(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/data/scores/x")


@pytest.mark.parametrize(
    ("error", "stated"),
    [
        (of(errno.ENOSPC), r"/data/scores: no room left .*No space.*; make room and run the same command again"),
        (of(errno.EDQUOT), "no room left"),
        (OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), "no room left"),
        (of(errno.EACCES), "/data/scores: not allowed .*/data/scores/x.*; give this user the right to it"),
        (of(errno.EPERM), "not allowed"),
        (of(errno.EROFS), "read only .*; scores go to one that can be written"),
        (of(errno.EMFILE), "no more memory or files .*; have fewer --workers"),
        (OSError("[errno 12] Cannot allocate memory"), "no more memory or files"),
        (of(errno.EIO), "Input/output error: '/data/scores/x'; once that is mended run the same command again"),
        (OSError("no number"), "/data/scores: no number; once that is mended"),
    ],
)
def test_an_error_of_the_system_says_what_to_do(error: OSError, stated: str) -> None:
    with pytest.raises(RescoreRefused, match=stated), in_words(FOLDER):
        raise error


def test_lack_of_memory_is_told_and_a_file_of_the_folder_is_named() -> None:
    found = explained(MemoryError("malloc failed"), FOLDER, "a/b.parquet")
    assert str(found).startswith("/data/scores/a/b.parquet: the machine gives no more memory or files (malloc failed)")


@pytest.mark.parametrize(
    ("error", "of_bytes"),
    [
        (OSError("Unexpected end of stream"), True),
        (pa.ArrowInvalid("Invalid bytes"), True),
        (ValueError("it has 3 bytes"), True),
        (of(errno.EIO), False),
        (OSError("Detail: [errno 24] Too many open files"), False),
        (pa.ArrowMemoryError("malloc of size 64 failed"), False),
        (MemoryError(), False),
        (KeyError("x"), False),
    ],
)
def test_only_what_is_about_the_bytes_of_a_file_is_its_damage(error: Exception, of_bytes: bool) -> None:
    assert is_of_bytes(error) is of_bytes


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("x"), RescoreRefused("x"), KeyboardInterrupt()])
def test_other_errors_are_their_own(error: BaseException) -> None:
    assert explained(error, FOLDER) is error
    with pytest.raises(type(error)) as found, in_words(FOLDER):
        raise error
    assert found.value is error


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (of(errno.EIO), errno.EIO),
        (OSError("IOError: [errno 24] Too many"), 24),
        (ValueError("errno 5x"), 0),
        (OSError("x"), 0),
    ],
)
def test_the_number_of_an_error_is_the_systems_or_that_of_its_text(error: Exception, number: int) -> None:
    assert number_of(error) == number
