"""Erasure of personal text: details of blocks, profiles of wallets, merchants' numbers of orders.

Details are replaced only by a caller who has read them, so that two erasures in one block lose neither. Payments are looked for in all
blocks of the wallet's shard: no chain has those that were declined.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from actors.database.pool import SQL, Pool
from actors.records.addresses import block_of, shard_of
from actors.records.blocks import addresses_of, entries_of, records_of
from actors.records.layout import ATTEMPTS, REFERRING, TRANSFER_AT, Kind

BLOCKS_AT_ONCE: Final = 200
"""Blocks whose details are read by one statement, and looked through before others have their turn: 3 MB where each has as much as a
request may bring, and some 10 ms."""

SCANNED_AT_ONCE: Final = 20_000
"""Blocks that one statement looks through for payments of a wallet: 160 MB, a fraction of a second."""
EMPTY_WORDS: Final[dict[str, Any]] = {"notes": [], "reason": "", "text": ""}
"""Fields of answers in which people's own words stand, and what is left there."""
COLLECTING: Final = (Kind.ORDER_PAID, Kind.ORDER_CURED, Kind.ORDER_ATTEMPT)

Block = tuple[int, int]
"""Shard and number."""


def block_at(address: int) -> Block:
    """The block that a record lies in."""
    return int(shard_of(address)), int(block_of(address))


class PaymentsPage(NamedTuple):
    """What goes of details of blocks, by slot, and the block from which the next page goes on."""

    found: dict[Block, dict[int, bytes | None]]
    next: int


class ErasureStore:
    """What is erased in PostgreSQL. Raises StoreUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def details(self, blocks: Sequence[Block]) -> dict[Block, bytes]:
        """Details of blocks; those that have none are left out."""
        columns = [shard for shard, _ in blocks], [number for _, number in blocks]
        rows = await self._pool.fetch("details_of_blocks", *columns)
        return {(row["shard"], row["block"]): row["details"] for row in rows}

    async def newest_block(self, shard: int) -> int:
        """Number of a shard's last block, 0 when it has none."""
        return await self._pool.fetchval("newest_block", shard) or 0

    async def payments(self, shard: int, first: int, wallet: int) -> PaymentsPage:
        """What goes of details of payments that a wallet paid or was to pay, from block `first` on: of SCANNED_AT_ONCE blocks, or of
        BLOCKS_AT_ONCE in which the wallet is, whichever are fewer. That an order was collected is no text of anybody, and stays."""
        last = first + SCANNED_AT_ONCE - 1
        rows = await self._pool.fetch(
            "blocks_of_payer", shard, first, last, wallet.to_bytes(8, "little"), BLOCKS_AT_ONCE
        )
        found: dict[Block, dict[int, bytes | None]] = {}
        for row in rows:
            records = records_of(row["records"])
            collected = records[TRANSFER_AT][np.isin(records["kind"], COLLECTING)]
            mine = (records["payer"] == wallet) & np.isin(records["kind"], (*ATTEMPTS, *REFERRING))
            mine &= ~np.isin(addresses_of(shard, row["block"], len(records)), collected)
            slots = set(np.flatnonzero(mine).tolist()) & entries_of(row["details"]).keys()
            if slots:
                found[shard, row["block"]] = dict.fromkeys(slots)
        return PaymentsPage(found, rows[-1]["block"] + 1 if len(rows) == BLOCKS_AT_ONCE else last + 1)

    async def replace(self, block: Block, old: bytes, new: bytes) -> bool:
        """Put other details in the place of those that were read; False when they have changed since."""
        return await self._pool.fetchval("details_replace", *block, old, new) is not None

    async def has_profile(self, wallet: int) -> bool:
        """Whether anything that `erase_profile` erases of the wallet's own is kept beside it."""
        return await self._pool.fetchval("has_profile", wallet) is not None

    async def erase_profile(self, wallet: int) -> bool:
        """Erase what a wallet is called, whose it is, and what is kept beside it, notes of analysts and reasons of lists among it;
        whether there was any. Accounts that were bound to the
        wallet by its owner's name are bound to the wallet itself from now on."""
        async with self._pool.session() as session, session.transaction():
            await session.execute(SQL["erase_binding"], wallet)
            await session.execute(SQL["erase_owner"], wallet)
            words = await session.fetchval(SQL["erase_words_about"], wallet)
            return await session.fetchval(SQL["erase_profile"], wallet) is not None or words > 0

    async def noted_cases(self, wallet: int) -> list[tuple[int, int]]:
        """Address and record time of payments of a wallet of which people wrote notes."""
        return [(row["record"], row["record_time"]) for row in await self._pool.fetch("noted_cases", wallet)]

    async def erase_sent(self, ids: Sequence[str]) -> None:
        """Erase what calls of administrators sent that are about one of these ids, or name one; their entries stay."""
        await self._pool.fetch("admin_log_erase", list(ids))

    async def erase_proposals(self, ids: Sequence[str]) -> list[uuid.UUID]:
        """Erase the reasons of proposals that name one of these ids, also those within the calls that they ask for; gives those that can be
        answered yet: whoever approves one needs to know why, so they stay."""
        named = await self._pool.fetch("proposals_naming", list(ids))
        over = [(row["id"], _without_reason(row["body"])) for row in named if not row["open"]]
        if over:
            await self._pool.fetch("proposals_erase", [each for each, _ in over], [body for _, body in over])
        return [row["id"] for row in named if row["open"]]

    async def erase_answers(self, ids: Sequence[str]) -> None:
        """Erase what people wrote out of answers to changes that name one of these ids. A retry under its key gets what is left, and makes
        no second change."""
        named = await self._pool.fetch("answers_naming", list(ids))
        rows = [(row["account"], row["key"], row["answer"], without_words(row["answer"])) for row in named]
        if changed := [row for row in rows if row[2] != row[3]]:
            await self._pool.fetch("answers_erase", *map(list, zip(*changed, strict=True)))

    async def erase_numbers(self, orders: Sequence[tuple[int, int, str]]) -> None:
        """Put other texts in the place of merchants' numbers of orders: (record, receipt or 0, text) of each."""
        columns = [[order[at] for order in orders] for at in range(3)]
        await self._pool.fetch("erase_numbers", *columns)


def without_words(answer: bytes) -> bytes:
    """An answer's JSON with empty notes, and empty texts where somebody wrote something, at any depth; the same bytes where nobody did."""
    found = msgspec.json.decode(answer)
    left = _without_words(found)
    return answer if left == found else msgspec.json.encode(left)


def _without_words(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: EMPTY_WORDS.get(name, _without_words(inner)) for name, inner in value.items()}


def _without_reason(body: str) -> str:
    """A call's JSON object, empty for none, without what somebody wrote."""
    if not body:
        return ""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in fields.items() if name != "reason"}).decode()
