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

from actors.ledger.book import Capacity
from actors.ledger.ids import Secret, encode_wallet
from actors.pool import Pool, StoreUnavailable
from actors.scoring.scorer import ScorerClient
from actors.shard_client import ShardClient
from switch import (
    handlers_backtest,
    handlers_cards,
    handlers_events,
    handlers_ops,
    handlers_packs,
    handlers_reviews,
    handlers_settling,
    handlers_statements,
    handlers_transfers,
    handlers_wallets,
)
from switch.access import Access
from switch.auth import ANALYST, ASK, PAY, PUBLISH, READ, READ_DOCUMENTS, WRITE_WALLETS, demand
from switch.calls import BodyLimits, Call, one_header
from switch.connections import Connections, FailedKeys
from switch.door import Door, DoorDeps, Limits
from switch.problem_pages import problem_page
from switch.problems import ProblemError, from_http, from_status
from switch.responses import Answer, problem_response
from switch.routing import Topology

_log = logging.getLogger(__name__)

HEADER_BYTES_MAX: Final = 8_190
BACKLOG: Final = 1_024
"""Connections that the kernel holds until they are accepted."""

Handler = Callable[[Door, Call], Awaitable[web.StreamResponse]]
OpenHandler = Callable[[Door], Awaitable[web.Response]]
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
    Route("POST", "/v1/transfers", PAY, Access.PAYER, handlers_transfers.create_transfer),
    Route("POST", "/v1/transfers/batch", PAY, Access.PAYER, handlers_transfers.create_transfers),
    Route("GET", "/v1/transfers", ASK, Access.TRANSFER, handlers_settling.find_transfer),
    Route("GET", "/v1/transfers/{id}", ASK, Access.TRANSFER, handlers_settling.get_transfer),
    Route("POST", "/v1/transfers/{id}/capture", PAY, Access.TRANSFER, handlers_settling.capture_transfer),
    Route("POST", "/v1/transfers/{id}/void", PAY, Access.TRANSFER, handlers_settling.void_transfer),
    Route("POST", "/v1/transfers/{id}/refund", PAY, Access.TRANSFER, handlers_settling.refund_transfer),
    Route("POST", "/v1/wallets", WRITE_WALLETS, Access.REFUSED, handlers_wallets.create_wallet),
    Route("POST", "/v1/wallets/batch", WRITE_WALLETS, Access.REFUSED, handlers_wallets.create_wallets),
    Route("GET", "/v1/wallets", READ, Access.FILTERED, handlers_wallets.list_wallets),
    Route("GET", "/v1/wallets/{id}", READ, Access.WALLET, handlers_wallets.get_wallet),
    Route("PATCH", "/v1/wallets/{id}", WRITE_WALLETS, Access.REFUSED, handlers_wallets.patch_wallet),
    Route("GET", "/v1/wallets/{id}/transfers", READ, Access.WALLET, handlers_statements.list_wallet_transfers),
    Route("GET", "/v1/wallets/{id}/balance", READ, Access.WALLET, handlers_statements.get_balance),
    Route(
        "POST",
        "/v1/wallets/{id}/{change:freeze|unfreeze|close}",
        WRITE_WALLETS,
        Access.REFUSED,
        handlers_wallets.change_status,
    ),
    Route("GET", "/v1/reviews", ANALYST, Access.REFUSED, handlers_reviews.list_reviews),
    Route("POST", "/v1/reviews/{id}/approve", ANALYST, Access.REFUSED, handlers_reviews.approve_review),
    Route("POST", "/v1/reviews/{id}/decline", ANALYST, Access.REFUSED, handlers_reviews.decline_review),
    Route("GET", "/v1/events", READ, Access.FILTERED, handlers_events.list_events),
    Route("GET", "/v1/rule-packs", READ_DOCUMENTS, Access.REFUSED, handlers_packs.list_packs),
    Route("GET", "/v1/rule-packs/{name}", READ_DOCUMENTS, Access.REFUSED, handlers_packs.get_pack),
    Route("PUT", "/v1/rule-packs/{name}", PUBLISH, Access.REFUSED, handlers_packs.put_pack),
    Route("POST", "/v1/rule-packs/backtest", PUBLISH, Access.REFUSED, handlers_backtest.backtest_pack),
    Route("POST", "/v1/rule-packs/{name}/mode", PUBLISH, Access.REFUSED, handlers_packs.set_mode),
    Route("GET", "/v1/scorecards", READ_DOCUMENTS, Access.REFUSED, handlers_cards.list_cards),
    Route("GET", "/v1/scorecards/{name}", READ_DOCUMENTS, Access.REFUSED, handlers_cards.get_card),
    Route("PUT", "/v1/scorecards/{name}", PUBLISH, Access.REFUSED, handlers_cards.put_card),
    Route("POST", "/v1/scorecards/backtest", PUBLISH, Access.REFUSED, handlers_backtest.backtest_card),
    Route("POST", "/v1/scorecards/{name}/mode", PUBLISH, Access.REFUSED, handlers_cards.set_card_mode),
)

OPEN_ROUTES: Final[dict[str, OpenHandler]] = {
    "/healthz": handlers_ops.healthz,
    "/readyz": handlers_ops.readyz,
    "/metrics": handlers_ops.metrics,
}
"""Answered without a key: they tell nothing about wallets."""

DOOR: Final = web.AppKey("door", Door)


def build_app(deps: DoorDeps) -> web.Application:
    """The application over these shards and stores. Call it inside the event loop that runs it."""
    door = Door(deps)
    app = web.Application(middlewares=[_problems(door)])
    app[DOOR] = door
    for route in ROUTES:
        endpoint = _endpoint(door, route)
        app.router.add_route(route.method, route.path, endpoint, expect_handler=_expect)
    for path, handler in OPEN_ROUTES.items():
        app.router.add_get(path, _open_endpoint(door, handler))
    app.router.add_get("/problems/{code}", problem_page)
    app.on_shutdown.append(_drain)
    app.on_cleanup.append(_close)
    return app


def _endpoint(door: Door, route: Route) -> Endpoint:
    limits = door.limits
    bodies = BodyLimits(
        timeout_s=limits.body_timeout_s, grace_s=limits.body_grace_s, rate_min=limits.body_rate_min, room=door.bodies
    )

    async def endpoint(request: web.Request) -> web.StreamResponse:
        principal = await door.authenticator.principal(one_header(request, "Authorization"))
        demand(principal, route.scopes)
        if route.access is Access.REFUSED and principal.bound is not None:
            raise ProblemError("forbidden", "This call is for accounts that are not bound to wallets.")
        door.connections.known(_connection(request), principal.account)
        door.callers.heard_of(principal.account)
        call = Call(request, principal, bodies)
        if request.method != "GET":
            call.query(())
        try:
            response = await route.handler(door, call)
        finally:
            call.close()
        if isinstance(response, Answer):
            response.count(door.bodies, principal.account)
        return response

    return endpoint


def _open_endpoint(door: Door, handler: OpenHandler) -> Endpoint:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        return await handler(door)

    return endpoint


async def _answered(door: Door, request: web.Request, endpoint: Endpoint, route: str) -> web.StreamResponse:
    """The one place where failures become problems, and where requests are counted."""
    started = door.now()
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
    door.metrics.requests[route, response.status] += 1
    if isinstance(response, web.Response):  # how long a stream was listened to is no latency
        door.metrics.steps["request"].observe(door.now() - started)
    if response.status == HTTPStatus.UNAUTHORIZED:
        await _hold_back(_connection(request).failed_keys, response)
    if door.leaving or not request.content.is_eof():
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


def _problems(door: Door) -> Any:
    """The one middleware, around what the router finds and also what it does not find."""

    @web.middleware
    async def problems(request: web.Request, handler: Endpoint) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = "none" if resource is None else f"{request.method} {resource.canonical}"
        return await _answered(door, request, handler, route)

    return problems


def _dispatcher(door: Door, router: Any) -> Any:
    """A path without parameters is found in a dictionary; the router and its middleware cost a tenth of a payment."""
    fixed = {
        (route.method, route.path): (_endpoint(door, route), f"{route.method} {route.path}")
        for route in ROUTES
        if "{" not in route.path
    }

    async def dispatch(request: web.Request) -> web.StreamResponse:
        found = fixed.get((request.method, request.raw_path))
        if found is None or "Expect" in request.headers:
            response: web.StreamResponse = await router(request)
            return response
        return await _answered(door, request, *found)

    return dispatch


async def _expect(request: web.Request) -> web.Response | None:
    """Answer `Expect: 100-continue` with an invitation, other expectations with a problem."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return problem_response(ProblemError("expectation_failed"))
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
    return None


async def _drain(app: web.Application) -> None:
    app[DOOR].drain()


async def _close(app: web.Application) -> None:
    await app[DOOR].close()


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
        door = self.app[DOOR]
        handler = _dispatcher(door, server.request_handler)
        return _Server(handler, door.connections, request_factory=server.request_factory, **server._kwargs)


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
            DoorDeps(
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
        app[DOOR].addresses([encode_wallet(secret, 1)])  # compiles what every payment needs
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
            self._runner.app[DOOR].leave()

    async def stop(self) -> None:
        """Drain: accept nothing more, answer what is under way, then close the lanes and the sessions."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._pool is not None:
            await self._pool.close()
