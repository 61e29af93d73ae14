"""Which packs decide: the live one, a challenger, and packs in shadow.

A challenger decides for a share of the wallets; packs in shadow change nothing.

A deployment never changes; each change makes the next, with a revision one higher, and all of them are kept.
"""

from datetime import datetime
from typing import Final, Literal

import msgspec

SHADOWS_MAX: Final = 8
"""Each costs the scorers as much as the live pack."""

Mode = Literal["live", "shadow", "challenger", "off"]


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Packs by number. `share`: of the wallets, in per mille, for which the challenger decides. `made_by`: an account's name, None for
    the switch itself."""

    revision: int
    live: int
    challenger: int | None = None
    share: int = 0
    shadows: tuple[int, ...] = ()
    made_by: str | None = None
    made_at: datetime | None = None

    @property
    def packs(self) -> tuple[int, ...]:
        """Numbers of all packs that run, the live one first."""
        challenger = () if self.challenger is None else (self.challenger,)
        return (self.live, *challenger, *self.shadows)

    def mode_of(self, pack: int) -> Mode:
        """What a pack does in it."""
        if pack == self.live:
            return "live"
        if pack == self.challenger:
            return "challenger"
        return "shadow" if pack in self.shadows else "off"


class DeploymentRefused(Exception):
    """The change would leave no live pack, or too many."""


def changed(before: Deployment, pack: int, mode: Mode, share: int = 0) -> Deployment:
    """The deployment after `before` in which `pack` has this mode; `before` itself when it has. Raises DeploymentRefused."""
    if mode == before.mode_of(pack) and (mode != "challenger" or share == before.share):
        return before
    if mode != "live" and pack == before.live:
        raise DeploymentRefused("This version is live; make another one live first.")
    shadows = tuple(number for number in before.shadows if number != pack)
    challenger, kept = (None, 0) if before.challenger == pack else (before.challenger, before.share)
    live = before.live
    if mode == "live":
        live = pack
    elif mode == "challenger":
        challenger, kept = pack, share
    elif mode == "shadow":
        shadows = (*shadows, pack)
        if len(shadows) > SHADOWS_MAX:
            raise DeploymentRefused(f"At most {SHADOWS_MAX} packs run in shadow; turn one off first.")
    return Deployment(revision=before.revision + 1, live=live, challenger=challenger, share=kept, shadows=shadows)
