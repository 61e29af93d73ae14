"""One round of one contender under load: what came back, and where processor time went meanwhile."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bench.load import Loading, LoadResult, LoadSpec
from bench.processes import cpu_seconds, sample


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_s`: processor seconds by group of processes, `elsewhere` those of the rest of the machine."""

    load: LoadResult
    cpu_s: dict[str, float]


def measure(spec: LoadSpec, roots: Callable[[], Sequence[int]]) -> Turn:
    """Run a load to its end. `roots`: see `Contender.roots`."""
    loading = Loading(spec)
    try:
        pids = [*roots(), loading.pid]
        before = sample(pids)
        result = loading.run()
        return Turn(load=result, cpu_s=cpu_seconds(before, sample(pids)))
    finally:
        loading.close()


def detail_of(turns: Sequence[Turn], sizes: msgspec.Struct, checked: dict[str, Any]) -> dict[str, Any]:
    """What a figure keeps of its turns. Quantiles are the median round's."""

    def middle(values: list[float]) -> float:
        return sorted(values)[len(values) // 2]

    return {
        "sizes": msgspec.to_builtins(sizes),
        "turns": [msgspec.to_builtins(turn) for turn in turns],
        "p50_ms": middle([turn.load.p50_ms for turn in turns]),
        "p99_ms": middle([turn.load.p99_ms for turn in turns]),
        "checked": checked,
    }
