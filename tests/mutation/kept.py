"""What earlier runs found, so that a run goes on where the last one ended.

A change that was noticed is not made again while its file stays as it is. One that survived is: a test may have come since, and not all
were asked.
"""

import hashlib
from pathlib import Path

import msgspec

from tests.mutation.mutants import Mutant


class _Tested(msgspec.Struct, frozen=True, kw_only=True):
    """`text`: digest of the file that was changed."""

    path: str
    text: str
    operator: str
    occurrence: int
    survived: bool = False


class Kept:
    """`file`: where they are kept, a line each; `root`: of the files that are changed."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file, self._root = file, root
        self._texts: dict[str, str] = {}
        decode = msgspec.json.Decoder(_Tested).decode
        self._lines = {decode(line) for line in file.read_bytes().splitlines()} if file.exists() else set()

    def noticed(self, mutant: Mutant) -> bool:
        """Whether this change was noticed before."""
        return self._line(mutant, survived=False) in self._lines

    def survived(self, mutant: Mutant) -> bool:
        """Whether this change survived, and was not noticed since."""
        return not self.noticed(mutant) and self._line(mutant, survived=True) in self._lines

    def note(self, mutant: Mutant, *, survived: bool) -> None:
        """What became of this change."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(self._line(mutant, survived=survived)) + b"\n")

    def _line(self, mutant: Mutant, *, survived: bool) -> _Tested:
        path = mutant.path
        if path not in self._texts:
            self._texts[path] = hashlib.sha256((self._root / path).read_bytes()).hexdigest()[:16]
        return _Tested(
            path=path,
            text=self._texts[path],
            operator=mutant.operator,
            occurrence=mutant.occurrence,
            survived=survived,
        )
