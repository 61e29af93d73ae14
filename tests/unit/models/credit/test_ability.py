"""Features of ability, worked out by hand: what comes in, how regularly, what stays, and for how long it would last."""

import pytest

from actors.records.codes import Code
from actors.records.layout import Kind
from models.credit.ability import ABILITY
from tests.feature_lake import OUTSIDE, HandMadeLake

Answers = dict[str, dict[str, int | None]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    lake = HandMadeLake()
    shop, friend = lake.wallet("shop"), lake.wallet("friend")
    lake.wallet("unused")
    steady = lake.wallet("steady")
    for days, spent in ((165, 0), (135, 0), (105, 0), (75, 0), (45, 300), (15, 300)):
        lake.pays(OUTSIDE, steady, 600, days)
        if spent:
            lake.pays(steady, shop, spent, days - 1)
    once = lake.wallet("once")
    lake.pays(OUTSIDE, once, 900, 100)
    lake.pays(friend, once, 300, 10)
    lake.add(Kind.REFUND, 5, payer=shop, payee=once, amount=77, reference=1)
    lake.pays(once, shop, 400, 2, code=int(Code.INSUFFICIENT_FUNDS))
    lake.pays(once, shop, 100, 1)
    owing = lake.wallet("owing")
    lake.pays(owing, shop, 500, 45)
    lake.pays(OUTSIDE, owing, 500, 30)
    return lake.answers(tmp_path_factory.mktemp("ability"), ABILITY)


@pytest.mark.parametrize(
    ("feature", "steady", "once", "owing"),
    [
        ("income_90d", 1_800, 300, 500),
        ("income_months_6", 6, 2, 1),
        ("income_lowest_share_6m", 10_000, 0, 0),
        ("income_variation_6m", 0, 13_333, 16_640),
        ("income_recent_share", 5_000, 2_500, 10_000),
        ("mean_credit_180d", 600, 600, 500),
        ("outside_income_share_180d", 10_000, 7_500, 10_000),
        ("paid_of_income_90d", 3_333, 3_333, 10_000),
        ("paid_of_income_180d", 1_666, 833, 10_000),
        ("balance", 3_000, 1_177, 0),
        ("lowest_balance_90d", 1_800, 900, -500),
        ("empty_nights_share_90d", 0, 0, 10_000),
        ("overdrawn_nights_share_90d", 0, 0, 1_666),
        ("mean_balance_90d", 2_506, 936, -83),
        ("covered_share_180d", 10_000, 2_000, 10_000),
        ("buffer_days", 375, 842, 0),
    ],
)
def test_a_feature_is_what_its_meaning_says(
    answers: Answers, feature: str, steady: int | None, once: int | None, owing: int | None
) -> None:
    found = answers[feature]
    assert {name: found[name] for name in ("steady", "once", "owing")} == {
        "steady": steady,
        "once": once,
        "owing": owing,
    }


def test_whoever_got_nothing_has_amounts_of_none_and_no_shares(answers: Answers) -> None:
    nights = {"mean_balance_90d": 0, "lowest_balance_90d": 0, "empty_nights_share_90d": 10_000}
    nights |= {"overdrawn_nights_share_90d": 0}
    for feature in ABILITY:
        assert answers[feature.name]["unused"] == nights.get(feature.name, feature.unknown), feature.name


def test_a_wallet_that_pays_nothing_has_no_days_for_which_its_balance_lasts(answers: Answers) -> None:
    assert answers["buffer_days"]["unused"] is None and answers["buffer_days"]["shop"] is None
