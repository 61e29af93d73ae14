"""Features of identity, worked out by hand: how well a holder is known, for how long, and by which means they pay."""

import pytest

from actors.records.layout import Kind, WalletStatus
from models.credit.identity import IDENTITY
from rules.vocabulary.encodings import Channel, country_number
from tests.feature_lake import HandMadeLake

Answers = dict[str, dict[str, int | None]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    lake = HandMadeLake()
    shop = lake.wallet("shop")
    lake.wallet("new", days=0.5, tier=3)
    old = lake.wallet("old", days=400, tier=1)
    lake.add(Kind.WALLET_TIER, 361, payee=old, decision=2)
    lake.add(Kind.WALLET_TIER, 50.9, payee=old, decision=2)
    frozen = lake.wallet("frozen")
    for status in (WalletStatus.FROZEN, WalletStatus.OPEN, WalletStatus.FROZEN):
        lake.add(Kind.WALLET_STATUS, 20, payee=frozen, channel=int(status))
    thawed = lake.wallet("thawed")
    for status in (WalletStatus.FROZEN, WalletStatus.OPEN):
        lake.add(Kind.WALLET_STATUS, 20, payee=thawed, channel=int(status))
    germany, france = country_number("DE"), country_number("FR")
    for device, country, channel, days in (
        (7, germany, Channel.POS, 1),
        (7, germany, Channel.WEB, 2),
        (8, 0, Channel.POS, 3),
        (0, france, 0, 4),
        (9, france, Channel.POS, 180.5),
    ):
        lake.pays(old, shop, 1, days, device=device, country=country, channel=int(channel))
    lake.pays(frozen, shop, 1, 1)
    return lake.answers(tmp_path_factory.mktemp("identity"), IDENTITY)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("tier", {"new": 3, "old": 2, "frozen": 0}),
        ("tier_age_days", {"new": 0, "old": 50, "frozen": 500}),
        ("wallet_age_days", {"new": 0, "old": 400, "frozen": 500}),
        ("tier_changes_360d", {"new": 0, "old": 1, "frozen": 0}),
        ("freezes", {"new": 0, "old": 0, "frozen": 2, "thawed": 1}),
        ("is_open", {"new": 1, "old": 1, "frozen": 0, "thawed": 1}),
        ("devices_180d", {"new": None, "old": 2, "frozen": None}),
        ("main_device_share_180d", {"new": None, "old": 6_666, "frozen": None}),
        ("countries_180d", {"new": None, "old": 2, "frozen": None}),
        ("channels_180d", {"new": None, "old": 2, "frozen": None}),
    ],
)
def test_a_feature_is_what_its_meaning_says(answers: Answers, feature: str, expected: dict[str, int | None]) -> None:
    assert {name: answers[feature][name] for name in expected} == expected


def test_every_feature_of_the_dimension_was_asked_for(answers: Answers) -> None:
    assert set(answers) == {feature.name for feature in IDENTITY} and len(IDENTITY) == 10
