"""The lease of a folder in an object store: whoever created the object with the highest number.

Each is created once, and written anew by its holder every few seconds. Only creating an object that must not be there needs a condition,
which more stores know than any other. Clocks of two machines are never compared: who finds a lease watches it for as long as it is good
for. It was renewed meanwhile, then it is held; it was not, then its holder is gone. A holder that was only asleep finds a higher number
at its next renewal, and ends.
"""

import secrets
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec

from actors.process.identity import has_ended
from actors.storage.interface import LeaseLost, Owner, StorageRefused, Taken, this_process

LEASE_S: Final = 20.0
"""Longer than a renewal takes while a store is slow: three may fail."""
RENEW_S: Final = 5.0
LOOK_S: Final = 0.5
"""Between two looks at another's lease."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the object. `token`: of this holding; `beat`: how often it was renewed."""

    owner: Owner
    token: str
    beat: int


class Newest(NamedTuple):
    """The object with the highest number."""

    number: int
    data: bytes


class LeaseStore(Protocol):
    """The numbered objects of one lease. Each raises StorageRefused while the store is away."""

    def newest(self) -> Newest | None:
        """None where there are none."""

    def create(self, number: int, data: bytes) -> bool:
        """False where it is there with another content."""

    def renew(self, number: int, data: bytes) -> None:
        """Write it, whatever is there."""

    def remove(self, up_to: int) -> None:
        """Drop all with numbers up to this one."""


class ObjectLease:
    """A lease that is held."""

    def __init__(self, store: LeaseStore, number: int, written: Written) -> None:
        self._store, self._number, self._written = store, number, written
        self._due = time.monotonic() + RENEW_S

    def keep(self) -> None:
        """Renew it when due; while the store is away, nobody else can take it either."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + RENEW_S
        try:
            self._check()
            self._written = msgspec.structs.replace(self._written, beat=self._written.beat + 1)
            self._store.renew(self._number, msgspec.json.encode(self._written))
        except StorageRefused:
            return

    def give_back(self) -> None:
        """Remove it, if it is still this process's; where that cannot be done it ends in its time."""
        try:
            self._check()
            self._store.remove(self._number)
        except (LeaseLost, StorageRefused):
            return

    def _check(self) -> None:
        """Another may have taken it, ended and removed all: then nothing is there, or an object of this number that is a third one's."""
        newest = self._store.newest()
        if newest is None or newest.number != self._number or read(newest.data).token != self._written.token:
            raise LeaseLost


def take(store: LeaseStore, ended: Callable[[str], bool] = has_ended) -> ObjectLease:
    """The lease, once nobody holds it. Raises Taken."""
    written = Written(owner=this_process(), token=secrets.token_hex(8), beat=0)
    while True:
        newest = store.newest()
        if newest is not None and not _is_free(store, newest, ended):
            continue
        number = 1 if newest is None else newest.number + 1
        if store.create(number, msgspec.json.encode(written)):
            store.remove(number - 1)
            return ObjectLease(store, number, written)


def _is_free(store: LeaseStore, newest: Newest, ended: Callable[[str], bool]) -> bool:
    """Watch a lease for its time, unless its holder is known to have ended. False where others were quicker. Raises Taken when it is
    renewed."""
    owner = read(newest.data).owner
    deadline = time.monotonic() + LEASE_S
    while not ended(owner.process) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        now = store.newest()
        if now is None or now.number != newest.number:
            return False
        if now.data != newest.data:
            raise Taken(owner)
    return True


def read(data: bytes) -> Written:
    """Raises StorageRefused for something else under this name."""
    try:
        return msgspec.json.decode(data, type=Written)
    except msgspec.DecodeError as error:
        raise StorageRefused(f"the lease is not one of this version: {error}") from None
