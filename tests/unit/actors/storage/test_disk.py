"""What is of a folder of a file system alone: names lead into it, files are synced and renamed, and the lease ends with its process."""

import errno
import fcntl
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.storage import disk
from actors.storage.disk import DiskFolder
from actors.storage.interface import Changed, Range, Taken


@pytest.fixture
def folder(tmp_path: Path) -> DiskFolder:
    return DiskFolder(tmp_path / "a")


def test_a_folder_that_is_not_there_is_empty_until_something_is_written(folder: DiskFolder) -> None:
    assert folder.top() == [] and folder.files() == [] and not folder.path.exists()
    folder.check()
    folder.drop("never")
    assert not folder.path.exists()
    folder.write("b/c", b"1")
    assert folder.top() == ["b"] and str(folder) == folder.staging == str(folder.path)


@pytest.mark.parametrize(
    ("one", "other", "holds"),
    [
        (".", ".", True),
        (".", "b", True),
        (".", "../a/b", True),
        ("b", ".", False),
        (".", "../ab", False),
        (".", "link", True),
    ],
)
def test_a_folder_holds_what_its_path_leads_to(folder: DiskFolder, one: str, other: str, holds: bool) -> None:
    (folder.path / "b").mkdir(parents=True)
    (folder.path.parent / "link").symlink_to(folder.path / "b")
    theirs = folder.path.parent / "link" if other == "link" else folder.path / other
    assert DiskFolder(folder.path / one).holds(DiskFolder(theirs)) is holds


def test_only_files_are_files(folder: DiskFolder) -> None:
    folder.write("b/c", b"1")
    os.mkfifo(folder.path / "pipe")
    (folder.path / "gone").symlink_to(folder.path / "nowhere")
    assert [each.name for each in folder.files()] == ["b/c"]
    for name in ("b", "pipe", "gone", "nowhere"):
        with pytest.raises(FileNotFoundError):
            folder.stat(name)


def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_an_empty_one(
    folder: DiskFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files would be left out without a word. One that goes meanwhile is no error."""
    for name in ("a/b", "c/d"):
        folder.write(name, b"1")
    scan = os.scandir

    def answers(number: int, path: Any) -> Any:
        if str(path) == str(folder.path / "c"):
            raise OSError(number, os.strerror(number), str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", partial(answers, errno.EACCES))
    with pytest.raises(PermissionError, match=r"Permission denied: .*/c"):
        folder.files()
    monkeypatch.setattr(os, "scandir", partial(answers, errno.ENOENT))
    assert [each.name for each in folder.files()] == ["a/b"]


def test_a_file_system_without_locks_is_not_taken_for_another_holder(
    folder: DiskFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("work/lease", b"")

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    for ask in (folder.lease, folder.holder):
        with pytest.raises(OSError, match="No locks available"):
            ask("work/lease")


def test_what_is_half_written_keeps_what_was_there(folder: DiskFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("a", b"before")
    folder.note("n", b"before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "no space left")

    for name, write in (("a", folder.write), ("n", folder.note)):
        with monkeypatch.context() as broken:
            broken.setattr(os, "replace", full)
            broken.setattr(Path, "replace", full)
            broken.setattr(os, "rename", full)
            with pytest.raises(OSError, match="no space left"):
                write(name, b"after")
        assert folder.read(name) == b"before"


def test_a_file_that_was_replaced_since_is_changed_though_it_is_as_long(folder: DiskFolder) -> None:
    folder.write("a", b"123")
    found = folder.stat("a")
    os.utime(folder.path / "a", ns=(1, 1))
    with pytest.raises(Changed, match="a"):
        folder.opened(found)
    assert folder.opened(folder.stat("a")).read() == b"123"


def test_a_file_that_is_opened_is_read_whatever_takes_its_place_and_writing_to_it_is_a_change(
    folder: DiskFolder,
) -> None:
    folder.write("a", b"123")
    os.utime(folder.path / "a", ns=(1, 1))
    found = folder.stat("a")
    opened = folder.opened(found)
    folder.write("a", b"456")
    folder.check_unchanged(opened, found)
    assert opened.read() == b"123"
    with pytest.raises(Changed, match="a"):
        folder.opened(found)
    found = folder.stat("a")
    for change in (lambda path: path.write_bytes(b"789"), lambda path: os.truncate(path, 2)):
        os.utime(folder.path / "a", ns=(1, 1))
        found = folder.stat("a")
        opened = folder.opened(found)
        folder.check_unchanged(opened, found)
        change(folder.path / "a")
        with pytest.raises(Changed, match="a"):
            folder.check_unchanged(opened, found)


def test_a_file_that_takes_the_place_of_one_just_before_it_is_opened_is_a_change(
    folder: DiskFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("a", b"123")
    os.utime(folder.path / "a", ns=(1, 1))
    found, opening = folder.stat("a"), pa.OSFile

    def late(path: str) -> pa.OSFile:
        folder.write("a", b"456")
        return opening(path)

    monkeypatch.setattr(pa, "OSFile", late)
    with pytest.raises(Changed, match="a"):
        folder.opened(found)


def test_what_will_be_read_is_asked_of_the_system_in_as_few_pieces_as_it_lies_in(
    folder: DiskFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("a", bytes(100))
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _, start, size, __: asked.append((start, start + size)))
    opened = folder.opened(folder.stat("a"))
    folder.expect(opened, [])
    assert asked == []
    folder.expect(opened, [Range(40, 50), Range(0, 20), Range(20, 30), Range(25, 28), Range(50, 60)])
    assert asked == [(0, 30), (40, 60)]


def test_a_staged_file_is_dropped_any_number_of_times_and_placed_in_a_folder_that_is_made(folder: DiskFolder) -> None:
    for name in ("kept", "dropped"):
        staged = folder.stage(f"work/{name}")
        staged.sink.write(b"1234")
        staged.begin_sync()
        assert (folder.path / f"work/{name}").read_bytes() == b"1234"
        if name == "kept":
            placed = staged.place("parts/x/kept")
        staged.drop()
        staged.drop()
    assert placed.bytes == 4 and placed.sha256 == "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"
    assert [each.name for each in folder.files()] == ["parts/x/kept"]


HOLDER = """
import sys
from pathlib import Path
from actors.storage.disk import DiskFolder
lease = DiskFolder(Path(sys.argv[1])).lease("work/lease")
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lease_ends_with_the_process_that_holds_it(folder: DiskFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LOCK_PAUSE_S", 0.001)
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        owner = folder.holder("work/lease")
        assert owner is not None and owner.pid == holder.pid
        with pytest.raises(Taken) as refused:
            folder.lease("work/lease")
        assert refused.value.args == (owner,)
        holder.kill()
    assert folder.holder("work/lease") is None
    folder.lease("work/lease").give_back()


def test_a_lease_whose_file_is_removed_is_taken_on_the_new_one(folder: DiskFolder) -> None:
    first = folder.lease("work/lease")
    folder.drop("work")
    second = folder.lease("work/lease")
    assert folder.holder("work/lease") is not None
    first.give_back()
    assert folder.holder("work/lease") is not None, "the other file is locked"
    second.keep()
    second.give_back()
    assert folder.holder("work/lease") is None


def test_while_the_owner_is_being_written_it_is_not_known(folder: DiskFolder) -> None:
    lease = folder.lease("work/lease")
    (folder.path / "work" / "lease").write_bytes(b"{")
    assert folder.holder("work/lease") is None
    lease.give_back()
