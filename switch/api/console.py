"""The console's way into the API, and its pages in the application."""

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from yarl import URL

from actors.stores.api_keys import Principal
from actors.stores.console_sessions import ConsoleSessions
from switch.api.calling import Calls, body_limits, demand_access
from switch.api.route import Route
from switch.api.services import Services
from switch.console.page import Wanted
from switch.console.site import Console
from switch.fairness.shared_work import SharedWork
from switch.http.call import JSON
from switch.http.inside import request_inside
from switch.http.metrics import BOUNDS_S
from switch.http.server import connection_of
from switch.http.times import now_ms, time_text
from switch.problems.table import ProblemError
from switch.views.figures import Figures, request_counts, shard_figures, step_figures

CONSOLE: Final = web.AppKey("console", Console)
_ENCODE: Final = msgspec.json.Encoder().encode


class ApiInside:
    """Calls of the API by pages, for whoever is signed in: what `_endpoint` does for requests from outside, but for the key."""

    def __init__(self, services: Services, routes: tuple[Route, ...]) -> None:
        self._services = services
        self._routes: Mapping[tuple[str, str], Route] = {(route.method, route.path): route for route in routes}
        self._calls = {name: Calls(services, route, "console") for name, route in self._routes.items()}
        self._figures = SharedWork(self._take_figures)

    def may(self, principal: Principal, method: str, path: str) -> bool:
        """Whether a call of this route would be let in at all."""
        try:
            demand_access(principal, self._routes[method, path])
        except ProblemError:
            return False
        return True

    def get_ready(self) -> None:
        """Have loaded what backtests, previews and explanations need."""
        self._services.backtester.get_ready()

    async def call(self, request: web.Request, principal: Principal, wanted: Wanted) -> Any:
        """The answer's JSON. Raises ProblemError."""
        calls = self._calls[wanted.method, wanted.path]
        headers, body = dict(wanted.headers), b""
        if wanted.body is not None:
            headers["Content-Type"], body = JSON, _ENCODE(wanted.body)
        url = URL.build(path=request.path, query=dict(wanted.query))
        inner = request_inside(request, wanted.method, url, wanted.params, headers, body)
        async with calls.turn(principal):
            await calls.admit(principal)
            response = await calls.answer(inner, principal)
        assert isinstance(response, web.Response) and isinstance(response.body, bytes), "no page asks for a stream"
        return msgspec.json.decode(response.body)

    @property
    def four_eyes(self) -> bool:
        """Whether what changes decisions needs a second account."""
        return self._services.four_eyes.four_eyes

    async def figures(self) -> Figures:
        """How the switch is doing."""
        return await self._figures.result()

    async def _take_figures(self) -> Figures:
        services = self._services
        (ready, why), conditions, running = await asyncio.gather(
            _readiness(services), services.probes.conditions(), _running(services)
        )
        requests, server_errors = request_counts(services.metrics)
        waiting = [queue.queued_rows for queue in services.queues]
        return Figures(
            process=os.getpid(),
            taken_at=time_text(now_ms()),
            ready=ready,
            why=why,
            requests=requests,
            server_errors=server_errors,
            results=dict(services.metrics.results),
            decisions=dict(services.metrics.decisions),
            fallbacks=services.metrics.fallbacks,
            bounds_s=list(BOUNDS_S),
            steps={step: step_figures(found) for step, found in services.metrics.steps.items()},
            streams=services.metrics.streams,
            shards=shard_figures(waiting, conditions),
            packs=running,
        )


async def _readiness(services: Services) -> tuple[bool, str | None]:
    try:
        await services.probes.ready_now()
    except ProblemError as problem:
        return False, problem.detail
    return True, None


async def _running(services: Services) -> dict[str, list[str]]:
    """Which packs run, by mode; nothing where none was deployed yet."""
    try:
        deployment = await services.packs.deployment()
    except LookupError:
        return {}
    names = await services.catalogue.names(deployment.packs)
    running: dict[str, list[str]] = {}
    for number in sorted(deployment.packs):
        running.setdefault(deployment.mode_of(number), []).append(names[number].label)
    return running


def mount_console(app: web.Application, services: Services, routes: tuple[Route, ...]) -> None:
    """Add the pages to the application."""
    console = Console(
        ApiInside(services, routes),
        ConsoleSessions(services.pool, services.keys),
        services.authenticator,
        services.scheduler,
        body_limits(services),
        clock=services.now,
        heard=partial(heard_of, services),
    )
    for method, path, endpoint in console.endpoints():
        app.router.add_route(method, path, endpoint)

    app[CONSOLE] = console
    app.on_shutdown.append(_stop)


async def _stop(app: web.Application) -> None:
    app[CONSOLE].stop()


def heard_of(services: Services, request: web.Request, principal: Principal) -> None:
    """A request has come from this one: connections and turns are shared by caller."""
    services.connections.known(connection_of(request), principal.account)
    services.callers.heard_of(principal.account)
