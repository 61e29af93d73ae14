"""docs/reference/metrics.md, from the metric families that /metrics renders."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import Metric

from switch.http.metrics import BOUNDS_S, STEPS, Metrics, clock_family, fill_family
from switch.reference.markdown import code, page, table
from switch.views.pack_metrics import pack_families
from switch.views.webhook_metrics import webhook_families

_INTRODUCTION: Final = """\
`GET /metrics` answers in Prometheus text format, without a key. Each front door counts for itself: with several front doors on one port a
scrape reaches one of them, and no label says which: [monitor](../operations/monitor.md) says what such figures mean.
Counters of rule packs (`shardpay_pack_decisions`, `shardpay_shadow`,
`shardpay_rule_hits`, `shardpay_rule_no_value`) come from the scorers by way of the database and are the same at every front door. So are
those of webhooks.
[Monitor](../operations/monitor.md) says which of them to watch."""


def families() -> Iterator[Metric]:
    """Every family there is, without samples."""
    yield from Metrics(list).families()
    yield from pack_families({}, {})
    yield from webhook_families(())
    yield fill_family({})
    yield clock_family({})


def document() -> str:
    """The page."""
    sections = (_section(family) for family in sorted(families(), key=lambda each: each.name))
    steps = table(
        ("step", "from, to"),
        (
            (code(STEPS[0]), "the end of a request's headers, its answer; event streams are not counted"),
            (code(STEPS[1]), "the first row of a call arrives in a shard's write queue, the call leaves"),
            (code(STEPS[2]), "a call to a shard leaves, its answer arrives"),
        ),
    )
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS_S)
    return page(
        "Metrics", _INTRODUCTION, *sections, "## Steps", steps, f"Upper bounds of the buckets, in seconds: {bounds}."
    )


def _section(family: Metric) -> str:
    series = {"counter": f"{family.name}_total", "histogram": f"{family.name}_bucket, _sum, _count"}
    labels = ", ".join(map(code, getattr(family, "_labelnames", ()))) or "none"
    return (
        f"## {family.name}\n\n{family.documentation}\n\n"
        f"Type: {family.type}. Series: `{series.get(family.type, family.name)}`. Labels: {labels}."
    )
