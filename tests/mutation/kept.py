"""What earlier runs found, so that a run goes on where the last one ended: tests/mutation/kept.txt, a line for each function.

A line holds as long as its function does the same. It says which changes of the function were noticed and which survived, as two sums of
powers of two.
"""

import os
from pathlib import Path
from typing import Final

from tests.mutation.mutants import Mutant, mutants_of

FILE: Final = Path(__file__).with_name("kept.txt")

_Function = tuple[str, str, str]


class Kept:
    """`file`: where they are kept; `root`: of the files that are changed."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file, self._root = file, root
        self._noticed: dict[_Function, int] = {}
        self._survived: dict[_Function, int] = {}
        self._paths: set[str] = set()
        for line in file.read_text().splitlines() if file.exists() else ():
            *function, noticed, survived = line.split()
            path, name, text = function
            self._noticed[path, name, text] = int(noticed, 16)
            self._survived[path, name, text] = int(survived, 16)

    def paths_with_survivors(self) -> set[str]:
        """Files of which a change survived when it was made last."""
        return {path for (path, _, _), survived in self._survived.items() if survived}

    def noticed(self, mutant: Mutant) -> bool:
        """Whether this change was noticed when it was made last."""
        return bool(self._noticed.get(_function(mutant), 0) >> mutant.number & 1)

    def survived(self, mutant: Mutant) -> bool:
        """Whether this change survived when it was made last."""
        return bool(self._survived.get(_function(mutant), 0) >> mutant.number & 1)

    def note(self, mutant: Mutant, *, survived: bool) -> None:
        """What became of this change."""
        self.forget(mutant)
        kept = self._survived if survived else self._noticed
        kept[_function(mutant)] |= 1 << mutant.number
        self._write()

    def forget(self, mutant: Mutant) -> None:
        """Keep nothing of this change: it makes no difference, and was perhaps not known to."""
        self._forget_what_is_gone(mutant.path)
        for kept in (self._noticed, self._survived):
            kept[_function(mutant)] = kept.get(_function(mutant), 0) & ~(1 << mutant.number)

    def _forget_what_is_gone(self, path: str) -> None:
        """Once for each file: functions that are not there any more, or do something else."""
        if path not in self._paths:
            self._paths.add(path)
            there = set(map(_function, mutants_of(self._root, path)))
            for function in [each for each in self._noticed if each[0] == path and each not in there]:
                del self._noticed[function], self._survived[function]

    def _write(self) -> None:
        lines = [
            f"{' '.join(function)} {noticed:x} {self._survived[function]:x}\n"
            for function, noticed in sorted(self._noticed.items())
        ]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        written = self._file.with_suffix(".new")
        written.write_text("".join(lines))
        os.replace(written, self._file)


def _function(mutant: Mutant) -> _Function:
    return mutant.path, mutant.function, mutant.text
