"""Whether what changes decisions needs a second account.

A setting, read by processes that serve nothing.
"""

from typing import Annotated

import msgspec


class FourEyes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `controls` of the configuration: whether what changes decisions needs a second account, and how many hours it can be
    approved."""

    four_eyes: bool = False
    proposal_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
