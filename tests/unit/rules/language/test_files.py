"""A pack on disk reads what lies in its own folder, and nothing else."""

from pathlib import Path

import pytest

from rules.language.document import FILES_BYTES_MAX
from rules.language.files import pack_text, reader_beside
from rules.language.problems import PackError


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    (folder / "lists").mkdir(parents=True)
    (folder / "lists" / "a.txt").write_text("DE\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("key", encoding="utf-8")
    (folder / "pack.yaml").write_text("name: ä\n", encoding="utf-8")
    return folder / "pack.yaml"


def test_a_file_in_the_folder_or_below_it_is_read(pack: Path) -> None:
    assert reader_beside(pack)("lists/a.txt") == reader_beside(pack)("./lists/../lists/a.txt") == "DE\n"


@pytest.mark.parametrize("name", ["../secret.txt", "lists/../../secret.txt", "/etc/hostname", ".."])
def test_a_file_beyond_the_folder_is_as_if_it_were_not_there(pack: Path, name: str) -> None:
    with pytest.raises(KeyError):
        reader_beside(pack)(name)


def test_a_link_out_of_the_folder_leads_nowhere(pack: Path) -> None:
    (pack.parent / "link.txt").symlink_to(pack.parent.parent / "secret.txt")
    with pytest.raises(KeyError):
        reader_beside(pack)("link.txt")


def test_no_more_of_a_file_is_read_than_shows_that_it_is_too_long(pack: Path) -> None:
    (pack.parent / "long.txt").write_text("x" * (FILES_BYTES_MAX + 9), encoding="utf-8")
    assert len(reader_beside(pack)("long.txt")) == FILES_BYTES_MAX + 1


def test_a_pack_is_utf_8_or_is_told_in_which_line_it_is_not(pack: Path) -> None:
    assert pack_text(pack) == "name: ä\n"
    pack.write_bytes(b"name: a\nrules:\n  - \xff\n")
    with pytest.raises(PackError) as raised:
        pack_text(pack)
    assert [(problem.line, problem.message) for problem in raised.value.problems] == [(3, "no UTF-8 text")]
