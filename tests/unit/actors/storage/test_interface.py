"""A folder on a disk and one in an object store have all that a folder has, and an owner says who it is."""

import inspect
import os
import re
import socket
from typing import Any

import msgspec
import pytest

from actors.storage import disk, lease, objects
from actors.storage.disk import DiskFolder
from actors.storage.interface import Folder, Lease, Owner, Staged, now, this_process
from actors.storage.objects import ObjectFolder


def members(protocol: Any) -> list[str]:
    return [name for name, member in vars(protocol).items() if inspect.isfunction(member) and not name.startswith("_")]


@pytest.mark.parametrize(
    ("protocol", "made"),
    [
        (Folder, DiskFolder),
        (Folder, ObjectFolder),
        (Staged, disk._StagedFile),
        (Staged, objects._StagedObject),
        (Lease, disk._Lock),
        (Lease, lease.ObjectLease),
    ],
)
def test_whatever_stands_for_one_has_its_calls_with_their_parameters(protocol: Any, made: Any) -> None:
    assert members(protocol)
    for name in members(protocol):
        wanted, given = (list(inspect.signature(getattr(each, name)).parameters) for each in (protocol, made))
        assert given == wanted, name


def test_an_owner_is_this_process_and_comes_back_from_its_file() -> None:
    owner = this_process()
    assert (owner.host, owner.pid) == (socket.gethostname(), os.getpid()) and owner.process
    assert msgspec.json.decode(msgspec.json.encode(owner), type=Owner) == owner
    assert this_process().process == owner.process, "it is the same one"


def test_the_time_is_in_whole_seconds_of_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now())
    monkeypatch.setattr("time.gmtime", lambda: (2026, 1, 2, 3, 4, 5, 0, 2, 0))
    assert now() == "2026-01-02T03:04:05Z"
