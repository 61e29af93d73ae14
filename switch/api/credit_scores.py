"""Publishing scores: what a run of a wallet card says of many wallets, exactly once by run and wallet."""

import asyncio
from collections.abc import Coroutine, Iterable
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from actors.database.pool import StoreUnavailable
from actors.records.codes import Code
from actors.records.credit_layout import (
    NOTHING_SEEN,
    SCORE_OUTCOME,
    ScoreOutcomes,
    ScoreRows,
    SeenHeads,
)
from models.credit.wallet_card import RELATIONS, checked
from models.scorecard import CardError, Scorecard
from switch.api.credit_services import PublicationServices
from switch.api.route import BODY, KEY, Route, named
from switch.api.score_features import feature_details, features_of
from switch.api.transfers import bind_key, check_outcome
from switch.fairness.scheduling import single
from switch.gateway import arrow
from switch.gateway.routing import OPERATOR, UNKNOWN
from switch.gateway.score_calls import publish
from switch.gateway.score_columns import ScoreTable, read_scores, score_rows
from switch.http.access import Access
from switch.http.auth import CREDIT
from switch.http.call import Call
from switch.http.server import Answer
from switch.problems.table import ProblemError, invalid_field

T = TypeVar("T")

CARDS_KEPT: Final = 8
"""Decoded, some 50 kB each: a run has one."""


class ScoreRow(msgspec.Struct, frozen=True):
    """What became of one score: the answer is an Arrow stream with these columns, in the order of the rows."""

    code: int
    replayed: bool


async def publish_scores(services: PublicationServices, call: Call) -> web.Response:
    """POST /v1/scores/batch."""
    if call.content_type != arrow.CONTENT_TYPE:
        raise ProblemError("unsupported_media_type", f"This call takes {arrow.CONTENT_TYPE}.")
    account, key = call.principal.account, call.given_key()
    body = await call.body(services.limits.arrow_bytes_max)
    async with services.batches.place(account):
        table = await services.scheduler.run(account, read_scores(body))
        number, card = await _wallet_card(services, table.card)
        rows = await services.scheduler.run(account, score_rows(table, services.secret, number, card.reasons))
        details = await _features(services, account, table, card, rows)
        if key is not None:
            await bind_key(services, call.caller(), key, body)
        results, timeline = await on_one_timeline(services, published(services, rows, details))
        check_outcome(results["code"], money_moved="no")
        answer = await services.scheduler.run(account, single(partial(arrow.encode_codes, results, timeline)))
    return Answer(answer, content_type=arrow.CONTENT_TYPE)


@lru_cache(maxsize=CARDS_KEPT)
def _checked(document: str) -> Scorecard:
    """A wallet card by its document, which a run sends with every batch. Raises CardError."""
    return checked(msgspec.json.decode(document, type=Scorecard))


async def _wallet_card(services: PublicationServices, label: str) -> tuple[int, Scorecard]:
    """A wallet card and its number. Raises ProblemError scorecard_not_found, and invalid_field for one that is not for wallets."""
    name, _, version = label.rpartition("@")
    if not (name and version.isascii() and version.isdecimal() and len(version) < 10):
        raise invalid_field("card", "name@version of a published scorecard is expected")
    found = await services.packs.card_number(name, int(version))
    if found is None:
        raise ProblemError(
            "scorecard_not_found",
            f"There is no scorecard {label[:80]!r} here; GET /v1/scorecards lists those there are.",
        )
    try:
        card = _checked(found[1].document)
    except CardError as error:
        raise invalid_field("card", f"it is no wallet card: {error}"[:500]) from None
    if not _is_lawful(services, card):
        raise invalid_field("card", "it judges by whom holders pay, which `credit.relations` does not allow here")
    return found[0], card


def _is_lawful(services: PublicationServices, card: Scorecard) -> bool:
    return services.law.relations or all(item.dimension != RELATIONS for item in card.characteristics)


async def unlawful_cards(services: PublicationServices, numbers: Iterable[int]) -> set[int]:
    """Those of some published wallet cards, by number, that may not judge anybody here."""
    if services.law.relations:
        return set()
    cards = {number: await services.packs.card_numbered(number) for number in sorted(set(numbers))}
    return {n for n, card in cards.items() if card is None or not _is_lawful(services, _checked(card.document))}


async def _features(
    services: PublicationServices, account: int, table: ScoreTable, card: Scorecard, rows: ScoreRows
) -> dict[int, bytes]:
    """Details of scores that come with the features that they are of, by row; the kernels run in a thread, without the interpreter."""
    if "features" not in table.columns.column_names:
        return {}
    features = await asyncio.to_thread(features_of, table, card, rows)
    return {} if features is None else await services.scheduler.run(account, feature_details(features))


async def on_one_timeline(services: PublicationServices, work: Coroutine[Any, Any, T]) -> tuple[T, int]:
    """What was done, and the database's timeline meanwhile. Raises StoreUnavailable where a standby was promoted in between: it may lack a
    part of the work, so all of it is to be sent again."""
    try:
        before = await services.pool.timeline()
    except BaseException:
        work.close()
        raise
    done = await work
    if await services.pool.timeline() != before:
        raise StoreUnavailable("a standby was promoted meanwhile")
    return done, before


async def published(
    services: PublicationServices, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads = NOTHING_SEEN
) -> ScoreOutcomes:
    """SCORE_OUTCOME rows for SCORE_ROW rows, from all their home shards. `seen`: as of `ShardClient.publish`."""
    results: ScoreOutcomes = np.zeros(len(rows), SCORE_OUTCOME)
    homes = await home_shards(services, rows["holder"])
    results["code"][homes == UNKNOWN] = Code.WALLET_NOT_FOUND
    deadline = services.deadline()
    of_shards = ((client, np.flatnonzero(homes == shard)) for shard, client in enumerate(services.clients))
    await asyncio.gather(
        *(publish(client, rows, details, index, results, deadline, seen) for client, index in of_shards if len(index))
    )
    return results


async def home_shards(services: PublicationServices, holders: NDArray[np.int64]) -> NDArray[np.int16]:
    """Home shards of holders (n,), UNKNOWN for what nobody can have a score by: ids of nobody, and operator wallets."""
    homes = services.topology.owners(holders)
    for _ in range(2):
        if not np.any(homes == UNKNOWN):
            break
        await services.topology.refresh()
        homes = services.topology.owners(holders)
    homes[homes == OPERATOR] = UNKNOWN
    return homes


ROUTES: Final = (
    Route(
        "POST",
        "/v1/scores/batch",
        "Publish what a run of a wallet card says of wallets, as an Arrow stream.",
        CREDIT,
        Access.REFUSED,
        publish_scores,
        answer=ScoreRow,
        bodies=(arrow.CONTENT_TYPE,),
        media=(arrow.CONTENT_TYPE,),
        problems=BODY | KEY | {"malformed_arrow", "scorecard_not_found"} | named(Code.BUSY, Code.IDEMPOTENCY_MISMATCH),
        long=True,
    ),
)
