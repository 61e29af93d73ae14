"""What the scorers have counted of the packs that run, as Prometheus families.

They count for all front doors together.
"""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from actors.scoring.counting import DECIDED, HIT, NO_VALUE, SHADOW
from actors.stores.rule_packs import PackNames
from rules.decisions.decision import Action
from switch.views.pack_names import Names
from switch.views.representations import ACTION_NAMES


def pack_families(names: Names, counts: Mapping[tuple[int, str, int], int]) -> Iterable[Metric]:
    """Families of counts by pack, kind and item."""
    families = {
        DECIDED: CounterMetricFamily(
            "shardpay_pack_decisions", "Payments by pack and action.", labels=("pack", "action")
        ),
        SHADOW: CounterMetricFamily(
            "shardpay_shadow",
            "Payments by what was decided and what a pack in shadow would have decided.",
            labels=("pack", "decided", "would"),
        ),
        HIT: CounterMetricFamily("shardpay_rule_hits", "Payments on which a rule fired.", labels=("pack", "rule")),
        NO_VALUE: CounterMetricFamily(
            "shardpay_rule_no_value", "Payments on which a rule had no value.", labels=("pack", "rule")
        ),
    }
    for (pack, what, item), count in counts.items():
        known = names[pack]
        families[what].add_metric((known.label, *_labels(what, item, known)), count)
    return families.values()


def _labels(what: str, item: int, known: PackNames) -> tuple[str, ...]:
    if what == DECIDED:
        return (ACTION_NAMES[item],)
    if what == SHADOW:
        decided, would = divmod(item, len(Action))
        return ACTION_NAMES[decided], ACTION_NAMES[would]
    return (known.rules[item],)
