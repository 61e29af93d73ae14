"""How a holder recomputes a published score, and what another value would give.

Both are by the card's own kernel, so they are exact.

Both need the features that the score is of, which its publisher may have sent along; without them there is no answer.
"""

import asyncio
from functools import partial
from typing import Any, Final, NamedTuple

from aiohttp import web

from models.credit.points_table import PointsTable, points_table
from models.credit.score import WalletScore, WalletScorer
from models.credit.what_if import CannotChange, WhatIf
from models.scorecard import Scorecard
from switch.api.credit_services import PointServices
from switch.api.credit_wallets import published_card, wallet_credit
from switch.api.route import BODY, Route
from switch.api.score_features import EVERYBODY, KNOWN, card_features
from switch.http.access import Access
from switch.http.auth import HOLDER
from switch.http.call import Call
from switch.http.decoding import CHANGES, decode
from switch.http.schema import Changes
from switch.problems.table import ProblemError, invalid_field
from switch.views.credit_points import PointsAnswer, WhatIfAnswer, points_answer, what_if_answer
from switch.views.credit_scores import score_of
from switch.views.representations import json_response


class _Published(NamedTuple):
    """A published score, a scalar of SCORE, with its card and what it is of."""

    published: Any
    card: Scorecard
    features: dict[str, Any]


async def get_points(services: PointServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/credit/points."""
    call.query()
    async with services.pages.place(call.principal.account):
        found = await _published(services, call)
        table = await asyncio.to_thread(_table, found)
    return json_response(points_answer(found.published, table))


async def what_if(services: PointServices, call: Call) -> web.Response:
    """POST /v1/wallets/{id}/credit/what-if."""
    body = decode(CHANGES, await call.json_body(services.limits.json_bytes_max))
    try:
        async with services.pages.place(call.principal.account):
            found = await _published(services, call)
            scored = await asyncio.to_thread(partial(_changed, found, body.changes))
    except CannotChange as error:
        raise invalid_field(f"changes.{error.feature}", str(error)) from None
    except ValueError as error:
        raise invalid_field("changes", str(error)) from None
    return json_response(what_if_answer(scored))


async def _published(services: PointServices, call: Call) -> _Published:
    """The newest score of the wallet in the path. Raises ProblemError wallet_not_found, features_not_published."""
    _, row = await wallet_credit(services, call)
    found = await services.credit_history.many([int(row["scored"])] if row["scored"] else [])
    if not found or not found[0].details.features:
        raise ProblemError("features_not_published")
    published = score_of(found[0].record)
    card = await published_card(services, int(published["card"]))
    assert card is not None, "scores come with features by cards of this switch, and versions never go"
    values = dict(zip(card_features(card), found[0].details.features, strict=True))
    return _Published(published, card, {**dict.fromkeys(KNOWN), **values})


def _table(found: _Published) -> PointsTable:
    return points_table(WalletScorer(found.card, EVERYBODY), found.features)


def _changed(found: _Published, changes: dict[str, Any]) -> WalletScore:
    return WhatIf(WalletScorer(found.card, EVERYBODY)).score(found.features, changes)


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/credit/points",
        "The table from which a holder recomputes the score.",
        HOLDER,
        Access.PARTY,
        get_points,
        answer=PointsAnswer,
        problems=frozenset({"wallet_not_found", "features_not_published"}),
    ),
    Route(
        "POST",
        "/v1/wallets/{id}/credit/what-if",
        "What the score would be with other values of what the holder can influence.",
        HOLDER,
        Access.PARTY,
        what_if,
        answer=WhatIfAnswer,
        bodies=(Changes,),
        problems=BODY | {"wallet_not_found", "features_not_published"},
        asks=True,
    ),
)
