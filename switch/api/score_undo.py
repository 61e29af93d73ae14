"""Undoing a run: the scores before it hold again, as a run of their own.

Nothing is taken out of the journal. A wallet that the run did not score, or of which a later one has said something, keeps its score. The
new run scores a wallet once, as every run does, so a repeated request changes nothing.
"""

from functools import partial
from typing import Any, Final

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_STATE, SCORE_OUTCOME, SCORE_ROW, CreditStates, ScoreOutcomes, ScoreRows
from models.credit.score import Cause
from switch.api.credit_scores import ScoreRow, home_shards, on_one_timeline, published, unlawful_cards
from switch.api.credit_services import PublicationServices
from switch.api.credit_shared import is_holder, states
from switch.api.route import BODY, KEY, Route, named
from switch.api.transfers import bind_key, check_outcome
from switch.fairness.scheduling import single
from switch.gateway import arrow
from switch.gateway.routing import UNKNOWN
from switch.gateway.score_columns import Undo, read_undo
from switch.http.access import Access
from switch.http.auth import CREDIT
from switch.http.call import Call
from switch.http.server import Answer
from switch.problems.table import ProblemError
from switch.views.credit_records import CreditRecord, credit_details
from switch.views.credit_scores import score_of

STEP_ROWS: Final = 1_024
"""Wallets whose state and scores are read at a time, some 50 ms of the database: payments have their turn between."""
LOOKS_MAX: Final = 8
"""So often a wallet is looked at whose chain grows each time; then it is BUSY."""
_COPIED: Final = ("band", "cause", "score", "card", "as_of", "subtotals", "reasons", "gaps")


async def undo_scores(services: PublicationServices, call: Call) -> web.Response:
    """POST /v1/scores/undo."""
    if call.content_type != arrow.CONTENT_TYPE:
        raise ProblemError("unsupported_media_type", f"This call takes {arrow.CONTENT_TYPE}.")
    account, key = call.principal.account, call.given_key()
    body = await call.body(services.limits.arrow_bytes_max)
    async with services.batches.place(account):
        undo = await services.scheduler.run(account, read_undo(body, services.secret))
        if key is not None:
            await bind_key(services, call.caller(), key, body)
        results, timeline = await on_one_timeline(services, _all_undone(services, undo))
        check_outcome(results["code"], money_moved="no")
        answer = await services.scheduler.run(account, single(partial(arrow.encode_codes, results, timeline)))
    return Answer(answer, content_type=arrow.CONTENT_TYPE)


async def _all_undone(services: PublicationServices, undo: Undo) -> ScoreOutcomes:
    steps = range(0, len(undo.holders), STEP_ROWS)
    return np.concatenate([await _undone(services, undo, slice(at, at + STEP_ROWS)) for at in steps])


async def _undone(services: PublicationServices, undo: Undo, some: slice) -> ScoreOutcomes:
    """SCORE_OUTCOME rows for some of the wallets. What a wallet's chain grew by between a look and its new score is looked at: the score of
    another run, or a dispute."""
    holders = undo.holders[some]
    results = await _undone_unless_moved(services, undo, holders)
    for _ in range(LOOKS_MAX - 1):
        moved = np.flatnonzero(results["code"] == Code.DEFERRED)
        if not len(moved):
            break
        results[moved] = await _undone_unless_moved(services, undo, holders[moved])
    results["code"][results["code"] == Code.DEFERRED] = Code.BUSY
    return results


async def _undone_unless_moved(services: PublicationServices, undo: Undo, holders: NDArray[np.int64]) -> ScoreOutcomes:
    """The same, DEFERRED where a chain grew meanwhile."""
    results = np.zeros(len(holders), SCORE_OUTCOME)
    found = await _states(services, holders)
    run = found["credit"]["run"]
    unknown = ~np.array([is_holder(wallet) for wallet in found["wallet"]], np.bool_)
    results["code"] = np.select(
        [unknown, (run > undo.undone) & (run != undo.run)], [Code.WALLET_NOT_FOUND, Code.RUN_SUPERSEDED], Code.OK
    )
    results["replayed"] = results["code"] == Code.OK
    index = np.flatnonzero(~unknown & (run == undo.undone) & (found["credit"]["scored"] != 0))
    if len(index):
        earlier = await _earlier(services, found["credit"]["scored"][index].tolist())
        rows = _rows(holders[index], earlier, found["credit"][index], undo.run)
        seen = found["credit"]["head"][index]
        results[index] = await published(services, rows, _details(earlier), seen)
    return results


async def _earlier(services: PublicationServices, scores: list[int]) -> list[CreditRecord | None]:
    """The scores before, None where there is none that may hold again."""
    earlier = await services.credit_history.scores_before(scores)
    by = [0 if record is None else int(score_of(record.record)["card"]) for record in earlier]
    unlawful = await unlawful_cards(services, set(by) - {0})
    return [None if card in unlawful else record for card, record in zip(by, earlier, strict=True)]


async def _states(services: PublicationServices, holders: NDArray[np.int64]) -> CreditStates:
    """CREDIT_STATE rows (n,), zeros for wallets of nobody."""
    homes = await home_shards(services, holders)
    found = np.zeros(len(holders), CREDIT_STATE)
    for shard in np.unique(homes[homes != UNKNOWN]).tolist():
        index = np.flatnonzero(homes == shard)
        found[index] = await states(services, shard, [(holder, 0, 0, 0) for holder in holders[index].tolist()])
    return found


def _rows(holders: NDArray[np.int64], earlier: list[CreditRecord | None], credit: Any, run: int) -> ScoreRows:
    """SCORE_ROW rows that say what was said before, or that nothing was."""
    rows = np.zeros(len(holders), SCORE_ROW)
    rows["run"], rows["holder"] = run, holders
    for at, record in enumerate(earlier):
        if record is None:
            rows["cause"][at], rows["card"][at], rows["as_of"][at] = (
                Cause.WITHDRAWN,
                credit["card"][at],
                credit["as_of"][at],
            )
            continue
        before = score_of(record.record)
        for name in _COPIED:
            rows[name][at] = before[name]
    return rows


def _details(earlier: list[CreditRecord | None]) -> dict[int, bytes]:
    entries = {at: credit_details(record.details) for at, record in enumerate(earlier) if record is not None}
    return {at: entry for at, entry in entries.items() if entry is not None}


ROUTES: Final = (
    Route(
        "POST",
        "/v1/scores/undo",
        "Undo a run: the scores before it hold again, as a run of their own.",
        CREDIT,
        Access.REFUSED,
        undo_scores,
        answer=ScoreRow,
        bodies=(arrow.CONTENT_TYPE,),
        media=(arrow.CONTENT_TYPE,),
        problems=BODY | KEY | {"malformed_arrow"} | named(Code.BUSY, Code.IDEMPOTENCY_MISMATCH),
        long=True,
    ),
)
