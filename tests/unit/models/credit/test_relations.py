"""Features of relations, worked out by hand: whom a wallet pays and is paid by, the operator left out."""

import pytest

from actors.records.layout import Kind
from models.credit.relations import RELATIONS
from tests.feature_lake import OUTSIDE, HandMadeLake

Answers = dict[str, dict[str, int | None]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    lake = HandMadeLake()
    good, poor, unknown, erased = (lake.wallet(name) for name in ("good", "poor", "unknown", "erased"))
    for wallet, score in ((good, 500), (poor, 599), (good, 700), (erased, 640)):
        lake.add(Kind.SCORE, 5, payer=wallet, points=score)
    lake.add(Kind.DATA_ERASED, 4, payer=erased)
    ann = lake.wallet("ann")
    lake.pays(ann, good, 50, 10, 20, 30)
    lake.pays(poor, ann, 100, 40)
    lake.pays(ann, poor, 100, 50)
    lake.pays(ann, unknown, 25, 60)
    lake.pays(erased, ann, 25, 70)
    lake.pays(ann, good, 9_999, 200)
    lake.pays(OUTSIDE, ann, 600, 80)
    lake.add(Kind.REFUND, 1, payer=unknown, payee=ann, amount=25, reference=1)
    alone = lake.wallet("alone")
    lake.pays(alone, good, 5, 1)
    lake.wallet("unused")
    return lake.answers(tmp_path_factory.mktemp("relations"), RELATIONS)


@pytest.mark.parametrize(
    ("feature", "ann", "alone"),
    [
        ("counterparties_180d", 4, 1),
        ("payees_180d", 3, 1),
        ("payers_180d", 2, 0),
        ("mutual_share_180d", 2_500, 0),
        ("repeated_share_180d", 2_500, 0),
        ("main_counterparty_share_180d", 5_000, 10_000),
        ("concentration_180d", (3_750**2 + 5_000**2 + 2 * 625**2) // 10_000, 10_000),
        ("wallets_share_180d", 4_000, 10_000),
        ("counterparties_scored_share_180d", 5_000, 10_000),
        ("counterparties_low_score_share_180d", 5_000, 0),
        ("counterparties_mean_score_180d", 649, 700),
    ],
)
def test_a_feature_is_what_its_meaning_says(answers: Answers, feature: str, ann: int, alone: int) -> None:
    assert (answers[feature]["ann"], answers[feature]["alone"]) == (ann, alone)


def test_whoever_knows_nobody_has_counts_of_none_and_no_shares(answers: Answers) -> None:
    for feature in RELATIONS:
        assert answers[feature.name]["unused"] == feature.unknown, feature.name
