"""The same work for every shard gives results in the order of shards, in this process or in others."""

import os
from typing import Any

import pytest

from actors.process.each_shard import each_shard


def squared(job: dict[str, Any], shard: int) -> tuple[int, int]:
    """What a shard gives, and where it was worked out."""
    if shard == job.get("fails"):
        raise LookupError(f"shard {shard}")
    return job["factor"] * shard * shard, os.getpid()


@pytest.mark.parametrize(("shards", "workers"), [([3, 1, 2], 1), ([5], 4), ([], 4), ([1, 2], 0)])
def test_one_worker_or_one_shard_needs_no_process(shards: list[int], workers: int) -> None:
    found = each_shard({"factor": 2}, squared, shards, workers)
    assert found == [(2 * shard * shard, os.getpid()) for shard in shards]


def test_an_error_of_a_shard_is_the_callers() -> None:
    with pytest.raises(LookupError, match="shard 2"):
        each_shard({"factor": 1, "fails": 2}, squared, [1, 2, 3], 1)


@pytest.mark.long
def test_several_shards_go_to_processes_of_their_own_and_an_error_comes_back() -> None:
    found = each_shard({"factor": 3}, squared, [3, 1, 2], 2)
    assert [value for value, _ in found] == [27, 3, 12] and os.getpid() not in {pid for _, pid in found}
    with pytest.raises(LookupError, match="shard 1"):
        each_shard({"factor": 1, "fails": 1}, squared, [3, 1, 2], 2)
