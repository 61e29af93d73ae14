"""A pack on disk: its text, and the lists in the same folder."""

from pathlib import Path

from rules.language.document import FILES_BYTES_MAX, ReadFile
from rules.language.problems import PackError, Problem
from rules.language.yaml_nodes import TEXT_MAX


def pack_text(path: Path) -> str:
    """Text of a pack. Raises PackError when it is too long or no UTF-8."""
    with path.open("rb") as file:
        raw = file.read(4 * TEXT_MAX + 1)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PackError([Problem(line=line, column=1, message="no UTF-8 text")]) from None


def reader_beside(path: Path) -> ReadFile:
    """Reads files in a pack's folder and below it, nowhere else."""
    folder = path.resolve().parent

    def read(name: str) -> str:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            raise KeyError(name)
        with file.open(encoding="utf-8") as stream:
            return stream.read(FILES_BYTES_MAX + 1)

    return read
