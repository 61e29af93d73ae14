"""The HTTP application: one table of routes with the scopes they need, one place where every failure becomes a problem."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from actors.database.pool import Pool, StoreUnavailable
from actors.ledger.book import Capacity
from actors.records.ids import Secret, encode_wallet
from actors.rpc.interface import ShardClient
from actors.scoring.scorer import ScorerClient
from switch.api import (
    backtests,
    events,
    health,
    reviews,
    rule_packs,
    scorecards,
    statements,
    transfer_lifecycle,
    transfers,
    wallets,
)
from switch.api.services import Limits, ServiceParts, Services
from switch.fairness.connections import Connections, FailedKeys
from switch.gateway.routing import Topology
from switch.http.access import Access
from switch.http.auth import ANALYST, ASK, PAY, PUBLISH, READ, READ_DOCUMENTS, WRITE_WALLETS, demand
from switch.http.call import BodyLimits, Call, one_header
from switch.http.problem_pages import problem_page
from switch.http.response import Answer, problem_response
from switch.problems.table import ProblemError, from_http, from_status

_log = logging.getLogger(__name__)

HEADER_BYTES_MAX: Final = 8_190
BACKLOG: Final = 1_024
"""Connections that the kernel holds until they are accepted."""

Handler = Callable[[Services, Call], Awaitable[web.StreamResponse]]
OpenHandler = Callable[[Services], Awaitable[web.Response]]
Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


MOVING: Final = ("/v1/transfers", "/v1/reviews")
"""Where a POST may move money."""


class Route(NamedTuple):
    """A call of the API: a key needs one of `scopes`; `access`: what a bound account gets."""

    method: str
    path: str
    scopes: frozenset[str]
    access: Access
    handler: Handler


ROUTES: Final = (
    Route("POST", "/v1/transfers", PAY, Access.PAYER, transfers.create_transfer),
    Route("POST", "/v1/transfers/batch", PAY, Access.PAYER, transfers.create_transfers),
    Route("GET", "/v1/transfers", ASK, Access.TRANSFER, transfer_lifecycle.find_transfer),
    Route("GET", "/v1/transfers/{id}", ASK, Access.TRANSFER, transfer_lifecycle.get_transfer),
    Route("POST", "/v1/transfers/{id}/capture", PAY, Access.TRANSFER, transfer_lifecycle.capture_transfer),
    Route("POST", "/v1/transfers/{id}/void", PAY, Access.TRANSFER, transfer_lifecycle.void_transfer),
    Route("POST", "/v1/transfers/{id}/refund", PAY, Access.TRANSFER, transfer_lifecycle.refund_transfer),
    Route("POST", "/v1/wallets", WRITE_WALLETS, Access.REFUSED, wallets.create_wallet),
    Route("POST", "/v1/wallets/batch", WRITE_WALLETS, Access.REFUSED, wallets.create_wallets),
    Route("GET", "/v1/wallets", READ, Access.FILTERED, wallets.list_wallets),
    Route("GET", "/v1/wallets/{id}", READ, Access.WALLET, wallets.get_wallet),
    Route("PATCH", "/v1/wallets/{id}", WRITE_WALLETS, Access.REFUSED, wallets.patch_wallet),
    Route("GET", "/v1/wallets/{id}/transfers", READ, Access.WALLET, statements.list_wallet_transfers),
    Route("GET", "/v1/wallets/{id}/balance", READ, Access.WALLET, statements.get_balance),
    Route(
        "POST",
        "/v1/wallets/{id}/{change:freeze|unfreeze|close}",
        WRITE_WALLETS,
        Access.REFUSED,
        wallets.change_status,
    ),
    Route("GET", "/v1/reviews", ANALYST, Access.REFUSED, reviews.list_reviews),
    Route("POST", "/v1/reviews/{id}/approve", ANALYST, Access.REFUSED, reviews.approve_review),
    Route("POST", "/v1/reviews/{id}/decline", ANALYST, Access.REFUSED, reviews.decline_review),
    Route("GET", "/v1/events", READ, Access.FILTERED, events.list_events),
    Route("GET", "/v1/rule-packs", READ_DOCUMENTS, Access.REFUSED, rule_packs.list_packs),
    Route("GET", "/v1/rule-packs/{name}", READ_DOCUMENTS, Access.REFUSED, rule_packs.get_pack),
    Route("PUT", "/v1/rule-packs/{name}", PUBLISH, Access.REFUSED, rule_packs.put_pack),
    Route("POST", "/v1/rule-packs/backtest", PUBLISH, Access.REFUSED, backtests.backtest_pack),
    Route("POST", "/v1/rule-packs/{name}/mode", PUBLISH, Access.REFUSED, rule_packs.set_mode),
    Route("GET", "/v1/scorecards", READ_DOCUMENTS, Access.REFUSED, scorecards.list_cards),
    Route("GET", "/v1/scorecards/{name}", READ_DOCUMENTS, Access.REFUSED, scorecards.get_card),
    Route("PUT", "/v1/scorecards/{name}", PUBLISH, Access.REFUSED, scorecards.put_card),
    Route("POST", "/v1/scorecards/backtest", PUBLISH, Access.REFUSED, backtests.backtest_card),
    Route("POST", "/v1/scorecards/{name}/mode", PUBLISH, Access.REFUSED, scorecards.set_card_mode),
)

OPEN_ROUTES: Final[dict[str, OpenHandler]] = {
    "/healthz": health.healthz,
    "/readyz": health.readyz,
    "/metrics": health.metrics,
}
"""Answered without a key: they tell nothing about wallets."""

SERVICES: Final = web.AppKey("door", Services)


def build_app(deps: ServiceParts) -> web.Application:
    """The application over these shards and stores. Call it inside the event loop that runs it."""
    services = Services(deps)
    app = web.Application(middlewares=[_problems(services)])
    app[SERVICES] = services
    for route in ROUTES:
        endpoint = _endpoint(services, route)
        app.router.add_route(route.method, route.path, endpoint, expect_handler=_expect)
    for path, handler in OPEN_ROUTES.items():
        app.router.add_get(path, _open_endpoint(services, handler))
    app.router.add_get("/problems/{code}", problem_page)
    app.on_shutdown.append(_drain)
    app.on_cleanup.append(_close)
    return app


def _endpoint(services: Services, route: Route) -> Endpoint:
    limits = services.limits
    bodies = BodyLimits(
        timeout_s=limits.body_timeout_s,
        grace_s=limits.body_grace_s,
        rate_min=limits.body_rate_min,
        room=services.bodies,
    )

    async def endpoint(request: web.Request) -> web.StreamResponse:
        principal = await services.authenticator.principal(one_header(request, "Authorization"))
        demand(principal, route.scopes)
        if route.access is Access.REFUSED and principal.bound is not None:
            raise ProblemError("forbidden", "This call is for accounts that are not bound to wallets.")
        services.connections.known(_connection(request), principal.account)
        services.callers.heard_of(principal.account)
        call = Call(request, principal, bodies)
        if request.method != "GET":
            call.query(())
        try:
            response = await route.handler(services, call)
        finally:
            call.close()
        if isinstance(response, Answer):
            response.count(services.bodies, principal.account)
        return response

    return endpoint


def _open_endpoint(services: Services, handler: OpenHandler) -> Endpoint:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        return await handler(services)

    return endpoint


async def _answered(services: Services, request: web.Request, endpoint: Endpoint, route: str) -> web.StreamResponse:
    """The one place where failures become problems, and where requests are counted."""
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
    services.metrics.requests[route, response.status] += 1
    if isinstance(response, web.Response):  # how long a stream was listened to is no latency
        services.metrics.steps["request"].observe(services.now() - started)
    if response.status == HTTPStatus.UNAUTHORIZED:
        await _hold_back(_connection(request).failed_keys, response)
    if services.leaving or not request.content.is_eof():
        response.force_close()
    return response


def _moved(request: web.Request) -> str:
    """What is known of money when a request failed at some place."""
    return "unknown" if request.method == "POST" and request.path.startswith(MOVING) else "no"


async def _hold_back(failed: FailedKeys, response: web.StreamResponse) -> None:
    """Whoever tries keys waits for each answer longer than for the one before, and has to connect again after some."""
    await asyncio.sleep(failed.pause_s())
    if failed.too_many:
        response.force_close()


def _problems(services: Services) -> Any:
    """The one middleware, around what the router finds and also what it does not find."""

    @web.middleware
    async def problems(request: web.Request, handler: Endpoint) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = "none" if resource is None else f"{request.method} {resource.canonical}"
        return await _answered(services, request, handler, route)

    return problems


def _dispatcher(services: Services, router: Any) -> Any:
    """A path without parameters is found in a dictionary; the router and its middleware cost a tenth of a payment."""
    fixed = {
        (route.method, route.path): (_endpoint(services, route), f"{route.method} {route.path}")
        for route in ROUTES
        if "{" not in route.path
    }

    async def dispatch(request: web.Request) -> web.StreamResponse:
        found = fixed.get((request.method, request.raw_path))
        if found is None or "Expect" in request.headers:
            response: web.StreamResponse = await router(request)
            return response
        return await _answered(services, request, *found)

    return dispatch


async def _expect(request: web.Request) -> web.Response | None:
    """Answer `Expect: 100-continue` with an invitation, other expectations with a problem."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return problem_response(ProblemError("expectation_failed"))
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
    return None


async def _drain(app: web.Application) -> None:
    app[SERVICES].drain()


async def _close(app: web.Application) -> None:
    await app[SERVICES].close()


# Serving.


class _Protocol(RequestHandler):
    """Requests that are no valid HTTP get a problem too; connections are counted."""

    __slots__ = ("_all", "failed_keys")

    def __init__(self, connections: Connections, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._all = connections
        self.failed_keys = FailedKeys()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As of `RequestHandler`."""
        super().connection_made(transport)
        self._all.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """As of `RequestHandler`."""
        self._all.closed(self)
        super().connection_lost(exc)

    def close_now(self) -> None:
        """Hang up, whatever is under way."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if status >= 500:
            _log.error("a request failed outside its handler", exc_info=exc)
        response = problem_response(from_status(status))
        response.force_close()
        return response


def _connection(request: BaseRequest) -> _Protocol:
    connection = request.protocol
    assert isinstance(connection, _Protocol)
    return connection


class _Server(web.Server):
    def __init__(self, handler: Any, connections: Connections, **options: Any) -> None:
        super().__init__(handler, **options)
        self._all = connections

    def __call__(self) -> RequestHandler:
        return _Protocol(self._all, self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Runs the application; `cleanup` drains it."""

    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(
            app,
            access_log=None,
            keepalive_timeout=limits.idle_timeout_s,
            lingering_time=limits.linger_s,
            shutdown_timeout=limits.drain_timeout_s,
            auto_decompress=False,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        services = self.app[SERVICES]
        handler = _dispatcher(services, server.request_handler)
        return _Server(handler, services.connections, request_factory=server.request_factory, **server._kwargs)


class FrontDoorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What one front door is told. `port` 0 takes a free one; several front doors can share a port."""

    host: str
    port: int
    url: str
    secret: bytes
    shards: int
    capacity: Capacity = Capacity()
    limits: Limits = Limits()


class FrontDoor:
    """The HTTP server over the shards, `clients` by shard number, and the scorers."""

    def __init__(
        self, options: FrontDoorOptions, clients: Sequence[ShardClient], scorers: Sequence[ScorerClient] = ()
    ) -> None:
        assert len(clients) == options.shards, "one client a shard"
        self._options = options
        self._clients = clients
        self._scorers = scorers
        self._pool: Pool | None = None
        self._runner: _Runner | None = None

    async def start(self) -> None:
        """Listen. Nothing needs to be up yet: until then calls are answered with problems."""
        options = self._options
        self._pool = await Pool.open(options.url, name="shardpay-front-door")
        topology = Topology(options.shards, self._pool.segment_owners)
        secret = Secret.of(options.secret)
        app = build_app(
            ServiceParts(
                clients=self._clients,
                scorers=self._scorers,
                topology=topology,
                secret=secret,
                pool=self._pool,
                database_url=options.url,
                secret_bytes=options.secret,
                capacity=options.capacity,
                limits=options.limits,
            )
        )
        app[SERVICES].addresses([encode_wallet(secret, 1)])  # compiles what every payment needs
        self._runner = _Runner(app, options.limits)
        await self._runner.setup()
        await web.TCPSite(self._runner, options.host, options.port, reuse_port=True, backlog=BACKLOG).start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return host, port

    def leave(self) -> None:
        """Let load balancers turn away before `stop`: as `Door.leave`."""
        if self._runner is not None:
            self._runner.app[SERVICES].leave()

    async def stop(self) -> None:
        """Drain: accept nothing more, answer what is under way, then close the lanes and the sessions."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._pool is not None:
            await self._pool.close()
