"""A folder of a file system: files are staged beside, synced and renamed.

The lease is a lock, which ends with its holder.
"""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from actors.process.atomic_file import begin_to_sync, is_half_written, publish, sync, write_whole
from actors.storage.hashed_file import HashedFile
from actors.storage.interface import Changed, Folder, Found, Owner, Placed, Range, Taken, this_process

BUFFER_BYTES: Final = 256 << 10
"""Of each column that is read: it stays in a core's caches until it is decoded."""
READERS: Final = 16
"""Of footers and entries of the done-list: the disk may be on the network."""
LOCK_TRIES, LOCK_PAUSE_S = 5, 0.05


class DiskFolder:
    """A folder of this machine, or one that is mounted."""

    buffer_bytes = BUFFER_BYTES
    ahead_bytes = 0
    readers = READERS
    copied = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.staging = str(path)

    def __str__(self) -> str:
        return str(self.path)

    def check(self) -> None:
        """A file system answers, or the system waits for it."""

    def holds(self, other: Folder) -> bool:
        """By what the paths lead to."""
        if not isinstance(other, DiskFolder):
            return False
        theirs = other.path.resolve()
        return self.path.resolve() in (theirs, *theirs.parents)

    def top(self) -> list[str]:
        """Of the folder, if it is there; a file that was never finished is not."""
        if not self.path.is_dir():
            return []
        return sorted(path.name for path in self.path.iterdir() if not is_half_written(path.name))

    def files(self, below: str = "") -> list[Found]:
        """Regular files; those that go meanwhile are left out. Raises PermissionError for a folder that may not be looked into."""
        found = []
        for folder, _, names in os.walk(self.path / below, onerror=_unless_gone):
            for name in names:
                with suppress(FileNotFoundError):
                    found.append(self._found(Path(folder, name)))
        return sorted(found)

    def unread_links(self) -> list[str]:
        """By looking at each link."""
        found = []
        for folder, folders, names in os.walk(self.path, onerror=_unless_gone):
            for path in (Path(folder, name) for name in (*folders, *names)):
                if path.is_symlink() and not path.is_file():
                    found.append(path.relative_to(self.path).as_posix() + "/" * path.is_dir())
        return sorted(found)

    def stat(self, name: str) -> Found:
        """Size, and the time of change as the tag."""
        return self._found(self.path / name)

    def opened(self, found: Found) -> pa.OSFile:
        """Opened once: another file that is renamed over it is not read."""
        if self.stat(found.name) != found:
            raise Changed(found.name)
        opened = pa.OSFile(str(self.path / found.name))
        self.check_unchanged(opened, found)
        return opened

    def check_unchanged(self, opened: pa.OSFile, found: Found) -> None:
        """By its size and time of change: it was not written to meanwhile."""
        status = os.fstat(opened.fileno())
        if (status.st_size, str(status.st_mtime_ns)) != (found.bytes, found.tag):
            raise Changed(found.name)

    def expect(self, opened: pa.OSFile, ranges: Sequence[Range]) -> None:
        """The system begins to read them, in its own time and memory."""
        for each in joined(ranges):
            os.posix_fadvise(opened.fileno(), each.start, each.end - each.start, os.POSIX_FADV_WILLNEED)

    def tail(self, found: Found, size: int) -> bytes:
        """By seeking."""
        with open(self.path / found.name, "rb") as file:
            file.seek(max(found.bytes - size, 0))
            return file.read(size)

    def read(self, name: str) -> bytes:
        """At once."""
        return (self.path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Under another name, synced, renamed."""
        _make(self.path / name)
        write_whole(self.path / name, data)

    def create(self, name: str, data: bytes) -> bool:
        """The lease sees to it that nobody comes between."""
        try:
            return self.read(name) == data
        except FileNotFoundError:
            self.write(name, data)
            return True

    def note(self, name: str, data: bytes) -> None:
        """Renamed, not synced."""
        staged = self.path / f"{name}.tmp"
        _make(staged)
        staged.write_bytes(data)
        staged.replace(self.path / name)

    def stage(self, name: str) -> "_StagedFile":
        """In this folder, so that it can be renamed."""
        _make(self.path / name)
        return _StagedFile(self.path, self.path / name)

    def remove(self, names: Iterable[str]) -> None:
        """One by one."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def drop(self, below: str) -> None:
        """With everything in it."""
        shutil.rmtree(self.path / below, ignore_errors=True)
        if self.path.is_dir():
            sync(self.path)

    def lease(self, name: str) -> "_Lock":
        """The file, locked by this process: the system frees it with whoever dies."""
        while True:
            _make(self.path / name)
            descriptor = _locked(self.path / name)
            if descriptor is not None:
                return _Lock(descriptor)

    def holder(self, name: str) -> Owner | None:
        """Whoever keeps others from locking it."""
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            return _owner(descriptor)
        finally:
            os.close(descriptor)

    def _found(self, path: Path) -> Found:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(f"{path} is no file")
        return Found(path.relative_to(self.path).as_posix(), status.st_size, str(status.st_mtime_ns))


class _StagedFile:
    """A file under a name of its own."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path
        self.sink = HashedFile(open(path, "wb"))

    def begin_sync(self) -> None:
        """The disk begins with it."""
        self.sink.flush()
        begin_to_sync(self._path)

    def place(self, name: str) -> Placed:
        """Synced and renamed."""
        self.sink.close()
        _make(self._folder / name)
        publish(self._path, self._folder / name)
        return Placed(self.sink.bytes, self.sink.sha256())

    def drop(self) -> None:
        """The name too."""
        with suppress(OSError):  # what is not on the disk yet may find no room
            self.sink.close()
        self._path.unlink(missing_ok=True)


class _Lock:
    """A locked file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def keep(self) -> None:
        """A lock needs nothing."""

    def give_back(self) -> None:
        """Closing frees it."""
        os.close(self._descriptor)


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Ranges that follow or overlap each other as one."""
    found: list[Range] = []
    for each in sorted(ranges):
        if found and each.start <= found[-1].end:
            found[-1] = Range(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    return found


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _make(path: Path) -> None:
    """The folder that a file goes into, durably."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        sync(path.parent.parent)


def _locked(path: Path) -> int | None:
    """A descriptor with the lock. None if the file was removed meanwhile. Raises Taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _locks(descriptor):
            raise Taken(_owner(descriptor))
        if _is_at(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, msgspec.json.encode(this_process()), 0)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _locks(descriptor: int) -> bool:
    """Whether the lease could be locked. Tries several times: whoever asks who works here holds it for an instant."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
    return False


def _owner(descriptor: int) -> Owner | None:
    """None while it is being written."""
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Owner)
    except msgspec.DecodeError:
        return None
