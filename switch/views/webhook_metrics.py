"""How webhook endpoints do: for /metrics, and what /readyz warns of."""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from actors.stores.webhook_endpoints import EndpointFigures, EndpointState

FAILING_S: Final = 600
"""Of an endpoint to which nothing got through for so long, an operator is warned."""


def webhook_families(figures: Sequence[EndpointFigures]) -> Iterable[Metric]:
    """The counts as metric families."""
    attempts = CounterMetricFamily(
        "shardpay_webhook_attempts", "Attempts to deliver webhooks.", labels=("endpoint", "result")
    )
    pending = GaugeMetricFamily(
        "shardpay_webhook_pending", "Deliveries that wait to be sent again.", labels=("endpoint",)
    )
    dead = GaugeMetricFamily(
        "shardpay_webhook_dead_letters", "Deliveries that nobody sends again.", labels=("endpoint",)
    )
    behind = GaugeMetricFamily(
        "shardpay_webhook_behind_blocks", "Blocks of the journal not yet read for it.", labels=("endpoint",)
    )
    failing = GaugeMetricFamily(
        "shardpay_webhook_failing_seconds",
        "For so long nothing gets through; 0 while something does.",
        labels=("endpoint",),
    )
    for each in figures:
        name = str(each.id)
        attempts.add_metric((name, "delivered"), each.delivered)
        attempts.add_metric((name, "failed"), each.failed)
        pending.add_metric((name,), each.pending)
        dead.add_metric((name,), each.dead)
        enabled = each.state is EndpointState.ENABLED
        behind.add_metric((name,), each.behind if enabled else 0)
        failing.add_metric((name,), each.failing_s or 0.0 if enabled else 0.0)
    return attempts, pending, dead, behind, failing


def webhook_warnings(figures: Sequence[EndpointFigures]) -> list[str]:
    """What an operator should see to."""
    enabled = [each for each in figures if each.state is EndpointState.ENABLED]
    failed = (EndpointState.FAILED, EndpointState.GONE)
    return [
        *(["no process sends webhooks"] if any(each.unattended for each in enabled) else ()),
        *(f"webhook endpoint {each.id} was disabled: nothing got through" for each in figures if each.state in failed),
        *(
            f"nothing has got through to webhook endpoint {each.id} for {each.failing_s / 60:.0f} minutes"
            for each in enabled
            if each.failing_s is not None and each.failing_s > FAILING_S
        ),
    ]
