"""Counts as Prometheus reads them."""

from switch.http.metrics import Metrics


def test_counts_are_rendered() -> None:
    metrics = Metrics(lambda: [3, 4])
    metrics.requests["GET /healthz", 200] += 2
    metrics.results["ok"] += 1
    metrics.called(0.0007, 0.003, 8)
    text = metrics.render().decode()
    for line in (
        'shardpay_requests_total{route="GET /healthz",status="200"} 2.0',
        'shardpay_results_total{code="ok"} 1.0',
        'shardpay_step_seconds_bucket{le="0.001",step="queue"} 1.0',
        'shardpay_step_seconds_bucket{le="0.002",step="shard"} 0.0',
        'shardpay_step_seconds_count{step="shard"} 1.0',
        "shardpay_shard_rows_total 8.0",
        'shardpay_queue_rows{shard="1"} 4.0',
    ):
        assert line in text, line
