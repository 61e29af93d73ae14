"""Features of behaviour, worked out by hand: what a wallet is used for, when, how regularly, and what is refused."""

import pytest

from actors.records.codes import Code
from actors.records.layout import FLAG_REVIEW, Kind
from models.credit.behaviour import BEHAVIOUR
from rules.vocabulary.encodings import Label, WalletKind
from tests.feature_lake import OUTSIDE, HandMadeLake

Answers = dict[str, dict[str, int | None]]
HOUR = 1 / 24


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """AS_OF is noon of a Tuesday."""
    lake = HandMadeLake()
    bakery, cinema = (lake.wallet(name, kind=WalletKind.MERCHANT) for name in ("bakery", "cinema"))
    friend = lake.wallet("friend")
    lake.wallet("unused")
    ann = lake.wallet("ann")
    lake.pays(ann, bakery, 30, 2, 3, label=int(Label.PAYMENT))
    lake.pays(ann, cinema, 20, 100, label=int(Label.PAYMENT))
    lake.pays(ann, friend, 15, 80, label=int(Label.TRANSFER))
    lake.pays(ann, OUTSIDE, 5, 179, label=int(Label.CASH_OUT))
    lake.pays(ann, bakery, 1_000, 181, 359, label=int(Label.PAYMENT))
    lake.pays(ann, bakery, 1_000, 360, label=int(Label.PAYMENT))
    lake.add(Kind.REFUND, 1, payer=bakery, payee=ann, amount=25, reference=1)
    bob = lake.wallet("bob")
    lake.pays(bob, bakery, 10, 6 * HOUR + HOUR / 60, 12 * HOUR, 3 + 7 * HOUR, 2 + 11 * HOUR)
    lake.pays(bob, bakery, 10, 4, code=int(Code.DECLINED))
    lake.pays(bob, bakery, 10, 4, code=int(Code.INSUFFICIENT_FUNDS))
    lake.add(Kind.HOLD, 4, payer=bob, payee=bakery, amount=10, flags=FLAG_REVIEW)
    daily = lake.wallet("daily")
    lake.pays(daily, bakery, 1, *range(90))
    yearly = lake.wallet("yearly")
    lake.pays(yearly, bakery, 7, 44, 44, 44)
    return lake.answers(tmp_path_factory.mktemp("behaviour"), BEHAVIOUR)


@pytest.mark.parametrize(
    ("feature", "ann", "bob", "daily", "yearly"),
    [
        ("payments_90d", 3, 4, 90, 3),
        ("payments_360d", 7, 4, 90, 3),
        ("payment_days_90d", 3, 3, 90, 1),
        ("longest_pause_90d", 76, 86, 0, 45),
        ("payments_recent_share", 6_000, 10_000, 10_000, 10_000),
        ("mean_payment_180d", 20, 10, 1, 7),
        ("largest_payment_share_180d", 3_000, 2_500, 111, 3_333),
        ("kinds_180d", 3, 1, 1, 1),
        ("purchase_share_180d", 8_000, None, None, None),
        ("transfer_share_180d", 1_500, None, None, None),
        ("cash_share_180d", 500, None, None, None),
        ("refund_share_180d", 2_500, 0, 0, 0),
        ("merchants_180d", 2, 1, 1, 1),
        ("main_merchant_share_180d", 7_500, 10_000, 10_000, 10_000),
        ("declined_share_180d", 0, 2_857, 0, 0),
        ("refused_by_rules_180d", 0, 1, 0, 0),
        ("reviewed_180d", 0, 1, 0, 0),
        ("pauses_variation_6m", 6_666, 16_666, 10_000, 16_666),
    ],
)
def test_a_feature_is_what_its_meaning_says(
    answers: Answers, feature: str, ann: int, bob: int, daily: int, yearly: int
) -> None:
    found = answers[feature]
    expected = {"ann": ann, "bob": bob, "daily": daily, "yearly": yearly}
    assert {name: found[name] for name, value in expected.items() if value is not None} == {
        name: value for name, value in expected.items() if value is not None
    }


def test_night_and_weekend_are_those_of_the_calendar_in_utc(answers: Answers) -> None:
    assert answers["night_share_180d"]["bob"] == 10_000 * 4 // 7, "05:59, 00:00, 05:00 and 01:00"
    assert answers["weekend_share_180d"]["bob"] == 10_000 * 2 // 7, "Saturday and Sunday"


def test_whoever_paid_nothing_has_counts_of_none_and_no_shares(answers: Answers) -> None:
    for feature in BEHAVIOUR:
        for wallet in ("unused", "bakery", "friend"):
            assert answers[feature.name][wallet] == feature.unknown, (feature.name, wallet)
