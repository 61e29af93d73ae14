"""The cards of the package are cards for wallets, by the catalogue's features, and say what they were made of."""

import pytest

from models.credit.catalogue import BY_NAME
from models.credit.feature import DIMENSIONS
from models.credit.shipped import FOLDER, SHIPPED, shipped
from models.credit.wallet_card import RELATIONS, checked
from models.scorecard import canonical


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_is_one_for_wallets_and_its_file_is_canonical(name: str) -> None:
    card = shipped(name)
    assert card.name == name and checked(card) is card
    assert canonical(card) == (FOLDER / f"{name}.json").read_bytes()
    for item in card.characteristics:
        assert BY_NAME[item.feature].dimension == item.dimension, item.feature


def test_the_card_without_relations_has_all_dimensions_but_that() -> None:
    assert set(shipped().dimensions) == set(DIMENSIONS)
    assert set(shipped(f"wallet-without-{RELATIONS}").dimensions) == set(DIMENSIONS) - {RELATIONS}


@pytest.mark.parametrize("name", ["", "other", "../cards/wallet", "wallet.json"])
def test_only_shipped_cards_are_read(name: str) -> None:
    with pytest.raises(KeyError):
        shipped(name)


def test_every_file_is_shipped() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SHIPPED)
