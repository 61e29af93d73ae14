"""Options of every benchmark, and how contenders alternate."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`work`: an empty directory on the disk to be measured. `shards` empty: each benchmark's own choice."""

    work: Path
    say: Callable[[str], None]
    quick: bool = False
    peers: bool = False
    rounds: int = 3
    shards: tuple[int, ...] = ()


def take_turns(turns: Mapping[str, Callable[[int], T]], rounds: int) -> dict[str, list[T]]:
    """A B A B ...: what disturbs the machine for a while disturbs all of them. Each gets the number of its round."""
    results: dict[str, list[T]] = {name: [] for name in turns}
    for number in range(rounds):
        for name, turn in turns.items():
            results[name].append(turn(number))
    return results


def column(rounds: Sequence[Mapping[str, float]], name: str) -> list[float]:
    """One measurement over all rounds."""
    return [each[name] for each in rounds]
