"""The wallets of an import: made, or found where another file made them.

So history goes on over files.

A wallet that was there before keeps what it holds: its opening balance is not paid again, and what this file adds is told from what
it held when the import began.
"""

import asyncio
import hashlib
import uuid
from itertools import groupby
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.wording import counted
from switch.importer.client import Client, Standing, SwitchError
from switch.importer.history import HELD_BACK, OPENING, History, Payments

WALLETS_MAX: Final = 10_000
WALLET_BATCHES_AT_A_TIME: Final = 4
READS_AT_A_TIME: Final = 32
NOTES_MAX: Final = 3
"""Wallets that a report names: as many as a person reads."""


class Wallets(NamedTuple):
    """Ids (w, 16) of a history's wallets; `before`: by index, what those that another import made hold."""

    ids: NDArray[np.uint8]
    before: dict[int, Standing]

    def identity(self, index: int) -> uuid.UUID:
        """The id of a wallet."""
        return uuid.UUID(bytes=self.ids[index].tobytes())


async def make_wallets(client: Client, history: History) -> Wallets:
    """The history's wallets. Raises SwitchError."""
    ids = np.zeros((len(history.wallets), 16), np.uint8)
    there: list[int] = []
    batches = iter(_batches(history))

    async def maker() -> None:
        for key, batch in batches:
            made = await client.create_wallets([history.wallets[index] for index in batch], key)
            for index, wallet in zip(batch, made, strict=True):
                ids[index] = np.frombuffer(wallet.identity.bytes, np.uint8)
                if wallet.there_before:
                    there.append(index)

    async with asyncio.TaskGroup() as group:
        for _ in range(WALLET_BATCHES_AT_A_TIME):
            group.create_task(maker())
    wallets = Wallets(ids, {})
    found = await standings(client, wallets, there)
    for index, standing in found.items():
        _check(history, index, standing)
    return Wallets(ids, found)


def _batches(history: History) -> list[tuple[uuid.UUID, list[int]]]:
    """Wallets that were opened at one time, as a call takes them, and the call's key."""
    wallets = history.wallets
    by_time = sorted(range(len(wallets)), key=lambda index: wallets[index].opened_ms)
    batches = []
    for opened_ms, group in groupby(by_time, key=lambda index: wallets[index].opened_ms):
        indices = list(group)
        for start in range(0, len(indices), WALLETS_MAX):
            name = f"{history.digest.hex()}:wallets:{opened_ms}:{start}"
            key = uuid.UUID(bytes=hashlib.blake2b(name.encode(), digest_size=16).digest())
            batches.append((key, indices[start : start + WALLETS_MAX]))
    return batches


def _check(history: History, index: int, standing: Standing) -> None:
    wallet = history.wallets[index]
    for what, there, wanted in (("kind", standing.kind, wallet.kind), ("currency", standing.currency, wallet.currency)):
        if there != wanted:
            hint = f"; --currency {there} goes on with it" if (history.name, what) == ("paysim", "currency") else ""
            raise SwitchError(
                f"the wallet {wallet.external_id} is there already, its {what} is {there}; in the file it is {wanted}{hint}"
            )


async def standings(client: Client, wallets: Wallets, indices: list[int]) -> dict[int, Standing]:
    """What wallets hold now. Raises SwitchError."""
    found: dict[int, Standing] = {}
    left = iter(indices)

    async def reader() -> None:
        for index in left:
            found[index] = await client.standing(wallets.identity(index))

    async with asyncio.TaskGroup() as group:
        for _ in range(READS_AT_A_TIME):
            group.create_task(reader())
    return found


def floor_notes(history: History, wallets: Wallets) -> list[str]:
    """Wallets that were there and may not go as far down as this file needs: what then is declined has its reason here."""
    notes = []
    for index, standing in sorted(wallets.before.items()):
        wallet = history.wallets[index]
        if standing.floor is not None and standing.floor > wallet.floor:
            notes.append(
                f"{wallet.external_id} may go down to {standing.floor}, this file takes it down to {wallet.floor}"
            )
    more = len(notes) - NOTES_MAX
    return [*notes[:NOTES_MAX], f"and {counted(more, 'more wallet')}"] if more > 0 else notes


def without_openings(history: History, there: dict[int, Standing]) -> History:
    """The history without the opening balances of wallets that hold what another import left them."""
    numbers = history.payments.number
    opening = np.where(numbers >= HELD_BACK, numbers - HELD_BACK, numbers - OPENING)
    keep = (numbers < OPENING) | ~np.isin(opening, list(there))
    if keep.all():
        return history
    columns = {name: getattr(history.payments, name)[keep] for name in Payments.__struct_fields__}
    return msgspec.structs.replace(history, payments=Payments(**columns), keys=history.keys[keep])
