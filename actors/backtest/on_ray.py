"""A backtest as a batch job on a Ray cluster: one task a shard.

A task runs the same function as a process on one machine.

The export must lie where every node can read it. Ray must be connected (see `ray_runtime`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from actors.backtest.run import Backtest

Result = TypeVar("Result")


def each_shard_on_ray(test: Backtest, work: Callable[[Backtest, int], Result]) -> list[Result]:
    """`work` for every shard, in the order of shards."""
    import ray  # Not before its environment was set.

    task: Any = ray.remote(num_cpus=1)(work)
    results: list[Result] = ray.get([task.remote(test, shard) for shard in test.shards])
    return results
