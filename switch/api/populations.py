"""A scorecard's monitor: payments since a time against those before it.

The work is done by the process that backtests, one at a time.
"""

import time
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.backtest.live import LiveBacktest, Response
from actors.backtest.population import Population, PopulationCount
from models.scorecard import Scorecard
from rules.vocabulary.times import time_ms
from switch.api.backtests import BacktestServices, found_by
from switch.api.route import BODY, Route
from switch.api.scorecards import published_card
from switch.http.access import Access
from switch.http.auth import PUBLISH
from switch.http.call import Call
from switch.http.decoding import CARD_POPULATION, decode
from switch.http.schema import CardPopulation
from switch.http.times import time_text
from switch.problems.table import invalid_field
from switch.views.representations import json_response


class PopulationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Two spans of time in the eyes of a card. `divided_at`: where one ends and the other begins."""

    divided_at: str
    population: Population
    seconds: float


async def card_population(services: BacktestServices, call: Call) -> web.Response:
    """POST /v1/scorecards/population."""
    call.given_key()
    asked = decode(CARD_POPULATION, await call.json_body(services.limits.json_bytes_max))
    stored = await published_card(services, asked.name, asked.version)
    divided_ms = int(stored.made_at.timestamp() * 1000)
    if asked.divided_at is not UNSET:
        try:
            divided_ms = time_ms(asked.divided_at)
        except ValueError as error:
            raise invalid_field("divided_at", str(error)) from None
    document = stored.document.encode()
    try:
        PopulationCount(msgspec.json.decode(document, type=Scorecard), divided_ms)
    except ValueError as error:
        raise invalid_field("name", f"a card that scores payments is expected: {error}"[:500]) from None
    started = time.perf_counter()
    response: Response = await services.backtester.run(_asked(services, document, divided_ms))
    population = found_by(response, response.population)
    seconds = round(time.perf_counter() - started, 3)
    return json_response(PopulationAnswer(divided_at=time_text(divided_ms), population=population, seconds=seconds))


def _asked(services: BacktestServices, document: bytes, divided_ms: int) -> LiveBacktest:
    return LiveBacktest(
        url=services.database_url,
        secret=services.secret_bytes,
        shards=services.topology.shards,
        capacity=services.capacity,
        text="",
        files={},
        card=document,
        divided_ms=divided_ms,
    )


ROUTES: Final = (
    Route(
        "POST",
        "/v1/scorecards/population",
        "Payments since a time against those before it, by bins of a scorecard.",
        PUBLISH,
        Access.REFUSED,
        card_population,
        answer=PopulationAnswer,
        bodies=(CardPopulation,),
        problems=BODY | {"backtest_running", "backtest_too_large", "invalid_idempotency_key", "scorecard_not_found"},
        long=True,
        asks=True,
    ),
)
