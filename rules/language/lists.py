"""Lists of a pack, with the position of each entry, so that a wrong one can be named.

They are in the pack or in a file in its folder.

A list has no type of its own: what is looked for in it decides whether its entries are countries, devices or whole numbers.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from rules.language.ir import INT_MAX, INT_MIN
from rules.language.problems import shortened
from rules.language.words import word_number
from rules.vocabulary.catalogue import INT, Type

WRONG_NAMED_MAX: Final = 5
"""Positions of further wrong entries that are named."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_QUOTED_ENTRY: Final = re.compile(r'\s*"([^"]*)"\s*(?:#.*)?')
_BYTE_ORDER_MARK: Final = "\ufeff"


Range = tuple[int, int]
"""The first and the last number that may be."""


class NamedList(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A list of a pack. `lines`: where each entry stands, in the pack or in `file`, whose entries are texts; `kept`: under this name the
    switch keeps the entries, and the pack has none."""

    name: str
    entries: tuple[str | int, ...]
    lines: tuple[int, ...] = ()
    file: str = ""
    kept: str = ""

    def numbers(self, type_: Type, among: Range | None = None, *, stored: bool = False) -> tuple[int, ...]:
        """Sorted numbers of the entries, all of them `among` two if that is given. Raises ValueError that names those that are wrong."""
        found: set[int] = set()
        wrong: list[tuple[int, str]] = []
        for at, entry in enumerate(self.entries):
            try:
                found.add(entry_number(type_, self._entry(type_, entry), among, stored=stored))
            except ValueError as error:
                wrong.append((at, str(error)))
        if wrong:
            raise ValueError(self._refusal(wrong))
        return tuple(sorted(found))

    def _entry(self, type_: Type, entry: str | int) -> str | int:
        if self.file and type_ is INT and isinstance(entry, str) and _INTEGER.fullmatch(entry):
            return int(entry)
        return entry

    def _refusal(self, wrong: Sequence[tuple[int, str]]) -> str:
        (first, message), *others = wrong
        name = f"lists.{self.name}"
        if not self.lines:
            return f"{name}: {message}"
        where = f"line {self.lines[first]}" + (f" of {self.file}" if self.file else "")
        text, semicolon, hint = message.partition("; ")
        lines = [str(self.lines[at]) for at, _ in others]
        if len(lines) > WRONG_NAMED_MAX:
            lines[WRONG_NAMED_MAX:] = ["..."]
        further = f" ({len(others):,} more: line {', '.join(lines)})" if others else ""
        return f"{name}, {where}: {text}{further}{semicolon}{hint}"


def entry_number(type_: Type, entry: str | int, among: Range | None = None, *, stored: bool = False) -> int:
    """The number of one entry. Raises ValueError, a hint after a semicolon."""
    if isinstance(entry, str):
        if type_ is INT:
            raise ValueError(f"{shortened(entry)!r} is no whole number")
        return word_number(type_, entry, stored=stored)
    if type_ is not INT:
        raise ValueError(f"{entry} is no {type_.name} but a number; put quotes around it")
    if not INT_MIN <= entry <= INT_MAX:
        raise ValueError(f"{entry} is beyond 64 bits")
    if among is not None and not among[0] <= entry <= among[1]:
        raise ValueError(f"{entry} does not occur, only {among[0]}..{among[1]} do")
    return entry


def entries_of_file(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Entries of a file and their lines: one a line, in quotes if need be; `#` begins a comment. A byte order mark is no part of the
    first."""
    found = [
        (entry, number)
        for number, entry in enumerate(map(_entry_of_line, text.removeprefix(_BYTE_ORDER_MARK).splitlines()), start=1)
        if entry
    ]
    return tuple(entry for entry, _ in found), tuple(number for _, number in found)


def _entry_of_line(line: str) -> str:
    """What a line of a list's file names; empty for a line without an entry."""
    quoted = _QUOTED_ENTRY.fullmatch(line)
    return quoted[1] if quoted else line.partition("#")[0].strip()


def odd_one(entries: Iterable[Any]) -> int | None:
    """Where the first entry is that is neither a text nor a whole number, or is not what the first one is; None if there is none."""
    kind = None
    for at, entry in enumerate(entries):
        if type(entry) not in (str, int) or kind not in (None, type(entry)):
            return at
        kind = type(entry)
    return None
