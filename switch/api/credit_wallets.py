"""A wallet's credit as its holder sees it: the published score, its reasons, and how orders stand."""

from typing import Any, Final

import msgspec
from aiohttp import web

from models.scorecard import Scorecard
from switch.api.credit_services import ScoreServices
from switch.api.credit_shared import holder_shard, holders_wallet, is_holder, states
from switch.api.route import Route
from switch.http.access import Access
from switch.http.auth import HOLDER
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.problems.table import ProblemError
from switch.views.credit import record_id
from switch.views.credit_records import Walk
from switch.views.credit_scores import NEVER, CreditAnswer, OrderCounts, ScoreList, score_answer, score_of
from switch.views.representations import json_response


async def get_credit(services: ScoreServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/credit."""
    call.query()
    _, row = await wallet_credit(services, call)
    orders = OrderCounts(
        open=int(row["open"]), overdue=int(row["overdue"]), defaulted=int(row["defaulted"]), kept=int(row["kept"])
    )
    beside: dict[str, Any] = {"orders": orders, "disputed": bool(row["disputed"])}
    found = await services.credit_history.many([int(row["scored"])] if row["scored"] else [])
    if not found:
        return json_response(CreditAnswer(score=None, band=None, na_cause=NEVER, **beside))
    published = score_of(found[0].record)
    card = await published_card(services, int(published["card"]))
    shown = score_answer(published, card, record_id(services.secret, found[0]))
    return json_response(CreditAnswer(**msgspec.structs.asdict(shown), **beside))


async def list_scores(services: ScoreServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/credit/history?limit=&after=."""
    query = call.query()
    wallet, row = await wallet_credit(services, call)
    limit, scope = page_limit(query), f"scores {wallet}"
    newest = int(row["scored"] or row["head"])  # a score that a dispute deleted is none, those before it are told
    start = decode_cursor(services.secret, scope, query["after"]) if "after" in query else newest
    page = await services.credit_history.scores(wallet, start, limit) if start else Walk([], 0)
    if page is None:
        raise ProblemError("cursor_ahead")
    published = [(score_of(each.record), record_id(services.secret, each)) for each in page.scores]
    numbers = sorted({int(each["card"]) for each, _ in published})
    cards = {number: await published_card(services, number) for number in numbers}
    data = [score_answer(each, cards[int(each["card"])], identity) for each, identity in published]
    following = encode_cursor(services.secret, scope, page.next) if page.next else None
    return json_response(ScoreList(data, following is not None, following))


async def wallet_credit(services: ScoreServices, call: Call) -> tuple[int, Any]:
    """Address and CREDIT row of the wallet in the path. Raises ProblemError wallet_not_found."""
    wallet = await holders_wallet(services, call)
    (state,) = await states(services, await holder_shard(services, wallet), [(wallet, 0, 0, 0)])
    if not is_holder(state["wallet"]):
        raise ProblemError("wallet_not_found")
    return wallet, state["credit"]


async def published_card(services: ScoreServices, number: int) -> Scorecard | None:
    """The scorecard with a number, None when it was published elsewhere."""
    stored = await services.packs.card_numbered(number)
    return None if stored is None else msgspec.json.decode(stored.document, type=Scorecard)


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/credit",
        "A wallet's score with subtotals and reasons, or why it has none.",
        HOLDER,
        Access.PARTY,
        get_credit,
        answer=CreditAnswer,
        problems=frozenset({"wallet_not_found"}),
    ),
    Route(
        "GET",
        "/v1/wallets/{id}/credit/history",
        "All scores that were published of a wallet, newest first.",
        HOLDER,
        Access.PARTY,
        list_scores,
        answer=ScoreList,
        query=("limit", "after"),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
    ),
)
