"""Report what is wrong with a pack at its line and column.

With the line's text, a caret under it and what to do.

Lines and columns count from 1, columns in characters. A pack is refused with all its problems at once, as far as they can be seen.
"""

import difflib
import itertools
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

PROBLEMS_MAX: Final = 50
"""More than a person reads; a hostile pack must not make an endless answer."""
SHOWN_MAX: Final = 160
"""Characters of a line that are shown around a problem."""
HINTS_AMONG_MAX: Final = 2_000
"""Names that a misspelt one is compared with; comparing takes time."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `text` is the line it stands in, `width` how many characters of it are meant."""

    line: int
    column: int
    message: str
    text: str = ""
    hint: str = ""
    width: int = 1

    def render(self, name: str = "") -> str:
        """Lines for a terminal: where and what, the line, a caret, the hint."""
        place = f"{name}:{self.line}:{self.column}" if name else f"{self.line}:{self.column}"
        first = max(0, self.column - 1 - SHOWN_MAX // 2)
        shown = self.text[first : first + SHOWN_MAX].replace("\t", " ")
        at = self.column - 1 - first
        carets = "^" * max(1, min(self.width, len(shown) - at))
        lines = [f"{place}: {self.message}"]
        if shown:
            lines += [f"    {shown}", f"    {' ' * at}{carets}"]
        if self.hint:
            lines.append(f"    hint: {self.hint}")
        return "\n".join(lines)


class PackError(ValueError):
    """A pack that cannot be taken. `problems` is never empty, in the order of the document."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))[:PROBLEMS_MAX]
        super().__init__("\n".join(problem.render() for problem in self.problems))


class Remark(NamedTuple):
    """A remark on an expression that is taken all the same, between two positions of its text."""

    start: int
    end: int
    message: str
    hint: str


class ExpressionError(ValueError):
    """A problem within an expression, between two positions of its text."""

    def __init__(self, start: int, end: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.start, self.end, self.message, self.hint = start, end, message, hint


def did_you_mean(word: str, among: Iterable[str], otherwise: str = "") -> str:
    """A hint that names what is closest to a misspelt word, in capital letters or small ones."""
    names = {name.casefold(): name for name in itertools.islice(among, HINTS_AMONG_MAX)}
    close = difflib.get_close_matches(word[:64].casefold(), names, n=1, cutoff=0.6)
    return f"did you mean {names[close[0]]}?" if close else otherwise


def shortened(text: str, length: int = 40) -> str:
    """Text for a message: whatever a document holds, a message stays one short line."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text[: length + 1])
    return plain if len(plain) <= length else plain[:length] + "..."
