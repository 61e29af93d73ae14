"""Who publishes scores, as a process of its own: run after run of a finished job, without a pause.

`python -m bench.workload.publisher`: see `client_process`. It gives way to payments as `shardpay rescore publish` does.
"""

import itertools
import time
from collections.abc import Callable, Iterator

import msgspec
import pyarrow.compute as pc

from actors.process.tuning import session_gives_way
from actors.rescore.output import Output
from actors.rescore.publishing import Batch, Numbers, answered, batches
from actors.rescore.run import read_manifest
from actors.storage.place import folder_at
from bench.workload.client_process import ClientProcess, play
from switch.client import Client


class PublisherSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`folder`: of the job; `run`: number of the first run; `timeout_s`: of a batch."""

    url: str
    key: str | None
    folder: str
    run: int
    seconds: float
    timeout_s: float


class PublisherResult(msgspec.Struct, frozen=True, kw_only=True):
    """Scores that were taken until `seconds` after the begin; what is under way then does not count. `runs` were begun."""

    scores: int
    seconds: float
    runs: int


def publisher(spec: PublisherSpec) -> ClientProcess[PublisherResult]:
    """A process that is ready to publish."""
    return ClientProcess(__name__, spec, PublisherResult)


class _Runs:
    """The job's batches under one number after the other."""

    def __init__(self, spec: PublisherSpec) -> None:
        self._output = Output(folder_at(spec.folder))
        manifest = read_manifest(self._output)
        assert manifest is not None, f"{spec.folder} holds a finished job"
        self._manifest = manifest
        self._first = spec.run
        self.begun = 0

    def batches(self) -> Iterator[Batch]:
        """Without an end."""
        for run in itertools.count(self._first):
            self.begun += 1
            yield from batches(self._output, self._manifest, Numbers(run))


def _prepared(spec: PublisherSpec) -> Callable[[], PublisherResult]:
    """The first batch is read beforehand."""
    session_gives_way()
    runs = _Runs(spec)
    given = runs.batches()
    first = next(given)

    def publish() -> PublisherResult:
        with Client(spec.url, spec.key, timeout_s=spec.timeout_s) as client:
            return _published(client, itertools.chain([first], given), runs, spec.seconds)

    return publish


def _published(client: Client, given: Iterator[Batch], runs: _Runs, seconds: float) -> PublisherResult:
    started, rows, taken_s = time.perf_counter(), 0, seconds

    def is_over() -> bool:
        return time.perf_counter() - started > seconds

    taking = answered(itertools.takewhile(lambda _: not is_over(), given), client.publish_scores)
    for _, answer in itertools.takewhile(lambda _: not is_over(), taking):
        codes = pc.unique(answer.column("code")).to_pylist()
        if codes != ["ok"]:
            raise RuntimeError(f"scores that were not taken: {codes}")
        rows += len(answer)
        taken_s = time.perf_counter() - started
    taking.close()
    return PublisherResult(scores=rows, seconds=taken_s, runs=runs.begun)


if __name__ == "__main__":
    play(PublisherSpec, _prepared)
