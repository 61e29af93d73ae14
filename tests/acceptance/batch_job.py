"""A backtest's decisions as a Ray batch job, in a process of its own: Ray prints messages of its own, and its node dies with its starter.

Usage: python -m tests.acceptance.batch_job BACKTEST OUTPUT DATA: a pickled `Backtest`, an .npz with addresses and decisions, Ray's folder.
"""

import pickle
import sys
from pathlib import Path

import numpy as np

from actors.backtest.run import decide_shard
from actors.process.each_shard import each_shard_on_ray
from actors.process.ray_cluster import RayOptions, RayRuntime


def main(backtest: Path, output: Path, data: Path) -> None:
    """Run it on a Ray of its own."""
    runtime = RayRuntime.start(RayOptions(data_dir=data, num_cpus=2, object_store_bytes=256 << 20))
    try:
        test = pickle.loads(backtest.read_bytes())
        found = each_shard_on_ray(test, decide_shard, test.shards)
    finally:
        runtime.stop()
    addresses, decisions = (np.concatenate(parts) for parts in zip(*found, strict=True))
    np.savez(output, addresses=addresses, decisions=decisions)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
