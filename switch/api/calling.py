"""How a call of the API is let in and answered, be it over HTTP or from a page of the console."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from aiohttp import web

from actors.stores.api_keys import Principal
from switch.api.route import Route
from switch.api.services import Services
from switch.http.access import Access
from switch.http.auth import demand
from switch.http.call import BodyLimits, Call, Query
from switch.problems.table import ProblemError

_AT_ONCE: Final = nullcontext()
REFUSED_KEEPS_S: Final = 0.02
"""So long does a question beyond the limit keep its place, some times as long as one that is answered. Refusals that come as fast as the
event loop goes round would cost as much as answers, without an end."""


def body_limits(services: Services) -> BodyLimits:
    """How bodies may arrive."""
    limits = services.limits
    return BodyLimits(
        timeout_s=limits.body_timeout_s,
        grace_s=limits.body_grace_s,
        rate_min=limits.body_rate_min,
        room=services.bodies,
        callers=services.callers,
    )


def demand_access(principal: Principal, route: Route) -> None:
    """Raise ProblemError forbidden unless the principal may make calls of this route."""
    demand(principal, route.scopes)
    if route.access is Access.REFUSED and principal.bound is not None:
        raise ProblemError("forbidden", "This call is for accounts that are not bound to wallets.")


class Calls:
    """All calls of one route. `via`: how they come in, as the log of administrators has it."""

    __slots__ = ("_asks", "_bodies", "_logged", "_of_key", "_query", "_rate", "_route", "_services", "_via")

    def __init__(self, services: Services, route: Route, via: str = "api") -> None:
        self._services = services
        self._via = via
        self._route = route
        self._bodies = body_limits(services)
        self._query = Query(route.query, route.needed)
        self._logged = route.logged
        reads = route.method == "GET"
        self._rate = services.reads if reads else services.writes
        self._asks = reads and not route.long
        self._of_key = services.key_reads if reads else services.key_writes

    def turn(self, principal: Principal) -> AbstractAsyncContextManager[None]:
        """When a call of a caller may be worked on: at once, but for short questions, which wait for a place."""
        return self._services.asking.place(principal.account) if self._asks else _AT_ONCE

    def let_in(self, principal: Principal) -> None:
        """Count a call of a caller, and look whether it may make it. Raises ProblemError too_many_requests, forbidden."""
        own = principal.reads_per_s if self._route.method == "GET" else principal.writes_per_s
        if own:
            self._of_key.take(principal.key, own)
        self._rate.take(principal.account)
        demand_access(principal, self._route)

    async def admit(self, principal: Principal) -> None:
        """`let_in`, for a call that has its turn."""
        try:
            self.let_in(principal)
        except ProblemError as problem:
            if self._asks and problem.code == "too_many_requests":
                await asyncio.sleep(REFUSED_KEEPS_S)
            raise

    async def answer(self, request: web.Request, principal: Principal, *, approved: bool = False) -> web.StreamResponse:
        """What the route's handler answers to one who was let in; `approved`: by a second person. Raises ProblemError."""
        route = self._route
        if route.four_eyes and self._services.four_eyes.four_eyes and not approved:
            raise ProblemError("approval_needed")
        call = Call(request, principal, self._bodies, self._query, short=not route.long)
        try:
            if request.method != "GET":
                call.query()
            if self._logged:
                return await self._answer_logged(call)
            return await route.handler(self._services, call)
        finally:
            call.close()

    async def _answer_logged(self, call: Call) -> web.StreamResponse:
        route = self._route
        resource = route.resource(call.request.match_info) if "{" in route.path else route.path
        name = f"{route.method} {route.path}"
        logged = self._services.admin_calls.of(call, name, resource, self._via, kept=route.body_kept)
        if route.bodies:
            call.on_body = logged.begin
        else:
            await logged.begin(b"")
        try:
            response = await route.handler(self._services, call)
        except Exception as error:
            await logged.failed(error)
            raise
        await logged.answered(response)
        return response
