"""The output's folder: what readers see is in the manifest, all else is work that can be dropped.

    manifest.json      written last: the list of parts and what the job was bound to
    inputs.json        when each input was changed last, which is not the same wherever the inputs lie
    card.json          the card, canonical
    report.json, report.html
    parts/             000000.parquet ...: by unit, whole or absent
    bad/               rows that could not be scored, by unit
    _work/             plan, done-list, staged files, lease, status; gone when the job is

A part is staged where nobody reads it and put in its place whole, then its unit's entry in the done-list is written. Whoever dies between
leaves a file that the next run makes again, with the same bytes. The same holds on a disk and in an object store.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from actors.rescore.job import Done, Part, Plan, RescoreRefused
from actors.storage.interface import Folder, Found, Lease, LeaseLost, Owner, Staged, Taken

MANIFEST: Final = "manifest.json"
PUBLISHED: Final = "published.json"
"""How far the scores were sent to switches, a note of each run."""
INPUTS: Final = "inputs.json"
CARD: Final = "card.json"
PARTS, BAD, WORK = "parts", "bad", "_work"
STAGING, DONE = f"{WORK}/staging", f"{WORK}/done"
PLAN, STATUS, LEASE = f"{WORK}/plan.json", f"{WORK}/status.json", f"{WORK}/lease"
KNOWN: Final = frozenset({MANIFEST, PUBLISHED, INPUTS, CARD, "report.json", "report.html", PARTS, BAD, WORK})


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
    """The files of a folder, by what they are."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._lease: Lease | None = None

    def open(self) -> None:
        """Take the lease. Raises RescoreRefused for a folder with other files, and where another driver works."""
        self._check_empty(KNOWN)
        self.lock()

    def _check_empty(self, but_for: frozenset[str]) -> None:
        others = sorted(set(self.folder.top()) - but_for)
        if others:
            raise RescoreRefused(f"{self.folder} is not empty ({others[0]}): scores go into a folder of their own")

    def lock(self) -> None:
        """Take the lease of a folder that may have other files. Raises RescoreRefused where another works on it."""
        try:
            self._lease = self.folder.lease(LEASE)
        except Taken as who:
            raise RescoreRefused(f"{self.folder} is being written by {who}: one at a time") from None

    def keep(self) -> None:
        """Renew the lease; called often. Raises RescoreRefused where another driver has taken it."""
        try:
            if self._lease is not None:
                self._lease.keep()
        except LeaseLost:
            raise RescoreRefused(f"{self.folder} was taken over by another driver while this one was stopped") from None

    def close(self) -> None:
        """Give the lease back."""
        if self._lease is not None:
            self._lease.give_back()
            self._lease = None

    def read(self, name: str) -> bytes | None:
        """A small file, if it is there."""
        try:
            return self.folder.read(name)
        except FileNotFoundError:
            return None

    def part(self, part: Part) -> Any:
        """What Arrow reads a part from. Raises RescoreRefused for one that is gone or is not as long as it was."""
        try:
            found = self.folder.stat(part.file)
            if found.bytes == part.bytes:
                return self.folder.opened(found)
        except FileNotFoundError:
            raise self._not_whole(part, None) from None
        raise self._not_whole(part, found.bytes)

    def check_whole(self, parts: Iterable[Part]) -> None:
        """Raises RescoreRefused for the first that is gone or is not as long as it was."""
        sizes = dict(_results(self.folder.files()))
        for part in parts:
            if sizes.get(part.file) != part.bytes:
                raise self._not_whole(part, sizes.get(part.file))

    def _not_whole(self, part: Part, size: int | None) -> RescoreRefused:
        how = "is gone" if size is None else f"has {size:,} bytes, and {part.bytes:,} by the manifest"
        return RescoreRefused(f"{self.folder}/{part.file} {how}: this result is not whole; score into a new folder")

    def plan(self) -> Plan | None:
        """The plan that was begun here, if one was."""
        data = self.read(PLAN)
        try:
            return None if data is None else msgspec.json.decode(data, type=Plan)
        except msgspec.DecodeError as error:
            where = f"{self.folder}/{PLAN}"
            raise RescoreRefused(f"{where} is not a plan of this version: {error}; use a new folder") from None

    def tags(self) -> dict[str, str] | None:
        """What is published of the time of change, or the ETag, of each input by its path; None where nothing is."""
        data = self.read(INPUTS)
        try:
            return None if data is None else msgspec.json.decode(data, type=dict[str, str])
        except msgspec.DecodeError:
            return None

    def begin(self, plan: Plan) -> None:
        """Write the plan down, after dropping the work of another job. Raises RescoreRefused where there are results already, or files of
        others under their names: neither plan nor manifest was there, or another driver came in between."""
        self._check_empty(frozenset({WORK}))
        self.keep()
        for below in (DONE, STAGING):
            self.folder.drop(below)
        if not self.folder.create(PLAN, msgspec.json.encode(plan)):
            raise RescoreRefused(f"{self.folder}: another driver has begun here meanwhile")

    def done(self) -> dict[int, Done]:
        """What each finished unit gave, by its number. Somebody may have removed a file of it: then it is not done."""
        files = self.folder.files()
        names = [each.name for each in files if each.name.startswith(f"{DONE}/") and each.name.endswith(".json")]
        there = _results(files)
        with ThreadPoolExecutor(self.folder.readers) as pool:
            found = [msgspec.json.decode(data, type=Done) for data in pool.map(self.folder.read, names)]
        return {each.unit: each for each in found if _sizes(each) <= there}

    def stage(self, name: str) -> Staged:
        """Begin a file that no reader sees."""
        return self.folder.stage(f"{STAGING}/{name}")

    def mark_done(self, done: Done) -> None:
        """Enter a unit into the done-list: its files are there."""
        self.folder.write(f"{DONE}/{done.unit:06}.json", msgspec.json.encode(done))

    def drop_staged(self) -> None:
        """Drop what killed workers had staged."""
        self.folder.drop(STAGING)

    def finish(self, done: Iterable[Done], files: dict[str, bytes], manifest: bytes) -> None:
        """Drop files that no unit names, write what goes beside the parts, then the manifest, then drop the work.
        Raises RescoreRefused for a part that is not there. Only who has done all units drops files of them: another driver, if this one was
        taken for dead, has made the same."""
        listed, found = {part for each in done for part in _sizes(each)}, _results(self.folder.files())
        if missing := sorted(listed - found):
            raise RescoreRefused(f"{self.folder}/{missing[0][0]} is gone; run the same command again")
        self.folder.remove(sorted({name for name, _ in found} - {name for name, _ in listed}))
        for name, data in files.items():
            self.folder.write(name, data)
        if not self.folder.create(MANIFEST, manifest):
            raise RescoreRefused(f"{self.folder}: another driver has published another result meanwhile")
        self.drop_work()

    def drop_work(self) -> None:
        """Remove the work, the lease too: whoever takes it now finds the manifest."""
        self.folder.drop(WORK)

    def write_status(self, status: Status) -> None:
        """Write how far the job is, for others to read; a crash may lose it."""
        self.folder.note(STATUS, msgspec.json.encode(status))

    def read_status(self) -> Status | None:
        """The last that was written, if there is work and no crash has lost it."""
        data = self.read(STATUS)
        try:
            return None if data is None else msgspec.json.decode(data, type=Status)
        except msgspec.DecodeError:
            return None

    def owner(self) -> Owner | None:
        """Who works on it now, if anybody does."""
        return self.folder.holder(LEASE)


def _sizes(done: Done) -> set[tuple[str, int]]:
    """The files of a unit, and how long they are."""
    return {(part.file, part.bytes) for part in (*done.parts, *done.bad_rows)}


def _results(files: list[Found]) -> set[tuple[str, int]]:
    """Of all files those that a reader may see as results, and how long they are."""
    return {(each.name, each.bytes) for each in files if each.name.startswith((f"{PARTS}/", f"{BAD}/"))}
