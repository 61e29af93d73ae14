"""Credit records read back from the journal: by address, by wallet, by merchant."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from actors.database.pool import Pool
from actors.records.addresses import slot_of
from actors.records.blocks import Erased, entries_of
from actors.records.credit_layout import FIRST_CREDIT, Resolution
from actors.records.layout import CREDIT_PREVIOUS, LAST_ORDER, RECORD, RESOLUTION, Kind
from switch.views.credit_scores import score_of
from switch.views.statement import record_of

ATTEMPTS_SHOWN: Final = 50
"""Of one order, the newest: a holder may try as often as it likes, and whoever looks must still see where the order stands."""
STEPS_MAX: Final = 1_000
"""Credit records that are looked at for a page of scores: some 20 ms of the database. A page may then have fewer lines, and goes on."""
NEWEST: Final = 2**63 - 1
"""Before it lie all records."""


class Item(msgspec.Struct, frozen=True):
    """A line of a bill, or of what is taken off; minor units."""

    name: str
    amount: int


class CreditDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside a credit record, as a msgpack map. `version`: of the scenario whose text a holder consented to;
    `features`: what a score is of, in the order of its card; `text`: of a dispute, a review, or an answer to one;
    `erased`: what an erasure took from which blocks."""

    version: int = 0
    number: str | None = None
    introduction: str | None = None
    items: list[Item] = []
    discounts: list[Item] = []
    features: list[int | float | str | None] = []
    text: str | None = None
    statement: str | None = None
    erased: list[Erased] = []


class CreditRecord(NamedTuple):
    """A credit record, its address, and what is kept beside it."""

    address: int
    record: dict[str, int]
    details: CreditDetails


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(CreditDetails).decode
_NO_DETAILS: Final = CreditDetails()


def has_text(details: CreditDetails) -> bool:
    """Whether there is anything of a person in them: the version of a scenario is not, nor which blocks lost what."""
    return msgspec.structs.replace(details, version=0, erased=[]) != _NO_DETAILS


def credit_details(details: CreditDetails) -> bytes | None:
    """Details as msgpack, None when there are none."""
    return None if details == _NO_DETAILS else _ENCODE(details)


def ends_deleted(ends: Sequence[CreditRecord]) -> bool:
    """Whether the entry of a dispute stands deleted after the DISPUTE_RESOLVED and DISPUTE_REINSERTED records about it, oldest first."""
    last = ends[-1].record if ends else None
    return bool(last and last["kind"] == Kind.DISPUTE_RESOLVED and last[RESOLUTION] == Resolution.DELETED)


def _content(found: CreditRecord) -> tuple[Any, ...]:
    """What a SCORE record holds of its wallet, whichever run made it."""
    score = score_of(found.record)
    same = (int(score[name]) for name in ("card", "as_of", "score", "cause"))
    return found.record["payer"], *same, *score["subtotals"].tolist()


class Chain(NamedTuple):
    """Credit records of a wallet, newest first, and where its chain goes on; 0: at its end."""

    records: list[CreditRecord]
    next: int


class Walk(NamedTuple):
    """SCORE records of a wallet, newest first, and where its chain goes on; 0: at its end."""

    scores: list[CreditRecord]
    next: int


class CreditHistory:
    """Reads of the journal. Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def one(self, address: int, *kinds: Kind) -> CreditRecord | None:
        """The record at an address, None when it is none of these kinds."""
        found = await self.many([address]) if address else []
        return found[0] if found and found[0].record["kind"] in kinds else None

    async def many(self, addresses: Sequence[int]) -> list[CreditRecord]:
        """Credit records at addresses, in their order; what is none is left out."""
        if not addresses:
            return []
        rows = await self._pool.fetch("credit_records", list(addresses))
        return [found for row in rows if (found := _found(row)) is not None]

    async def of_wallet(
        self, wallet: int, kind: Kind, before: int, limit: int, account: int | None = None
    ) -> list[CreditRecord]:
        """Records of a wallet, newest first; with `account` those of one merchant."""
        rows = await self._pool.fetch("credit_of_wallet", wallet, int(kind), before or NEWEST, limit, account)
        return await self.many([row["record"] for row in rows])

    async def chain(self, start: int, limit: int) -> Chain:
        """Records on a wallet's credit chain from the one at `start` on, 0 = none."""
        rows = await self._pool.fetch("credit_chain", start, limit, None) if start else []
        records = await self.many([row["address"] for row in rows])
        return Chain(records, records[-1].record[CREDIT_PREVIOUS] if records else 0)

    async def scores(self, wallet: int, start: int, limit: int) -> Walk | None:
        """Scores on a wallet's credit chain from the record at `start` on, without what is kept beside them. None: there is no record
        of this wallet, so an older backup was restored since a cursor named it."""
        rows = await self._pool.fetch("credit_chain", start, STEPS_MAX, limit + 1)
        walked = [CreditRecord(row["address"], record_of(row["record"]), _NO_DETAILS) for row in rows]
        if not walked or any(each.record["payer"] != wallet for each in walked):
            return None
        found = [each for each in walked if each.record["kind"] == Kind.SCORE]
        if len(found) > limit:
            return Walk(found[:limit], found[limit].address)
        return Walk(found, walked[-1].record[CREDIT_PREVIOUS])

    async def scores_before(self, scores: Sequence[int]) -> list[CreditRecord | None]:
        """The score before each of some scores on its wallet's chain, with what is kept beside it. None where there is none, or where a
        dispute has deleted it or is open; also one of a score that says the same, which an undo made of it or it was made of."""
        places = {address: address for address in scores}
        found: dict[int, int] = {}
        while places:
            rows = await self._pool.fetch("records_at", sorted(set(places.values())))
            records = np.frombuffer(b"".join([row["record"] for row in rows]), RECORD)
            before = dict(zip([row["address"] for row in rows], records[CREDIT_PREVIOUS].tolist(), strict=True))
            is_score = dict(zip(before, (records["kind"] == Kind.SCORE).tolist(), strict=True))
            found |= {score: at for score, at in places.items() if at != score and is_score.get(at)}
            places = {score: before[at] for score, at in places.items() if score not in found and before.get(at)}
        earlier = await self.many(sorted(set(found.values())))
        out = await self._withheld(sorted({each.record["payer"] for each in earlier}))
        by_address = {each.address: each for each in earlier if _content(each) not in out}
        return [by_address.get(found.get(score, 0)) for score in scores]

    async def _withheld(self, wallets: Sequence[int]) -> set[tuple[Any, ...]]:
        """What those scores of some wallets hold that are disputed, or deleted."""
        rows = await self._pool.fetch("credit_entries_of_wallets", list(wallets), int(Kind.DISPUTE_OPENED))
        scores = [e for e in await self.many([row["about"] for row in rows]) if e.record["kind"] == Kind.SCORE]
        withheld = await self._open_or_deleted([each.address for each in scores])
        return {_content(each) for each in scores if each.address in withheld}

    async def _open_or_deleted(self, entries: Sequence[int]) -> set[int]:
        """Those of some records of which a dispute is open, or has deleted them and nothing has brought them back."""
        opened = await self.about_of_kinds(entries, [Kind.DISPUTE_OPENED])
        disputes = [each.address for about in opened.values() for each in about]
        ends = await self.about_of_kinds(disputes, [Kind.DISPUTE_RESOLVED, Kind.DISPUTE_REINSERTED])

        def stands(dispute: int) -> bool:
            return not ends[dispute] or ends_deleted(ends[dispute])

        return {entry for entry, about in opened.items() if any(stands(each.address) for each in about)}

    async def of_account(self, account: int, kind: Kind, before: int, limit: int) -> list[CreditRecord]:
        """Records of a merchant, newest first within each shard."""
        rows = await self._pool.fetch("credit_of_account", account, int(kind), before or NEWEST, limit)
        return await self.many([row["record"] for row in rows])

    async def about_many(self, addresses: Sequence[int]) -> dict[int, list[CreditRecord]]:
        """The records of orders about each of some records, oldest first; of attempts the newest."""
        kinds = (Kind.ORDER_ATTEMPT, Kind.ORDER_CREATED, LAST_ORDER)
        rows = await self._pool.fetch("credit_about_many", list(addresses), ATTEMPTS_SHOWN, *map(int, kinds))
        found = {each.address: each for each in await self.many([row["record"] for row in rows])}
        about: dict[int, list[CreditRecord]] = {address: [] for address in addresses}
        for row in rows:
            about[row["about"]].append(found[row["record"]])
        return about

    async def about_of_kinds(self, addresses: Sequence[int], kinds: Iterable[Kind]) -> dict[int, list[CreditRecord]]:
        """Records of these kinds about each of some records, oldest first."""
        rows = await self._pool.fetch("credit_about_of_kinds", list(addresses), [int(kind) for kind in kinds])
        found = {each.address: each for each in await self.many([row["record"] for row in rows])}
        about: dict[int, list[CreditRecord]] = {address: [] for address in addresses}
        for row in rows:
            about[row["about"]].append(found[row["record"]])
        return about

    async def open_cases(self, kind: Kind, answer: Kind, after: int, limit: int) -> list[CreditRecord]:
        """Disputes or reviews that no record of the kind `answer` has ended, oldest first within each shard."""
        rows = await self._pool.fetch("credit_open_cases", int(kind), int(answer), after, limit)
        return await self.many([row["record"] for row in rows])

    async def withdrawn(self, consents: Iterable[int]) -> frozenset[int]:
        """Which of these consents were withdrawn."""
        rows = await self._pool.fetch("credit_withdrawn", list(consents), int(Kind.CONSENT_WITHDRAWN))
        return frozenset(row["about"] for row in rows)


def _found(row: Any) -> CreditRecord | None:
    raw = row["record"]
    if len(raw) == 0 or raw[0] < FIRST_CREDIT:
        return None
    entry = entries_of(row["details"]).get(slot_of(row["address"]))
    return CreditRecord(row["address"], record_of(raw), _NO_DETAILS if entry is None else _DECODE(entry))
