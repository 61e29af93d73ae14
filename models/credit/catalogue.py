"""The catalogue: every credit feature, by dimension, in the order in which files hold them."""

import hashlib
from typing import Final

import msgspec

from models.credit.ability import ABILITY
from models.credit.behaviour import BEHAVIOUR
from models.credit.feature import Feature
from models.credit.history import HISTORY, ORDERS
from models.credit.identity import IDENTITY
from models.credit.relations import RELATIONS
from models.credit.views import MACROS, VIEWS

FEATURES: Final[tuple[Feature, ...]] = (*HISTORY, *ORDERS, *BEHAVIOUR, *ABILITY, *IDENTITY, *RELATIONS)
BY_NAME: Final[dict[str, Feature]] = {feature.name: feature for feature in FEATURES}
assert len(BY_NAME) == len(FEATURES)


def without(dimension: str | None) -> tuple[Feature, ...]:
    """The features but those of a dimension."""
    return tuple(feature for feature in FEATURES if feature.dimension != dimension)


def digest() -> str:
    """What files say of the catalogue they were made with: another digest, other definitions."""
    text = msgspec.json.encode([MACROS, VIEWS, FEATURES])
    return hashlib.sha256(text).hexdigest()[:16]
