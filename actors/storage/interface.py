"""What a folder of files does, wherever it is: files are whole or absent.

One process at a time holds its lease. Names are below the folder, with slashes. A file that was looked at has a tag, which another
content would not have, so that who reads it later notices a change.
"""

import os
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from actors.process.identity import own_identity
from actors.storage.hashed_file import HashedFile


class Found(NamedTuple):
    """A file as it is now. `tag`: changes with its content."""

    name: str
    bytes: int
    tag: str


class Range(NamedTuple):
    """Bytes [start, end) of a file."""

    start: int
    end: int


class Placed(NamedTuple):
    """A file that was put in its place. `sha256`: of its bytes, in hexadecimal."""

    bytes: int
    sha256: str


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lease. `process`: tells its machine whether it is still there."""

    host: str
    pid: int
    since: str
    process: str


class StorageRefused(Exception):
    """The store cannot or may not do it, and what would help."""


class Changed(Exception):
    """A file is another than the one that was looked at; its argument is the name."""


class Taken(Exception):
    """Another process holds the lease; its argument is who, or None where that is not known. As a text: who, in words."""

    def __str__(self) -> str:
        owner: Owner | None = self.args[0]
        return "another process" if owner is None else f"process {owner.pid} on {owner.host} since {owner.since}"


class LeaseLost(Exception):
    """Another process has taken the lease over meanwhile."""


class Staged(Protocol):
    """A file that is being written where no reader sees it."""

    sink: HashedFile
    """What is written to."""

    def begin_sync(self) -> None:
        """More was written, and more will be: whatever makes `place` shorter may begin."""

    def place(self, name: str) -> Placed:
        """Put the finished file in its place."""

    def drop(self) -> None:
        """Leave nothing of it."""


class Lease(Protocol):
    """The right to write into a folder."""

    def keep(self) -> None:
        """Renew it, if it is time to; called at least every second or so. Raises LeaseLost."""

    def give_back(self) -> None:
        """End it."""


class Folder(Protocol):
    """Files below one place. Raises StorageRefused where the store is away for longer than the patience that it was made with."""

    buffer_bytes: int
    """What is read at a time of a column."""
    ahead_bytes: int
    """What `expect` holds at most."""
    readers: int
    """Small reads at a time: they wait for each other's answers."""
    copied: bool
    """Whether a copy of this process can use it too: not where threads of its own talk to a store."""
    staging: str
    """Where files are staged, as a person would look for it."""

    def check(self) -> None:
        """Whether the store answers at all. Raises StorageRefused soon, and not after all patience."""

    def holds(self, other: "Folder") -> bool:
        """Whether `other` is this folder or lies in it."""

    def top(self) -> list[str]:
        """Names of whole files and of folders directly in it; none where it is not there."""

    def files(self, below: str = "") -> list[Found]:
        """All files below a folder of it, in the order of their names."""

    def unread_links(self) -> list[str]:
        """Links below the folder whose files are not among `files`: to other folders, which end in a slash, and to what is not there."""

    def stat(self, name: str) -> Found:
        """Raises FileNotFoundError."""

    def opened(self, found: Found) -> Any:
        """What Arrow reads a file from. Raises Changed, now or while it is read, and FileNotFoundError."""

    def check_unchanged(self, opened: Any, found: Found) -> None:
        """After an opened file was read. Raises Changed where something else may have been read than what was looked at."""

    def expect(self, opened: Any, ranges: Sequence[Range]) -> None:
        """Of an opened file: what will be read, in this order, so that it can be fetched meanwhile."""

    def tail(self, found: Found, size: int) -> bytes:
        """The last bytes of a file."""

    def read(self, name: str) -> bytes:
        """A whole small file. Raises FileNotFoundError."""

    def write(self, name: str, data: bytes) -> None:
        """Write or replace a whole small file, durably."""

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that must not be there. False, with nothing written, where another content is."""

    def note(self, name: str, data: bytes) -> None:
        """Replace a file that a crash may lose. Gives up soon, with OSError or StorageRefused."""

    def stage(self, name: str) -> Staged:
        """Begin a file. `name`: where it is until it is placed, if that is in this folder."""

    def remove(self, names: Iterable[str]) -> None:
        """Drop files, those that are gone already too."""

    def drop(self, below: str) -> None:
        """Drop a folder of it with all files."""

    def lease(self, name: str) -> Lease:
        """Take the lease that this file stands for. Raises Taken."""

    def holder(self, name: str) -> Owner | None:
        """Who holds it, if anybody does."""


def this_process() -> Owner:
    """The process that asks, as an owner."""
    return Owner(host=socket.gethostname(), pid=os.getpid(), since=now(), process=own_identity())


def now() -> str:
    """The time in RFC 3339, in whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
