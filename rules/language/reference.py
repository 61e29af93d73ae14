"""Write the reference part of docs/reference/rules.md from the catalogue of fields.

`python -m rules.language.reference docs/reference/rules.md` writes it; a test proves that it is up to date.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from rules.vocabulary.catalogue import FIELDS, FUNCTIONS, WINDOWS, Field, Type
from rules.vocabulary.columns import WINDOW_NAMES

MARK: Final = "<!-- Written by `python -m rules.language.reference docs/reference/rules.md`; do not edit below. -->\n"
WORDS_LISTED_MAX: Final = 16


def reference() -> str:
    """Fields, windows and functions as Markdown."""
    windows = ", ".join(f'`"{name}"`' for name in WINDOW_NAMES)
    parts = [
        "## Fields",
        _table(("field", "type", "unit", "meaning", "null when"), map(_field_row, FIELDS.values())),
        "Words by type: " + "; ".join(_words()) + ".",
        "## Windows",
        f"Each takes one of {windows}: the payer's earlier attempts of so long before the payment, the payment itself not included, "
        "whatever became of them. Null when an operator wallet pays. A scorecard, and a journal's columns, call them by their column.",
        _table(
            ("function", "type", "unit", "meaning", "column"),
            (
                (
                    f'`{window.name}("{WINDOW_NAMES[0]}")`',
                    window.type.name,
                    window.unit,
                    window.meaning,
                    f"`{window.column}_{WINDOW_NAMES[0]}`"
                    if window.column != "saturated"
                    else "`saturated`, a bit each",
                )
                for window in WINDOWS.values()
            ),
        ),
        "## Operators and functions",
        _table(("form", "meaning"), ((f"`{each.form}`".replace("||", "\\|\\|"), each.meaning) for each in FUNCTIONS)),
    ]
    return MARK + "\n" + "\n\n".join(parts) + "\n"


def _field_row(field: Field) -> tuple[str, ...]:
    column = f"; column `{field.column}`" if field.column != field.name else ""
    return f"`{field.name}`", field.type.name, field.unit, field.meaning + column, field.unknown


def _words() -> Iterator[str]:
    types: dict[str, Type] = {field.type.name: field.type for field in FIELDS.values()}
    for name, type_ in types.items():
        if type_.domain is not None:
            words = type_.domain.words
            listed = words is not None and len(words) <= WORDS_LISTED_MAX
            yield f"{name}: " + (", ".join(f"`{word}`" for word in words or ()) if listed else type_.domain.expected)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def updated(page: str) -> str:
    """A page with its reference part written anew."""
    return page.partition(MARK)[0] + reference()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
