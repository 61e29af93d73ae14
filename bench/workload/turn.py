"""One round of one contender under load: what came back, and where processor time went meanwhile."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, TypeVar

import msgspec

from bench.workload.client_process import ClientProcess
from bench.workload.load import LoadResult, LoadSpec, loading
from bench.workload.processes import cpu_seconds, sample

T = TypeVar("T")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_s`: processor seconds by group of processes, `elsewhere` those of the rest of the machine."""

    load: LoadResult
    cpu_s: dict[str, float]


def measure(spec: LoadSpec, roots: Callable[[], Sequence[int]]) -> Turn:
    """Run a load to its end. `roots`: see `Contender.roots`."""
    with closing(loading(spec)) as load:
        return _measured(load, roots)


def _measured(load: ClientProcess[LoadResult], roots: Callable[[], Sequence[int]]) -> Turn:
    pids = [*roots(), load.pid]
    before = sample(pids)
    result = load.run()
    return Turn(load=result, cpu_s=cpu_seconds(before, sample(pids)))


def beside(
    spec: LoadSpec, roots: Callable[[], Sequence[int]], meanwhile: Callable[[threading.Thread], T]
) -> tuple[Turn, T]:
    """Run a load to its end, and something else from its begin on; that is given the thread which lives as long as the load."""
    turns: list[Turn] = []
    begun = threading.Event()

    def built() -> Sequence[int]:
        begun.set()
        return roots()

    with closing(loading(spec)) as load:
        thread = threading.Thread(target=lambda: turns.append(_measured(load, built)))
        thread.start()
        begun.wait()
        try:
            made = meanwhile(thread)
        except BaseException:
            load.terminate()
            raise
        finally:
            thread.join()
    return turns[0], made


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
