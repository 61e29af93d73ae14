"""The output's folder: what readers see is in the manifest, all else is work that can be dropped.

    manifest.json      written last: the list of parts and what the job was bound to
    card.json          the card, canonical
    report.json, report.html
    parts/             000000.parquet ...: by unit, whole or absent
    bad/               rows that could not be scored, by unit
    _work/             plan, done-list, staged files, lease, status; gone when the job is

A part is staged under a name of its own, synced and renamed, then its unit's entry in the done-list is written in the same way. Whoever
dies between leaves a file that the next run makes again, with the same bytes.
"""

import fcntl
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Final

import msgspec

from actors.process.atomic_file import publish, sync, write_whole
from actors.rescore.job import Done, Plan, RescoreRefused

MANIFEST: Final = "manifest.json"
PUBLISHED: Final = "published.json"
"""How far the scores were sent to a switch."""
LOCK_TRIES, LOCK_PAUSE_S = 5, 0.05
KNOWN: Final = frozenset({MANIFEST, PUBLISHED, "card.json", "report.json", "report.html", "parts", "bad", "_work"})


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the lease."""

    host: str
    pid: int
    since: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is. `eta_s`: None until a rate is known. `rows_per_s` counts what this run did."""

    at: str
    state: str
    rows_done: int
    rows_total: int
    bytes_done: int
    bytes_total: int
    scored: int
    bad: int
    not_available: int
    units_done: int
    units_total: int
    workers: int
    rows_per_s: float
    bytes_per_s: float
    eta_s: float | None
    worker_peak_bytes: int


class Output:
    """Paths of a folder, and the small files in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts, self.bad, self.work = folder / "parts", folder / "bad", folder / "_work"
        self.manifest = folder / MANIFEST
        self.staging, self._done = self.work / "staging", self.work / "done"
        self._plan, self._status, self._lease_path = (
            self.work / name for name in ("plan.json", "status.json", "lease")
        )
        self._lease: int | None = None

    def open(self) -> None:
        """Make the folder and take the lease. Raises RescoreRefused for a folder with other files, and where another driver works."""
        self.folder.mkdir(parents=True, exist_ok=True)
        others = sorted(path.name for path in self.folder.iterdir() if path.name not in KNOWN)
        if others:
            raise RescoreRefused(f"{self.folder} is not empty ({others[0]}): scores go into a folder of their own")
        while self._lease is None:
            self.work.mkdir(exist_ok=True)
            self._lease = self._locked()

    def _locked(self) -> int | None:
        """The lease's file, locked by this process: the system frees it with whoever dies. None if it was removed meanwhile."""
        lease = os.open(self._lease_path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _locks(lease):
            written = os.pread(lease, 4096, 0)
            os.close(lease)
            raise RescoreRefused(f"{self.folder} is being written by {_named(written)}: one driver at a time") from None
        try:
            same = os.path.samestat(os.fstat(lease), os.stat(self._lease_path))
        except FileNotFoundError:
            same = False
        if not same:
            os.close(lease)
            return None
        owner = Owner(host=socket.gethostname(), pid=os.getpid(), since=now())
        os.ftruncate(lease, 0)
        os.pwrite(lease, msgspec.json.encode(owner), 0)
        return lease

    def close(self) -> None:
        """Give the lease back."""
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None

    def plan(self) -> Plan | None:
        """The plan that was begun here, if one was."""
        try:
            return msgspec.json.decode(self._plan.read_bytes(), type=Plan)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise RescoreRefused(f"{self._plan} is not a plan of this version: {error}; use a new folder") from None

    def begin(self, plan: Plan) -> None:
        """Write the plan down, and drop what is not of it."""
        for folder in (self.parts, self.bad, self._done, self.staging):
            shutil.rmtree(folder, ignore_errors=True)
        self.prepare()
        write_whole(self._plan, msgspec.json.encode(plan))

    def prepare(self) -> None:
        """Folders to work in; what killed workers had staged is dropped."""
        shutil.rmtree(self.staging, ignore_errors=True)
        for folder in (self.parts, self.bad, self._done, self.staging):
            folder.mkdir(parents=True, exist_ok=True)

    def done(self) -> dict[int, Done]:
        """What each finished unit gave, by its number."""
        found = [msgspec.json.decode(path.read_bytes(), type=Done) for path in self._done.glob("[0-9]*.json")]
        return {each.unit: each for each in found if self._there(each)}

    def _there(self, done: Done) -> bool:
        """Whether a unit's files are still there: somebody may have removed one."""
        for part in (*done.parts, *done.bad_rows):
            path = self.folder / part.file
            if not path.is_file() or path.stat().st_size != part.bytes:
                return False
        return True

    def mark_done(self, done: Done) -> None:
        """Enter a unit into the done-list: its files are there."""
        write_whole(self._done / f"{done.unit:06}.json", msgspec.json.encode(done))

    def place(self, staged: Path, folder: Path, name: str) -> str:
        """Move a staged file to its place. Gives its path below the output."""
        publish(staged, folder / name)
        return f"{folder.name}/{name}"

    def remove_unlisted(self, listed: set[str]) -> None:
        """Drop files that no unit's entry names."""
        for folder in (self.parts, self.bad):
            for path in folder.iterdir() if folder.is_dir() else ():
                if f"{folder.name}/{path.name}" not in listed:
                    path.unlink()

    def finish(self, files: dict[str, bytes], manifest: bytes) -> None:
        """Write what goes beside the parts, then the manifest, then drop the work."""
        if not any(self.bad.iterdir()):
            self.bad.rmdir()
        for name, data in files.items():
            write_whole(self.folder / name, data)
        write_whole(self.manifest, manifest)
        self.drop_work()

    def drop_work(self) -> None:
        """Remove the work; the lease last, so that nobody begins meanwhile."""
        for path in (self.staging, self._done):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self._plan, self._status, self._lease_path):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.work, ignore_errors=True)
        sync(self.folder)

    def write_status(self, status: Status) -> None:
        """Write how far the job is, for others to read; a crash may lose it."""
        staged = self._status.with_suffix(".tmp")
        staged.write_bytes(msgspec.json.encode(status))
        staged.replace(self._status)

    def read_status(self) -> Status | None:
        """The last that was written, if there is work."""
        try:
            return msgspec.json.decode(self._status.read_bytes(), type=Status)
        except FileNotFoundError:
            return None

    def owner(self) -> Owner | None:
        """Who works on it now, if anybody does."""
        try:
            lease = os.open(self._lease_path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lease, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except OSError:
            return msgspec.json.decode(os.pread(lease, 4096, 0), type=Owner)
        finally:
            os.close(lease)


def _locks(lease: int) -> bool:
    """Whether the lease could be locked. Tries several times: whoever asks who works here holds it for an instant."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(LOCK_PAUSE_S)
    return False


def _named(written: bytes) -> str:
    try:
        owner = msgspec.json.decode(written, type=Owner)
    except msgspec.DecodeError:
        return "another process"
    return f"process {owner.pid} on {owner.host} since {owner.since}"


def now() -> str:
    """The time in RFC 3339, in whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
