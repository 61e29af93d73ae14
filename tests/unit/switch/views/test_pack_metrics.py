"""What scorers counted becomes counters whose labels are names: of packs, of actions, of rules."""

from actors.scoring.counting import DECIDED, HIT, NO_VALUE, SHADOW
from actors.stores.rule_packs import PackNames
from rules.decisions.decision import Action
from switch.views.pack_metrics import pack_families

NAMES = {4: PackNames("own@2", ("big", "new"), ()), 5: PackNames("other@1", ("late",), ())}


def samples(counts: dict[tuple[int, str, int], int]) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in pack_families(NAMES, counts)
        for sample in family.samples
    }


def test_each_count_has_its_names() -> None:
    decided, would = Action.APPROVE, Action.DECLINE
    counts = {
        (4, DECIDED, int(Action.REVIEW)): 3,
        (5, SHADOW, int(decided) * len(Action) + int(would)): 2,
        (4, HIT, 1): 7,
        (5, NO_VALUE, 0): 1,
    }
    assert samples(counts) == {
        ("shardpay_pack_decisions_total", "own@2", "review"): 3,
        ("shardpay_shadow_total", "other@1", "approve", "decline"): 2,
        ("shardpay_rule_hits_total", "own@2", "new"): 7,
        ("shardpay_rule_no_value_total", "other@1", "late"): 1,
    }


def test_a_shadows_two_actions_are_not_mixed_up() -> None:
    counts = {(4, SHADOW, int(a) * len(Action) + int(b)): 10 * int(a) + int(b) for a in Action for b in Action}
    expected = {
        ("shardpay_shadow_total", "own@2", a.name.lower(), b.name.lower()): 10 * int(a) + int(b)
        for a in Action
        for b in Action
    }
    assert samples(counts) == expected


def test_without_counts_all_families_are_there_and_empty() -> None:
    families = list(pack_families(NAMES, {}))
    assert len(families) == 4 and all(not family.samples and family.documentation for family in families)
