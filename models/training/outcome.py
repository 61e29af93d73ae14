"""Read the outcome: each value of the target is bad, good or neither, by the settings.

It is never guessed; a missing one is an error.

A value is the one that was meant whatever its type: `2` is 2.0, `true` is True.
"""

import math
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.tidying import plain
from models.wording import counted

FOLD_ROWS_MIN: Final = 10
"""Good rows and bad rows that each fold needs at least, for its figures to mean anything."""
VALUES_SHOWN: Final = 5
_TRUTHS: Final = {"true": True, "false": False}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are trained on, and of those `bad`, 1 for bad rows. `notes`: what was left out, a line each."""

    rows: NDArray[np.intp]
    bad: NDArray[np.int64]
    notes: tuple[str, ...]


def outcome_of(name: str, column: pa.ChunkedArray, bad: str | None, good: str | None, folds: int) -> Outcome:
    """Read the target. Raises ValueError for missing values, values that are not there, and too few rows."""
    codes, values = _distinct(plain(column))
    missing = np.array([_is_missing(value) for value in values] or [], bool)
    without = int(missing[codes].sum()) if len(values) else 0
    if without:
        raise ValueError(
            f"{name}: {counted(without, 'row has', 'rows have')} no outcome; leave such rows out of the file"
        )
    if bad is None and good is None:
        strange = sorted({str(value) for value in values if value not in (0, 1)})[:3]
        if strange:
            raise ValueError(f"{name} holds {', '.join(strange)}: say with --bad which value means bad")
        is_bad, is_good = [value == 1 for value in values], [value == 0 for value in values]
    else:
        is_bad, is_good = _named(name, values, bad, good)
    kinds = np.array([1 if b else 0 if g else -1 for b, g in zip(is_bad, is_good, strict=True)], np.int64)
    outcome = kinds[codes]
    rows = np.flatnonzero(outcome >= 0)
    notes: tuple[str, ...] = ()
    if len(rows) < len(outcome):
        neither = [str(value) for value, kind in zip(values, kinds, strict=True) if kind < 0]
        shown = ", ".join(neither[:VALUES_SHOWN])
        notes = (
            f"{name}: {counted(len(outcome) - len(rows), 'row is', 'rows are')} neither good nor bad ({shown}) and left out",
        )
    needed = folds * FOLD_ROWS_MIN
    for kind, count in (("bad", int((outcome == 1).sum())), ("good", int((outcome == 0).sum()))):
        if count < needed:
            raise ValueError(f"{name}: {counted(count, f'{kind} row')}; {folds} folds need at least {needed}")
    return Outcome(rows=rows, bad=outcome[rows], notes=notes)


def _distinct(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Any]]:
    """The index of each row's value among the distinct ones."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value.strip())
    )


def _named(name: str, values: list[Any], bad: str | None, good: str | None) -> tuple[list[bool], list[bool]]:
    """Which values are bad and which good. One of the two alone: all others are the other."""
    found = {}
    for option, word in (("--bad", bad), ("--good", good)):
        if word is None:
            continue
        same = [_is(value, word) for value in values]
        if not any(same):
            shown = ", ".join(sorted(map(str, values))[:VALUES_SHOWN])
            raise ValueError(f"{name}: no row is {word} as {option} says; it holds {shown}")
        found[option] = same
    if "--bad" not in found:
        return [not each for each in found["--good"]], found["--good"]
    if "--good" not in found:
        return found["--bad"], [not each for each in found["--bad"]]
    if any(b and g for b, g in zip(found["--bad"], found["--good"], strict=True)):
        raise ValueError(f"{name}: --bad and --good name the same value")
    return found["--bad"], found["--good"]


def _is(value: Any, word: str) -> bool:
    """Whether a value is the one that the word names."""
    if isinstance(value, str):
        return value == word or _number(value) == _number(word) is not None or _truth(value) == _truth(word) is not None
    if isinstance(value, bool):
        return value == _TRUTHS.get(word.lower(), _number(word))
    if isinstance(value, (int, float)) or hasattr(value, "as_tuple"):
        number = _number(word)
        return number is not None and float(value) == number
    return str(value) == word


def _truth(word: str) -> bool | None:
    return _TRUTHS.get(word.strip().lower())


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def sorted_by_outcome(bad: NDArray[np.int64]) -> bool:
    """Whether the rows of one outcome stand before all of the other."""
    return int(np.count_nonzero(np.diff(bad))) == 1
