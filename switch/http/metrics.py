"""What a front door counts.

Plain numbers while requests run; Prometheus types only when somebody scrapes.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from actors.rpc.interface import Condition

BOUNDS_S: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 2.5, 5.0)
STEPS: Final = ("request", "queue", "shard")
"""request: from the end of the headers to the answer; queue: the longest wait of a call's rows; shard: the call itself."""


class Latencies:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus has them."""
        buckets, sum_ = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            sum_ += count
            buckets.append((bound, float(sum_)))
        return buckets


class Metrics:
    """All counts of one front door; `depths` gives rows waiting by shard."""

    def __init__(self, depths: Callable[[], Iterable[int]]) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.results: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.fallbacks = 0
        self.steps = {step: Latencies() for step in STEPS}
        self.call_rows = 0
        self.streams = 0
        self._depths = depths

    def called(self, queued_s: float, call_s: float, rows: int) -> None:
        """A call to a shard has ended."""
        self.steps["queue"].observe(queued_s)
        self.steps["shard"].observe(call_s)
        self.call_rows += rows

    def render(self, more: Iterable[Metric] = ()) -> bytes:
        """Prometheus text format, with families that others have counted."""
        registry = CollectorRegistry()
        registry.register(_Collector([*self.families(), *more]))
        return generate_latest(registry)

    def families(self) -> Iterable[Metric]:
        """The counts as metric families."""
        requests = CounterMetricFamily("shardpay_requests", "Requests by route and status.", labels=("route", "status"))
        for (route, status), count in self.requests.items():
            requests.add_metric((route, str(status)), count)
        yield requests
        yield _counts("shardpay_results", "Results of rows by code.", "code", self.results)
        yield _counts("shardpay_decisions", "Decisions of scored payments by action.", "action", self.decisions)
        yield CounterMetricFamily(
            "shardpay_fallbacks", "Payments decided by a pack's fallback: no scorer answered.", value=self.fallbacks
        )
        latency = HistogramMetricFamily("shardpay_step_seconds", "Latency by step.", labels=("step",))
        for step, latencies in self.steps.items():
            latency.add_metric((step,), latencies.buckets(), latencies.total)
        yield latency
        yield CounterMetricFamily("shardpay_shard_rows", "Rows carried to shards.", value=self.call_rows)
        yield GaugeMetricFamily("shardpay_event_streams", "Callers that listen to events.", value=self.streams)
        depth = GaugeMetricFamily("shardpay_queue_rows", "Rows that wait for a call.", labels=("shard",))
        for shard, rows in enumerate(self._depths()):
            depth.add_metric((str(shard),), rows)
        yield depth


def fill_family(conditions: Mapping[int, Condition]) -> Metric:
    """How full the tables of shards are."""
    family = GaugeMetricFamily(
        "shardpay_table_fill_ratio", "Share of a shard's table in use.", labels=("shard", "table")
    )
    for shard, condition in conditions.items():
        for table, ratio in condition.fills.items():
            family.add_metric((str(shard), table), ratio)
    return family


def clock_family(conditions: Mapping[int, Condition]) -> Metric:
    """How far the clocks of shards are from the database's."""
    family = GaugeMetricFamily(
        "shardpay_clock_off_ms", "How far the database's clock is ahead of a shard's; 0 up to 5 s.", labels=("shard",)
    )
    for shard, condition in conditions.items():
        family.add_metric((str(shard),), condition.clock_off_ms)
    return family


def _counts(name: str, text: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in counts.items():
        family.add_metric((value,), count)
    return family


class _Collector:
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Any]:
        return self._families
