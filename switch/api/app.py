"""The HTTP application: one table of routes, one place where failures become problems."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from actors.database.pool import StoreUnavailable
from actors.records.ids import uuid_bytes
from switch.api import (
    account_statements,
    admin_log,
    api_docs,
    backtests,
    bench_reports,
    case_work,
    consents,
    credit_decisions,
    credit_disputes,
    credit_orders,
    credit_points,
    credit_reviews,
    credit_scores,
    credit_wallets,
    dry_runs,
    erasure,
    events,
    explanations,
    health,
    journal_heads,
    keys,
    labels,
    lists,
    open_holds,
    order_import,
    own_data,
    owner_lists,
    populations,
    proposals,
    reviews,
    rule_packs,
    scenarios,
    score_undo,
    scorecards,
    snoozes,
    statements,
    transfer_events,
    transfer_lifecycle,
    transfer_lookups,
    transfers,
    wallets,
    webhook_deliveries,
    webhook_endpoints,
    windows,
)
from switch.api.calling import Calls
from switch.api.console import heard_of, mount_console
from switch.api.route import OpenHandler, OpenRoute, Route
from switch.api.services import ServiceParts, Services
from switch.fairness.connections import FailedKeys
from switch.http.call import one_header
from switch.http.problem_pages import problem_page
from switch.http.server import Answer, connection_of, found_by, invite, problem_response
from switch.problems.table import MoneyMoved, ProblemError, from_http

_log = logging.getLogger(__name__)

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


MOVING: Final = ("/v1/transfers", "/v1/reviews", "/v1/credit/orders")
"""Where a POST may move money."""


ROUTES: Final[tuple[Route, ...]] = (
    *transfers.ROUTES,
    *transfer_lifecycle.ROUTES,
    *transfer_events.ROUTES,
    *transfer_lookups.ROUTES,
    *dry_runs.ROUTES,
    *wallets.ROUTES,
    *statements.ROUTES,
    *account_statements.ROUTES,
    *open_holds.ROUTES,
    *windows.ROUTES,
    *owner_lists.ROUTES,
    *reviews.ROUTES,
    *case_work.ROUTES,
    *events.ROUTES,
    *rule_packs.ROUTES,
    *labels.ROUTES,
    *lists.ROUTES,
    *snoozes.ROUTES,
    *scorecards.ROUTES,
    *proposals.ROUTES,
    *backtests.ROUTES,
    *populations.ROUTES,
    *explanations.ROUTES,
    *scenarios.ROUTES,
    *consents.ROUTES,
    *credit_decisions.ROUTES,
    *credit_orders.ROUTES,
    *order_import.ROUTES,
    *credit_disputes.ROUTES,
    *credit_reviews.ROUTES,
    *own_data.ROUTES,
    *erasure.ROUTES,
    *credit_wallets.ROUTES,
    *credit_points.ROUTES,
    *credit_scores.ROUTES,
    *score_undo.ROUTES,
    *webhook_endpoints.ROUTES,
    *webhook_deliveries.ROUTES,
    *keys.ROUTES,
    *journal_heads.ROUTES,
    *admin_log.ROUTES,
    *bench_reports.ROUTES,
)
"""All that needs a key."""
OPEN_ROUTES: Final[tuple[OpenRoute, ...]] = (*health.ROUTES, *api_docs.ROUTES)
_ID: Final = "/{id}"
UNTRACED: Final = frozenset(f"GET {each.path}" for each in OPEN_ROUTES)
"""Probes and scrapes, which come every second and say nothing."""

SERVICES: Final = web.AppKey("services", Services)


def build_app(deps: ServiceParts) -> web.Application:
    """The application over these shards and stores. Call it inside the event loop that runs it."""
    services = Services(deps)
    app = web.Application(middlewares=[_problems(services)])
    app[SERVICES] = services
    for route in ROUTES:
        endpoint = _endpoint(services, route)
        app.router.add_route(route.method, route.path, endpoint, expect_handler=invite)
    for each in OPEN_ROUTES:
        app.router.add_get(each.path, _open_endpoint(services, each.handler))
    app.router.add_get("/problems/{code}", problem_page)
    mount_console(app, services, ROUTES)
    app.on_shutdown.append(_drain)
    app.on_cleanup.append(_close)
    return app


def _endpoint(services: Services, route: Route) -> Endpoint:
    calls = Calls(services, route)

    async def endpoint(request: web.Request) -> web.StreamResponse:
        principal = await services.authenticator.principal(one_header(request, "Authorization"))
        heard_of(services, request, principal)
        async with calls.turn(principal):
            await calls.admit(principal)
            response = await calls.answer(request, principal)
        return response

    return endpoint


def _open_endpoint(services: Services, handler: OpenHandler) -> Endpoint:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        return await handler(services)

    return endpoint


async def _answered(services: Services, request: web.Request, endpoint: Endpoint, route: str) -> web.StreamResponse:
    """The one place where failures become problems, where requests are counted, and answers that nobody takes for whoever asked."""
    started = services.now()
    response: web.StreamResponse
    try:
        response = await endpoint(request)
    except ProblemError as problem:
        response = problem_response(problem)
    except web.HTTPException as error:
        response = problem_response(from_http(error))
    except StoreUnavailable:  # perhaps only when what was done was to be read back
        response = problem_response(ProblemError("database_unavailable", money_moved=_moved(request)))
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        response = problem_response(ProblemError("internal_error", money_moved=_moved(request)))
    if isinstance(response, Answer):
        response.count(services.bodies, services.connections.caller_of(connection_of(request)))
    services.metrics.requests[route, response.status] += 1
    if isinstance(response, web.Response):  # how long a stream was listened to is no latency
        services.metrics.steps["request"].observe(services.now() - started)
    if response.status == HTTPStatus.UNAUTHORIZED:
        await _hold_back(connection_of(request).failed_keys, response)
    if services.leaving or not request.content.is_eof():
        response.force_close()
    return response


async def _traced(services: Services, request: web.Request, endpoint: Endpoint, route: str) -> web.StreamResponse:
    """As `_answered`, with a span."""
    if services.tracing is None or route in UNTRACED:
        return await _answered(services, request, endpoint, route)
    with services.tracing.request(request.method, route, request.path, request.headers) as span:
        response = await _answered(services, request, endpoint, route)
        traced = span.answered(response.status)
        if traced and not response.prepared:
            response.headers["traceresponse"] = traced
        return response


def _moved(request: web.Request) -> MoneyMoved:
    """What is known of money when a request failed at some place."""
    return "unknown" if request.method == "POST" and request.path.startswith(MOVING) else "no"


async def _hold_back(failed: FailedKeys, response: web.StreamResponse) -> None:
    """Whoever tries keys waits for each answer longer than for the one before, and has to connect again after some."""
    await asyncio.sleep(failed.pause_s())
    if failed.too_many:
        response.force_close()


def _problems(services: Services) -> Any:
    """The one middleware, around what the router finds and also what it does not find."""
    answered = _answered if services.tracing is None else _traced

    @web.middleware
    async def problems(request: web.Request, handler: Endpoint) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = "none" if resource is None else f"{request.method} {resource.canonical}"
        return await answered(services, request, handler, route)

    return problems


def dispatcher(app: web.Application, router: Any) -> Any:
    """A path without parameters is found in a dictionary, and one whose only parameter is an id; the router and its middleware cost a tenth
    of a payment, and more than a question."""
    services = app[SERVICES]
    answered = _answered if services.tracing is None else _traced
    paths = {(route.method, route.path) for route in ROUTES if route.path.count("{") == route.path.count(_ID)}
    known = {
        place: (each, f"{place[0]} {place[1]}")
        for each in app.router.routes()
        if each.resource is not None and (place := (each.method, each.resource.canonical)) in paths
    }

    async def dispatch(request: web.Request) -> web.StreamResponse:
        path, params = _with_id(request.raw_path)
        found = known.get((request.method, path))
        if found is None or "Expect" in request.headers:
            response: web.StreamResponse = await router(request)
            return response
        route, name = found
        found_by(request, route, params)
        return await answered(services, request, route.handler, name)

    return dispatch


def _with_id(path: str) -> tuple[str, dict[str, str]]:
    """The path of the route for a path as it was sent, and the id in it, if its third part is one."""
    path = path.partition("?")[0]
    parts = path.split("/", 4)
    if len(parts) < 4 or uuid_bytes(parts[3]) is None:
        return path, {}
    identity, parts[3] = parts[3], "{id}"
    return "/".join(parts), {"id": identity}


async def _drain(app: web.Application) -> None:
    app[SERVICES].drain()


async def _close(app: web.Application) -> None:
    await app[SERVICES].close()
