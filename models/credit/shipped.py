"""The wallet cards of the package, trained on a made-up population: never to judge people by."""

from pathlib import Path
from typing import Final

from models.credit.wallet_card import RELATIONS, checked
from models.scorecard import Scorecard, parse

FOLDER: Final = Path(__file__).parent / "cards"
SHIPPED: Final[dict[str, tuple[str, ...]]] = {"wallet": (), f"wallet-without-{RELATIONS}": (RELATIONS,)}
"""By name, the dimensions that a card does without."""


def shipped(name: str = "wallet") -> Scorecard:
    """A card by its name. Raises KeyError for one that there is not."""
    if name not in SHIPPED:
        raise KeyError(name)
    return checked(parse((FOLDER / f"{name}.json").read_bytes()))
