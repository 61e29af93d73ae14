"""Markdown tables and headings, as all generated pages use them."""

from collections.abc import Iterable, Sequence
from typing import Final

GENERATED: Final = "<!-- Written by `python -m switch.reference`; do not edit. -->"


def page(title: str, *parts: str) -> str:
    """A whole page: title, the note that it is generated, and its parts."""
    return "\n\n".join((f"# {title}", GENERATED, *parts)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. A bar in a cell is escaped, line breaks become spaces."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Text that can stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Text as code."""
    return f"`{text}`"
