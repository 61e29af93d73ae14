"""Figures for people: quantiles of a histogram, shards that answered or did not, requests that failed."""

import pytest

from actors.rpc.interface import Condition
from switch.http.metrics import BOUNDS_S, Latencies, Metrics
from switch.views.figures import quantile_s, request_counts, shard_figures, step_figures


def counts(**by_bucket: int) -> list[int]:
    return [by_bucket.get(f"b{i}", 0) for i in range(len(BOUNDS_S) + 1)]


def test_nothing_has_no_quantile() -> None:
    assert quantile_s(counts(), 0.5) is None


@pytest.mark.parametrize(
    ("share", "part"), [(0.5, 0.5), (0.99, 0.99), (1.0, 1.0)], ids=["median", "ninety-nine", "slowest"]
)
def test_a_quantile_is_linear_within_its_bucket(share: float, part: float) -> None:
    assert quantile_s(counts(b0=100), share) == pytest.approx(BOUNDS_S[0] * part)
    wanted = BOUNDS_S[1] + (BOUNDS_S[2] - BOUNDS_S[1]) * part
    assert quantile_s(counts(b2=10), share) == pytest.approx(wanted)


def test_a_quantile_skips_the_buckets_below_it_and_ends_at_the_last_bound() -> None:
    assert quantile_s(counts(b0=50, b3=50), 0.75) == pytest.approx(BOUNDS_S[2] + (BOUNDS_S[3] - BOUNDS_S[2]) / 2)
    assert quantile_s([*counts(b0=1)[:-1], 9], 0.5) == BOUNDS_S[-1]


def test_a_step_tells_its_count_its_time_and_its_quantiles() -> None:
    latencies = Latencies()
    latencies.counts[0] += 4
    latencies.total += 0.0000012
    figures = step_figures(latencies)
    assert (figures.count, figures.total_s, figures.counts[0]) == (4, 0.000001, 4)
    assert figures.p50_s == pytest.approx(BOUNDS_S[0] / 2)


def test_a_shard_that_did_not_answer_or_says_why_it_stops_does_not_serve() -> None:
    well = Condition(fills={"keys": 0.25, "holds": 0.5})
    silent, good, stopped = shard_figures([3, 0, 7], {1: well, 2: Condition(stops=["its journal is away"])})
    assert (silent.serving, silent.waiting, silent.fullest, silent.fill) == (False, 3, None, 0.0)
    assert (good.serving, good.fullest, good.fill) == (True, "holds", 0.5)
    assert (stopped.shard, stopped.serving, stopped.stops) == (2, False, ["its journal is away"])


def test_a_shard_is_behind_by_the_blocks_of_others_that_it_has_not_read() -> None:
    one = Condition(durable_block=9, read_blocks={1: 4, 2: 7}, node="a", disk_free_bytes=5)
    other = Condition(durable_block=6, read_blocks={0: 9})
    shown = shard_figures([0, 0, 0], {0: one, 1: other})
    assert [each.behind for each in shown] == [2, 0, 0], "of one that does not answer nothing is known"
    assert (shown[0].node, shown[0].disk_free_bytes, shown[2].node) == ("a", 5, "")
    ahead = Condition(durable_block=3, read_blocks={0: 20})
    assert shard_figures([0, 0], {0: one, 1: ahead})[1].behind == 0


def test_a_503_asks_to_come_again_and_is_no_failure() -> None:
    metrics = Metrics(lambda: [])
    for status, times in ((200, 5), (404, 2), (500, 3), (503, 7), (504, 1)):
        metrics.requests["/v1/transfers", status] += times
    assert request_counts(metrics) == (18, 4)
