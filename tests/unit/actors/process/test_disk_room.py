"""Room on a disk is asked for now and then, of a path or a URL, and is unknown where there is no disk."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from actors.process.disk_room import ASKED_EVERY_S, DiskRoom

Usage = namedtuple("Usage", "total used free")


def test_a_disk_is_asked_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, free = 0.0, 7
    asked: list[Path] = []

    def usage(folder: Path) -> Usage:
        asked.append(folder)
        if free < 0:
            raise OSError("gone")
        return Usage(9, 0, free)

    monkeypatch.setattr("actors.process.disk_room.shutil.disk_usage", usage)
    room = DiskRoom(str(tmp_path), lambda: now)
    assert room.free_bytes() == 7
    free, now = 5, ASKED_EVERY_S / 2
    assert room.free_bytes() == 7
    now = ASKED_EVERY_S
    assert room.free_bytes() == 5 and asked == [tmp_path, tmp_path]
    free, now = -1, 2 * ASKED_EVERY_S
    assert room.free_bytes() is None


def test_a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above(tmp_path: Path) -> None:
    folder = tmp_path / "with space" / "checkpoints"
    for name in (str(folder), folder.as_uri()):
        free = DiskRoom(name).free_bytes()
        assert free is not None and 0 < free <= shutil.disk_usage(tmp_path).total


def test_without_a_folder_on_a_disk_nothing_is_known() -> None:
    assert DiskRoom(None).free_bytes() is None
    assert DiskRoom("s3://bucket/checkpoints").free_bytes() is None
