"""A wallet card is a scorecard from 350 to 950, whose five subtotals alone add up to the score.

So its base is 0: what a trained card gives every row is dealt out to the characteristics. Each reason code belongs to one dimension,
so the gaps of a dimension's reasons add up to what is missing from its subtotal.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from models.credit.feature import DIMENSIONS, Dimension
from models.scorecard import Band, CardError, Characteristic, Scorecard
from models.statistics import whole_numbers

RELATIONS: Final[Dimension] = "relations"
"""The dimension that a card may do without: laws differ on whether a person may be judged by those they pay."""
RANGE: Final = (350, 950)
BANDS: Final = (
    Band(name="poor", low=350),
    Band(name="fair", low=550),
    Band(name="good", low=600),
    Band(name="very_good", low=650),
    Band(name="excellent", low=700),
)


def checked(card: Scorecard) -> Scorecard:
    """The card, if it is one for wallets. Raises CardError with the first field that is not as such a card has it."""
    if card.range != RANGE:
        raise CardError("range", f"a wallet card goes from {RANGE[0]} to {RANGE[1]}")
    if card.base != 0:
        raise CardError("base", "a wallet card has none: its subtotals alone add up to the score")
    if card.bands != BANDS:
        wanted = ", ".join(f"{band.name} from {band.low}" for band in BANDS)
        raise CardError("bands", f"a wallet card has {wanted}")
    of_reason: dict[str, str | None] = {}
    for at, item in enumerate(card.characteristics):
        if item.dimension not in DIMENSIONS:
            raise CardError(f"characteristics[{at}].dimension", f"one of {', '.join(DIMENSIONS)}")
        if of_reason.setdefault(item.reason, item.dimension) != item.dimension:
            message = f"{item.reason} is a reason of {of_reason[item.reason]}; each reason belongs to one dimension"
            raise CardError(f"characteristics[{at}].reason", message)
    return card


def wallet_card(card: Scorecard, dimensions: Mapping[str, str]) -> Scorecard:
    """A trained card as one for wallets. `dimensions`: by feature. Points between are kept in proportion; both ends are hit exactly.
    Raises CardError for a feature without a dimension."""
    for at, item in enumerate(card.characteristics):
        if item.feature not in dimensions:
            raise CardError(f"characteristics[{at}].feature", f"{item.feature!r} has no dimension")
    order = sorted(card.characteristics, key=lambda item: DIMENSIONS.index(dimensions[item.feature]))
    items = tuple(msgspec.structs.replace(item, dimension=dimensions[item.feature]) for item in order)
    return _normed(card, items)


def without(card: Scorecard, dimension: str) -> Scorecard:
    """The card without a dimension: what is left is normed anew, so that its worst and best case are 350 and 950 again. Raises
    CardError where nothing else is left."""
    items = tuple(item for item in card.characteristics if item.dimension != dimension)
    if not items:
        raise CardError("characteristics", f"all are of {dimension}")
    kept = {item.feature for item in items}
    overrides = tuple(each for each in card.overrides or () if each.feature in kept) or None
    return _normed(
        msgspec.structs.replace(card, characteristics=items, overrides=overrides, range=None, bands=None), items
    )


def _normed(card: Scorecard, items: tuple[Characteristic, ...]) -> Scorecard:
    """Scaled to the range: first what lies between worst and best, then the worst case in the same shares."""
    widths = np.array([max(item.all_points) - min(item.all_points) for item in items], np.float64)
    if not widths.any():
        raise CardError("characteristics", "they give everybody the same points")
    shares = widths / widths.sum()
    spans = whole_numbers(shares * (RANGE[1] - RANGE[0]), RANGE[1] - RANGE[0])
    floors = whole_numbers(shares * RANGE[0], RANGE[0])
    scaled = [_scaled(item, int(floor), int(span)) for item, floor, span in zip(items, floors, spans, strict=True)]
    made = msgspec.structs.replace(card, range=RANGE, base=0, characteristics=tuple(scaled), bands=BANDS)
    return checked(made)


def _scaled(item: Characteristic, floor: int, span: int) -> Characteristic:
    """Its worst points become `floor`, its best `floor` + `span`, in integers and the same on every machine."""
    low, width = min(item.all_points), max(item.all_points) - min(item.all_points)

    def moved(points: int) -> int:
        return floor + (2 * (points - low) * span + width) // (2 * width) if width else floor

    return msgspec.structs.replace(
        item,
        points=tuple(moved(points) for points in item.points),
        missing=moved(item.missing),
        unknown=moved(item.unknown) if isinstance(item.unknown, int) else item.unknown,
    )
