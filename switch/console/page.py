"""What a page is made of: who looks at it, what it asks of the API, what it shows."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web

from actors.stores.api_keys import Principal
from actors.stores.console_sessions import SignedIn
from switch.problems.table import PROBLEMS, ProblemError
from switch.views.figures import Figures

PROPOSALS: Final = "/v1/proposals"
_PLACE: Final = re.compile(r"\{(\w+)\}")
NOTHING: Final[Mapping[str, str]] = {}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the API by its line in the table of routes: `path` as it stands there, with `params` for its braces. `body`: as JSON."""

    method: str
    path: str
    params: Mapping[str, str] = NOTHING
    query: Mapping[str, str] = NOTHING
    headers: Mapping[str, str] = NOTHING
    body: Any = None


class Api(Protocol):
    """The API as pages reach it, with all its checks."""

    def may(self, principal: Principal, method: str, path: str) -> bool:
        """Whether a call of this route would be let in at all."""

    async def call(self, request: web.Request, principal: Principal, wanted: Wanted) -> Any:
        """The answer's JSON. Raises ProblemError."""

    async def figures(self) -> Figures:
        """How the switch is doing, as /metrics and /readyz tell everybody."""

    def get_ready(self) -> None:
        """Somebody looks at what backtests, previews and explanations are asked for from: have loaded what they need."""

    @property
    def four_eyes(self) -> bool:
        """Whether what changes decisions needs a second account."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows: `data` is its JSON twin and what its template gets."""

    template: str
    title: str
    data: dict[str, Any]
    status: int = 200


class Redirect(msgspec.Struct, frozen=True):
    """The page to look at in place of this one."""

    path: str


class Visit:
    """A request for a page by somebody who is signed in. `form` is what was sent along, its token checked."""

    def __init__(
        self, request: web.Request, who: SignedIn, api: Api, query: Mapping[str, str], form: Mapping[str, str]
    ) -> None:
        self._request = request
        self._api = api
        self.who = who
        self.query = query
        self.form = form

    def param(self, name: str) -> str:
        """A part of the path."""
        return self._request.match_info[name]

    def may(self, method: str, path: str) -> bool:
        """Whether the key's scopes and the account's bounds let a call of the API in."""
        return self._api.may(self.who.principal, method, path)

    async def get(self, path: str, query: Mapping[str, str] = NOTHING, **params: str) -> Any:
        """What the API answers. Raises ProblemError."""
        return await self._api.call(
            self._request, self.who.principal, Wanted(method="GET", path=path, params=params, query=query)
        )

    async def send(self, wanted: Wanted) -> Any:
        """What the API answers to a change. A form brings its own idempotency key, so to send it twice changes nothing twice."""
        key = self.form.get("idempotency_key")
        if key:
            wanted = msgspec.structs.replace(wanted, headers={**wanted.headers, "Idempotency-Key": key})
        return await self._api.call(self._request, self.who.principal, wanted)

    async def change(self, wanted: Wanted) -> Redirect | None:
        """Make a change that decides payments. None: it is made. Where that takes two accounts it is asked for, with the reason in the
        form, and the page of the proposal is where to go. Raises ProblemError."""
        try:
            await self.send(wanted)
        except ProblemError as problem:
            if problem.code != "approval_needed":
                raise
        else:
            return None
        path = _PLACE.sub(lambda place: quote(wanted.params[place[1]], safe=""), wanted.path)
        body = {
            "method": wanted.method,
            "path": path,
            "reason": (self.form.get("why") or self.form.get("reason", "")).strip(),
        }
        content = {} if wanted.body is None else {"content": wanted.body}
        proposal = await self.send(Wanted(method="POST", path=PROPOSALS, body={**body, **content}))
        return Redirect(f"/console/proposals/{proposal['id']}?done=proposed")

    @property
    def four_eyes(self) -> bool:
        """Whether what changes decisions needs a second account."""
        return self._api.four_eyes

    def get_ready(self, method: str, path: str) -> None:
        """A form of the page calls this, which takes a backtest: have what that needs loaded meanwhile."""
        if self.may(method, path):
            self._api.get_ready()

    async def figures(self) -> Figures:
        """How the switch is doing."""
        return await self._api.figures()

    def page_query(self, **more: str) -> dict[str, str]:
        """Parameters of a list: `after` as the page was asked for it."""
        return {**more, **({"after": self.query["after"]} if "after" in self.query else {})}


async def unless(codes: frozenset[str], answer: Awaitable[Any]) -> Any:
    """An answer, None when the API ends the call with one of these problems."""
    try:
        return await answer
    except ProblemError as problem:
        if problem.code in codes:
            return None
        raise


def problem_shown(problem: ProblemError) -> dict[str, Any]:
    """A problem as pages show it."""
    title = PROBLEMS[problem.code].title
    return {"title": title, "detail": problem.detail, "errors": msgspec.to_builtins(problem.errors)}


async def with_problem(codes: frozenset[str], problem: ProblemError, page: Callable[..., Awaitable[View]]) -> View:
    """The page of a form with the problem that it ended with, `problem`, beside it. Raises the problem when it is none of these codes."""
    if problem.code not in codes:
        raise problem
    view = await page(problem=problem_shown(problem))
    return msgspec.structs.replace(view, status=PROBLEMS[problem.code].status)


Shown = View | Redirect
Handler = Callable[[Visit], Awaitable[Shown]]


class Page(NamedTuple):
    """A page: `query`: the parameters that it takes."""

    method: str
    path: str
    handler: Handler
    query: tuple[str, ...] = ()
