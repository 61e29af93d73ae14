"""The console in the HTTP application: sessions, forms, pages and their JSON twins, problems as pages."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from aiohttp import web

from actors.database.pool import StoreUnavailable
from actors.stores.api_keys import Principal, key_hash
from actors.stores.console_sessions import ConsoleSessions, SignedIn
from switch.console.forms import at_once, form_fields
from switch.console.live import HEARTBEAT, LISTENERS_MAX, LISTENERS_OF_ONE_MAX, RETRY_MS, Live
from switch.console.page import Api, Page, Redirect, View, Visit
from switch.console.pages import NAVIGATION, PAGES
from switch.console.rendering import PAGE_HEADERS, environment, load_assets, rendered
from switch.console.sessions import (
    HOME,
    demand_own_form,
    demand_own_origin,
    form_token,
    no_cookie,
    own_path,
    session_cookie,
    token_of,
)
from switch.fairness.scheduling import Scheduler
from switch.fairness.shares import STRANGERS, Places
from switch.http.auth import KEY_CHARACTERS_MAX, KEY_TTL_S, Authenticator
from switch.http.call import JSON, BodyLimits, Call, Query, one_header
from switch.http.lookups import Lookups
from switch.http.server import Answer, Stream
from switch.problems.table import PROBLEMS, ProblemError, invalid_query, problem_body
from switch.views.representations import json_response

HTML: Final = "text/html; charset=utf-8"
FORM: Final = "application/x-www-form-urlencoded"
FORM_BYTES_MAX: Final = 4 << 20
"""A rule pack's text, escaped: at worst three bytes a byte."""
SIGN_IN_BYTES_MAX: Final = 4 << 10
SIGN_IN_TIMEOUT_S: Final = 5.0
SIGN_INS_MAX: Final = 2
"""Keys and tokens of strangers looked up at a time: fewer than sessions with the database, so that payments have theirs."""
LIVE: Final = f"{HOME}/live"
STREAM_HEADERS: Final = {
    **PAGE_HEADERS,
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",
}
SIGN_IN: Final = f"{HOME}/sign-in"

_ENCODE: Final = msgspec.json.Encoder().encode

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoints(NamedTuple):
    """What the application routes to."""

    method: str
    path: str
    endpoint: Endpoint


class Console:
    """Pages over the API. `heard` gets the principal of each request."""

    def __init__(
        self,
        api: Api,
        sessions: ConsoleSessions,
        authenticator: Authenticator,
        scheduler: Scheduler,
        bodies: BodyLimits,
        *,
        clock: Callable[[], float],
        heard: Callable[[web.Request, Principal], None],
    ) -> None:
        self._api = api
        self._sessions = sessions
        self._signed_in: Lookups[bytes, SignedIn] = Lookups(sessions.find, clock, KEY_TTL_S)
        self._authenticator = authenticator
        self._scheduler = scheduler
        self._bodies = bodies
        self._heard = heard
        self._assets = load_assets()
        self._templates = environment(self._assets)
        self._live = Live(self._overview)
        self._listeners = Places(LISTENERS_MAX, LISTENERS_OF_ONE_MAX, 0.0)
        self._signing = Places(SIGN_INS_MAX, SIGN_INS_MAX, SIGN_IN_TIMEOUT_S)
        self._leaving = Places(SIGN_INS_MAX, 1, SIGN_IN_TIMEOUT_S)

    def endpoints(self) -> Iterator[Endpoints]:
        """All paths of the console; the JSON twin of a page before the page, whose last part could take its ending."""
        for page in PAGES:
            if page.method == "GET":
                yield Endpoints("GET", f"{page.path}.json", self._page(page, twin=True))
            yield Endpoints(page.method, page.path, self._page(page))
        yield Endpoints("GET", LIVE, self._listen)
        yield Endpoints("GET", SIGN_IN, self._ask_key)
        yield Endpoints("POST", SIGN_IN, self._sign_in)
        yield Endpoints("POST", f"{HOME}/sign-out", self._sign_out)
        yield Endpoints("GET", f"{HOME}/assets/{{name}}", self._asset)
        yield Endpoints("GET", "/", self._home)

    # Pages.

    def _page(self, page: Page, *, twin: bool = False) -> Endpoint:
        async def endpoint(request: web.Request) -> web.StreamResponse:
            as_json = twin or JSON in request.headers.get("Accept", "")
            try:
                return await self._shown(page, request, as_json)
            except StoreUnavailable:
                problem = ProblemError("database_unavailable", money_moved="no" if page.method == "GET" else "unknown")
            except ProblemError as error:
                problem = error
            if as_json:
                raise problem
            return await self._failed(request, problem)

        return endpoint

    async def _shown(self, page: Page, request: web.Request, as_json: bool) -> web.Response:
        who, token = await self._who(request)
        self._heard(request, who.principal)
        call = Call(request, who.principal, self._bodies, Query(page.query), short=False)
        try:
            form = {} if page.method == "GET" else await self._form(call, token)
            visit = Visit(request, who, self._api, call.query(), form)
            shown = await page.handler(visit)
        finally:
            call.close()
        if isinstance(shown, Redirect):
            return _to(shown.path)
        if as_json:
            return json_response(shown.data, shown.status, PAGE_HEADERS)
        navigation = [
            {"path": each.path, "title": each.title, "current": each.holds(request.path)}
            for each in NAVIGATION
            if (each.route is None or visit.may(*each.route)) and (visit.four_eyes or not each.four_eyes)
        ]
        here = {
            "account": who.name,
            "csrf": form_token(token),
            "navigation": navigation,
            "path": request.path,
            "base": f"{request.scheme}://{request.host}",
            "twin": _twin(request),
            "full": request.path_qs,
            "may": visit.may,
            "four_eyes": visit.four_eyes,
        }
        return await self._html(shown, who.principal.account, here)

    async def _form(self, call: Call, token: str) -> dict[str, str]:
        """The fields of a form that this session's own page sent. Raises ProblemError."""
        demand_own_origin(call.request)
        if call.content_type != FORM:
            raise ProblemError("unsupported_media_type", f"Pages send {FORM}.")
        body = await call.body(FORM_BYTES_MAX)
        form = await self._scheduler.run(call.principal.account, form_fields(body))
        demand_own_form(token, form)
        return form

    async def _who(self, request: web.Request) -> tuple[SignedIn, str]:
        """Whom a request speaks for, and the token of the session, empty when it is by a key: so scripts read pages, and change nothing.
        Raises ProblemError unauthenticated."""
        given = one_header(request, "Authorization")
        if given is not None and request.method == "GET":
            return SignedIn(principal=await self._authenticator.principal(given), name=""), ""
        token = token_of(request)
        who = None if token is None else await self._signed_in.get(key_hash(token))
        if token is None or who is None:
            raise ProblemError("unauthenticated", "Sign in to the console, or send an Authorization header.")
        return who, token

    async def _html(self, view: View, account: int, here: dict[str, Any]) -> web.Response:
        template = self._templates.get_template(view.template)
        values = {**view.data, "title": view.title, "here": here}
        body = await self._scheduler.run(account, rendered(template, values))
        return Answer(body, view.status, PAGE_HEADERS, HTML)

    async def _failed(self, request: web.Request, problem: ProblemError) -> web.Response:
        """A problem as a page; who is not signed in is asked to. Who gave a key that is none is told so, as by every call of the API."""
        if problem.code == "unauthenticated":
            if request.method == "GET" and "Authorization" in request.headers:
                raise problem
            wanted = request.path_qs if request.method == "GET" else HOME
            return _to(SIGN_IN if wanted == HOME else f"{SIGN_IN}?next={quote(wanted, safe='/')}")
        back = own_path(request.headers.get("Referer", "").partition(request.host)[2] if request.host else "")
        return self._plain("problem.html", PROBLEMS[problem.code].status, problem=problem_body(problem), back=back)

    def _plain(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """A small page without a session."""
        body = self._templates.get_template(template).render(values)
        return Answer(body.encode(), status, PAGE_HEADERS, HTML)

    # The overview as it changes.

    def stop(self) -> None:
        """End all streams."""
        self._live.stop()

    async def _overview(self) -> bytes:
        """What a state of the overview is: its figures, and the parts of the page that show them."""
        figures = msgspec.to_builtins(await self._api.figures())
        steps = rendered(self._templates.get_template("live.html"), {"figures": figures})
        html = await self._scheduler.run(STRANGERS, steps)
        return _ENCODE({"figures": figures, "html": html.decode()})

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        """GET /console/live: as server-sent events. Each is the whole state, so one that comes back needs none that it missed. It ends with
        the session or the key, with the process, and when the listener takes nothing for long."""
        who, _ = await self._who(request)
        self._heard(request, who.principal)
        for name in request.query:
            raise invalid_query(name[:100], "the parameter is not known here")
        response = Stream(headers=STREAM_HEADERS)
        async with self._listeners.place(who.principal.account):
            with self._live, contextlib.suppress(ConnectionError, ProblemError, StoreUnavailable):
                await response.prepare(request)
                await response.write(b"retry: %d\n\n" % RETRY_MS)
                await self._send_states(request, response)
        return response

    async def _send_states(self, request: web.Request, response: Stream) -> None:
        number = 0
        while not (self._live.stopped or request.transport is None or request.transport.is_closing()):
            state = await self._live.after(number)
            await self._who(request)
            if state is not None:
                number = state.number
            await response.write(HEARTBEAT if state is None else state.frame)

    # Signing in and out.

    async def _ask_key(self, request: web.Request) -> web.Response:
        return self._plain("sign_in.html", wanted=own_path(request.query.get("next", "")), wrong=False)

    async def _sign_in(self, request: web.Request) -> web.Response:
        try:
            demand_own_origin(request)
            form = at_once(await _small_body(request))
            async with self._signing.place(STRANGERS):
                token = await self._sessions.open(form.get("key", "").strip()[:KEY_CHARACTERS_MAX])
        except ProblemError as problem:
            return await self._failed(request, problem)
        except StoreUnavailable:
            return await self._failed(request, ProblemError("database_unavailable"))
        wanted = own_path(form.get("next", ""))
        if token is None:
            return self._plain("sign_in.html", 401, wanted=wanted, wrong=True)
        return _to(wanted, {"Set-Cookie": session_cookie(token, request)})

    async def _sign_out(self, request: web.Request) -> web.Response:
        """Also when the session has ended already, so that nobody is kept."""
        try:
            demand_own_origin(request)
            token = token_of(request)
            form = at_once(await _small_body(request))
            if token is not None:
                demand_own_form(token, form)
                who = await self._signed_in.get(key_hash(token))
                if who is not None:
                    async with self._leaving.place(who.principal.account):
                        await self._sessions.close(token)
                self._signed_in.forget(key_hash(token))
        except ProblemError as problem:
            return await self._failed(request, problem)
        except StoreUnavailable:
            return await self._failed(request, ProblemError("database_unavailable"))
        return _to(SIGN_IN, {"Set-Cookie": no_cookie(request)})

    # What anybody gets.

    async def _asset(self, request: web.Request) -> web.Response:
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise ProblemError("not_found")
        kept = "public, max-age=31536000, immutable" if request.query.get("v") == found.version else "no-cache"
        headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
        return Answer(found.body, 200, headers, found.content_type)

    async def _home(self, request: web.Request) -> web.Response:
        return _to(HOME)


def _twin(request: web.Request) -> str | None:
    """Where the same page is JSON; what answers a form has no address of its own."""
    if request.method != "GET":
        return None
    return f"{request.path}.json" + (f"?{request.rel_url.raw_query_string}" if request.query_string else "")


def _to(path: str, headers: dict[str, str] | None = None) -> web.Response:
    return Answer(b"", 303, {"Location": path, "Cache-Control": "no-store", **(headers or {})}, HTML)


async def _small_body(request: web.Request) -> bytes:
    """The body of one who has no session yet. Raises ProblemError."""
    try:
        async with asyncio.timeout(SIGN_IN_TIMEOUT_S):
            parts, size = [], 0
            while part := await request.content.readany():
                size += len(part)
                if size > SIGN_IN_BYTES_MAX:
                    raise ProblemError("payload_too_large")
                parts.append(part)
    except TimeoutError:
        raise ProblemError("request_timeout") from None
    except (web.RequestPayloadError, OSError) as error:
        raise ProblemError("malformed_request", "The body could not be read.") from error
    return b"".join(parts)
