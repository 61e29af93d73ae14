"""Read values of a document one by one and collect what is wrong.

So one reading names it all.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from rules.language.problems import PROBLEMS_MAX, ExpressionError, PackError, Problem, Remark, did_you_mean, shortened
from rules.language.yaml_nodes import Document, Value

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
TEXT_LENGTH_MAX: Final = 2_000
PACK_FIELD: Final = "fallback"
SCENARIO_FIELD: Final = "condition"
"""What a rule pack needs and a scenario has not, and the other way round."""


class Reader:
    """Takes values of one document and collects problems. `stored`: it was checked when it was published, perhaps for less."""

    def __init__(self, document: Document, stored: bool = False) -> None:
        self.document = document
        self.stored = stored
        self.problems: list[Problem] = []

    def wrong(self, value: Value, message: str, hint: str = "") -> None:
        """Note a problem. Raises PackError when there are too many."""
        self.problems.append(self.document.problem(value.start, value.end, message, hint))
        if len(self.problems) >= PROBLEMS_MAX:
            raise PackError(self.problems)

    def wrong_within(self, value: Value, error: ExpressionError, before: int = 0) -> None:
        """Note a problem of an expression that a value holds; `before`: characters that were put in front of its text."""
        self.problems.append(self.within(value, error, before))
        if len(self.problems) >= PROBLEMS_MAX:
            raise PackError(self.problems)

    def within(self, value: Value, remark: ExpressionError | Remark, before: int) -> Problem:
        """A remark on an expression, at its position."""
        first = self.document.place(value, max(0, remark.start - before))
        last = self.document.place(value, max(0, remark.end - before - 1)) + 1
        return self.document.problem(first, max(last, first + 1), remark.message, remark.hint)

    def fields(self, value: Value, known: Iterable[str], what: str, needed: Iterable[str] = ()) -> dict[str, Value]:
        """The fields of a mapping, those that are known."""
        if not value.is_map:
            self.wrong(value, f"{what}: fields are expected, like `name: value`")
            return {}
        names = tuple(known)
        for name, (key, _) in value.data.items():
            if name not in names:
                hint = did_you_mean(name, names, "known are " + ", ".join(names))
                self.wrong(key, f"{what} has no field {shortened(name)}", hint)
        for name in needed:
            if name not in value.data:
                self.wrong(value, f"{what} needs the field {name}")
        return {name: inner for name, (_, inner) in value.data.items() if name in names}

    def refuse_other_kind(self, own: str, other: str, message: str, hint: str) -> None:
        """Raises PackError with this alone where a document has the field of the other kind and not that of its own."""
        fields = self.document.root.data if self.document.root.is_map else {}
        if other in fields and own not in fields:
            self.wrong(fields[other][0], message, hint)
            raise PackError(self.problems)

    def entries(self, value: Value | None, what: str, most: int) -> Iterator[Value]:
        """Entries of a list, as many as are allowed."""
        if value is None:
            return
        if not isinstance(value.data, list):
            self.wrong(value, f"{what}: a list is expected")
            return
        if len(value.data) > most:
            self.wrong(value.data[most], f"more than {most} {what}")
        yield from value.data[:most]

    def named(self, value: Value | None, what: str, most: int) -> Iterator[tuple[str, Value]]:
        """Entries of a mapping from names."""
        if value is None:
            return
        if not value.is_map:
            self.wrong(value, f"{what}: names are expected, like `name: ...`")
            return
        for name, (key, inner) in list(value.data.items())[:most]:
            if NAME.fullmatch(name) is None:
                self.wrong(key, f"{shortened(name)} is no name", "letters, digits, _ . -, at most 64, a letter first")
            else:
                yield name, inner
        if len(value.data) > most:
            self.wrong(value, f"more than {most} {what}")

    def name(self, value: Value | None, pattern: re.Pattern[str] = NAME, form: str = "letters, digits, _ . -") -> str:
        """A name, empty if there is none."""
        if value is None:
            return ""
        if not isinstance(value.data, str) or pattern.fullmatch(value.data) is None:
            self.wrong(value, f"{shortened(str(_plain(value)))} is no name", f"{form}, at most 64, a letter first")
            return ""
        return value.data

    def reason(self, value: Value | None) -> str:
        """A reason code, empty if there is none."""
        return self.name(value, REASON, "capital letters, digits, _")

    def text(self, value: Value | None, what: str) -> str:
        """A text, empty if there is none."""
        if value is None or value.data is None:
            return ""
        if not isinstance(value.data, str) or len(value.data) > TEXT_LENGTH_MAX:
            self.wrong(value, f"{what}: a text of at most {TEXT_LENGTH_MAX:,} characters is expected")
            return ""
        return value.data

    def integer(self, value: Value | None, what: str, most: int, default: int = 0) -> int:
        """A whole number between -most and most."""
        if value is None:
            return default
        if type(value.data) is not int or abs(value.data) > most:
            self.wrong(value, f"{what}: a whole number from {-most:,} to {most:,} is expected")
            return default
        number: int = value.data
        return number

    def choice(self, value: Value | None, what: str, among: Iterable[str], default: str) -> str:
        """One of some words."""
        if value is None:
            return default
        names = list(among)
        if value.data not in names:
            word = shortened(str(_plain(value)))
            hint = did_you_mean(word, names, "known are " + ", ".join(names))
            self.wrong(value, f"{what} {word} is not known", hint)
            return default
        word = value.data
        return str(word)


def _plain(value: Value) -> Any:
    return "a list" if isinstance(value.data, list) else "a mapping" if value.is_map else value.data
