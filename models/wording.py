"""Words of texts that count: of one thing they say `1 row`."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 file`, `12,000 files`. `many`: what more than one are, where that is not `one` and an s: `counted(n, "row is", "rows are")`."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {many or f'{one}s'}"
