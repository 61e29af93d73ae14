"""The same work for every shard: in processes of this machine or as tasks of a Ray cluster.

Both run the same function, and shards have nothing to do with each other.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def each_shard(job: Job, work: Callable[[Job, int], Result], shards: Sequence[int], workers: int) -> list[Result]:
    """Results in the order of shards: some at a time, each in a process of its own if there are several."""
    if min(workers, len(shards)) <= 1:
        return [work(job, shard) for shard in shards]
    # Spawned: a forked child would inherit threads' locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(shards)), mp_context=context) as pool:
        return list(pool.map(work, [job] * len(shards), shards))


def each_shard_on_ray(job: Job, work: Callable[[Job, int], Result], shards: Sequence[int]) -> list[Result]:
    """The same on the cluster that this process is connected to (see `ray_cluster`). What the job names must lie where every node sees
    it."""
    import ray  # Not before its environment was set.

    task: Any = ray.remote(num_cpus=1)(work)
    results: list[Result] = ray.get([task.remote(job, shard) for shard in shards])
    return results
