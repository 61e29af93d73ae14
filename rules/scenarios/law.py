"""Clocks and retention of credit records, by law: defaults of ours, no legal advice.

A preset says how long each takes; every figure can be set by itself.
"""

from typing import Annotated, Final, Literal

import msgspec

DAY_MS: Final = 86_400_000
Preset = Literal["cn", "eu", "us"]
Days = Annotated[int, msgspec.Meta(ge=1, le=3_660)]
"""At most ten years: a clock that nobody lives to see is none."""
Hours = Annotated[int, msgspec.Meta(ge=0, le=720)]


class CreditLaw(msgspec.Struct, frozen=True, kw_only=True):
    """`dispute_days`: a dispute is resolved within, else for the holder; `forward_hours`: it goes to the entry's source within, 0 = at
    once; `review_days`: a person looks at a decision again within; `human_review`: whether holders may ask for that; `negative_days`: how
    long it counts and is shown that an order was overdue or defaulted; `relations`: whether cards may judge by whom holders pay."""

    dispute_days: Days
    forward_hours: Hours
    review_days: Days
    human_review: bool
    negative_days: Days
    relations: bool

    @property
    def negative_ms(self) -> int:
        """`negative_days` in milliseconds."""
        return self.negative_days * DAY_MS


PRESETS: Final[dict[Preset, CreditLaw]] = {
    "cn": CreditLaw(
        dispute_days=20, forward_hours=0, review_days=15, human_review=True, negative_days=1_826, relations=True
    ),
    "eu": CreditLaw(
        dispute_days=30, forward_hours=0, review_days=30, human_review=True, negative_days=1_096, relations=False
    ),
    "us": CreditLaw(
        dispute_days=30, forward_hours=120, review_days=30, human_review=True, negative_days=2_557, relations=True
    ),
}
"""cn: 20 days for a dispute, negative entries five years. eu: one month, three years, nobody is judged by whom they pay. us: 30 days,
passed on within five business days, which five days always are, negative entries seven years."""


class CreditKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `credit` of the configuration file: a preset, and what differs from it."""

    law: Preset = "cn"
    dispute_days: Days | None = None
    forward_hours: Hours | None = None
    review_days: Days | None = None
    human_review: bool | None = None
    negative_days: Days | None = None
    relations: bool | None = None

    @property
    def terms(self) -> CreditLaw:
        """What holds."""
        own = {name: getattr(self, name) for name in CreditLaw.__struct_fields__}
        return msgspec.structs.replace(PRESETS[self.law], **{name: v for name, v in own.items() if v is not None})
