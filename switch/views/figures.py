"""How the switch is doing, in figures for people: what /metrics counts and what /readyz asks."""

from collections.abc import Mapping, Sequence

import msgspec

from actors.rpc.interface import Condition
from switch.http.metrics import BOUNDS_S, Latencies, Metrics


class StepFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of a step since the process began: `counts` by the bounds of `Figures.bounds_s`, the last beyond all of them; the quantiles
    are in seconds, None of nothing."""

    count: int
    total_s: float
    counts: list[int]
    p50_s: float | None
    p99_s: float | None


class ShardFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A shard. `serving`: it answered; `waiting`: rows in this front door's queue for it; `fills`: shares of its tables in use; `behind`:
    blocks of other shards that it has not read yet, whose credits are in flight; `node`: the machine it runs on, with what its disk has
    free."""

    shard: int
    serving: bool
    waiting: int
    fullest: str | None
    fill: float
    fills: dict[str, float]
    clock_off_ms: int
    behind: int
    node: str
    disk_free_bytes: int | None
    stops: list[str]
    warnings: list[str]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are of the front door that answers, from its start: `process` tells them apart where there are several. `ready`: whether
    payments are taken, `why` if not."""

    process: int
    taken_at: str
    ready: bool
    why: str | None
    requests: int
    server_errors: int
    results: dict[str, int]
    decisions: dict[str, int]
    fallbacks: int
    bounds_s: list[float]
    steps: dict[str, StepFigures]
    streams: int
    shards: list[ShardFigures]
    packs: dict[str, list[str]]


def quantile_s(counts: Sequence[int], share: float) -> float | None:
    """The quantile of a histogram over BOUNDS_S, linear inside a bucket; beyond the last bound it is that bound. None of nothing."""
    rank = share * sum(counts)
    if not rank:
        return None
    below = 0
    for i, count in enumerate(counts[: len(BOUNDS_S)]):
        if below + count >= rank:
            low = BOUNDS_S[i - 1] if i else 0.0
            return low + (BOUNDS_S[i] - low) * (rank - below) / count
        below += count
    return BOUNDS_S[-1]


def step_figures(latencies: Latencies) -> StepFigures:
    """A histogram with its quantiles."""
    counts = list(latencies.counts)
    return StepFigures(
        count=sum(counts),
        total_s=round(latencies.total, 6),
        counts=counts,
        p50_s=quantile_s(counts, 0.5),
        p99_s=quantile_s(counts, 0.99),
    )


def shard_figures(waiting: Sequence[int], conditions: Mapping[int, Condition]) -> list[ShardFigures]:
    """Shards in order, by rows that wait for each and the conditions of those that answered."""
    shown = []
    for shard, rows in enumerate(waiting):
        condition = conditions.get(shard, Condition())
        fullest = max(condition.fills, key=lambda table: condition.fills[table], default=None)
        shown.append(
            ShardFigures(
                shard=shard,
                serving=shard in conditions and not condition.stops,
                waiting=rows,
                fullest=fullest,
                fill=0.0 if fullest is None else condition.fills[fullest],
                fills=condition.fills,
                clock_off_ms=condition.clock_off_ms,
                behind=_behind(condition, conditions),
                node=condition.node,
                disk_free_bytes=condition.disk_free_bytes,
                stops=condition.stops,
                warnings=condition.warnings,
            )
        )
    return shown


def _behind(condition: Condition, conditions: Mapping[int, Condition]) -> int:
    """Blocks of shards that answered which this one has not read, of all of them together."""
    unread = [
        conditions[each].durable_block - block for each, block in condition.read_blocks.items() if each in conditions
    ]
    return sum(max(blocks, 0) for blocks in unread)


def request_counts(metrics: Metrics) -> tuple[int, int]:
    """All requests, and those that ended with a status of 500 or more other than 503, which asks callers to come again."""
    failed = sum(count for (_, status), count in metrics.requests.items() if status >= 500 and status != 503)
    return sum(metrics.requests.values()), failed
