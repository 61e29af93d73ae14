"""Room on a disk is asked for now and then, and is unknown where it cannot be known."""

import shutil
from pathlib import Path

from actors.process.disk_room import ASKED_EVERY_S, DiskRoom


def test_a_disk_is_asked_now_and_then(tmp_path: Path) -> None:
    now = 0.0
    room = DiskRoom(str(tmp_path / "there"), lambda: now)
    assert room.free_bytes() is None, "the folder is not there yet"
    (tmp_path / "there").mkdir()
    now = ASKED_EVERY_S / 2
    assert room.free_bytes() is None
    now = ASKED_EVERY_S
    free = room.free_bytes()
    assert free is not None and 0 < free <= shutil.disk_usage(tmp_path).total
    (tmp_path / "there").rmdir()
    assert room.free_bytes() == free
    now *= 2
    assert room.free_bytes() is None


def test_without_a_folder_nothing_is_known() -> None:
    assert DiskRoom(None).free_bytes() is None
