"""A file is whole or absent: what fails while it is written leaves the old one, byte for byte."""

import os
from pathlib import Path

import pytest

from actors.process.atomic_file import publish, write_whole


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    place = tmp_path / "state"
    write_whole(place, b"one")
    write_whole(place, b"another")
    assert place.read_bytes() == b"another"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_what_fails_on_the_way_leaves_the_old_file(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "state"
    write_whole(place, b"one")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, broken, full)
        with pytest.raises(OSError, match="No space left"):
            write_whole(place, b"another")
    assert place.read_bytes() == b"one"
    write_whole(place, b"another")
    assert place.read_bytes() == b"another" and len(list(tmp_path.iterdir())) == 1


def test_bytes_are_durable_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged, place = tmp_path / "staged", tmp_path / "place"
    staged.write_bytes(b"x")
    done: list[str] = []
    opened, replace = os.open, os.replace

    def open_(path: Path, flags: int) -> int:
        done.append(f"sync {Path(path).name}")
        return opened(path, flags)

    def replace_(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "replace", replace_)
    publish(staged, place)
    assert done == ["sync staged", "rename", f"sync {tmp_path.name}"]
