"""Whoever calls is counted first and then looked at: no scope, no call; an account that is bound reaches no route that is not for it."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from actors.stores.api_keys import Bound, Principal
from switch.api.calling import REFUSED_KEEPS_S, Calls, demand_access
from switch.api.route import Route
from switch.api.services import ASKING_MAX, ASKING_OF_ONE_MAX, Limits
from switch.fairness.rates import Rate
from switch.fairness.scheduling import Callers
from switch.fairness.shares import BodyRoom, Places
from switch.http.access import Access
from switch.http.call import Call
from switch.problems.table import ProblemError

BOUND = Bound(frozenset({7}), frozenset())


def principal(*scopes: str, bound: Bound | None = None, account: int = 5) -> Principal:
    return Principal(account, frozenset(scopes), bound)


async def echo(services: Any, call: Call) -> web.Response:
    return web.Response(text=str(call.principal.account))


def route(method: str = "GET", access: Access = Access.WALLET, handler: Any = echo, **more: Any) -> Route:
    return Route(method, "/v1/x", "Something.", frozenset({"read"}), access, handler, answer=None, **more)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def services(clock: Clock, reads: int = 0, writes: int = 0) -> Any:
    return SimpleNamespace(
        limits=Limits(),
        bodies=BodyRoom(1 << 20),
        callers=Callers(clock, 0.01),
        reads=Rate(reads, clock),
        writes=Rate(writes, clock),
        key_reads=Rate(0, clock),
        key_writes=Rate(0, clock),
    )


@pytest.mark.parametrize(
    ("who", "access", "allowed"),
    [
        (principal("read"), Access.WALLET, True),
        (principal("pay", "read"), Access.REFUSED, True),
        (principal("pay"), Access.WALLET, False),
        (principal(), Access.WALLET, False),
        (principal("read", bound=BOUND), Access.WALLET, True),
        (principal("read", bound=BOUND), Access.REFUSED, False),
    ],
)
def test_a_call_needs_a_scope_and_of_a_bound_account_a_route_for_it(
    who: Principal, access: Access, allowed: bool
) -> None:
    try:
        demand_access(who, route(access=access))
    except ProblemError as problem:
        assert not allowed and problem.code == "forbidden"
    else:
        assert allowed


def test_reads_and_writes_are_counted_apart_and_by_caller() -> None:
    shared = services(Clock(), reads=1, writes=1)
    reads, writes = Calls(shared, route()), Calls(shared, route("POST"))

    def full(calls: Calls, who: Principal) -> int:
        for count in range(1_000):
            try:
                calls.let_in(who)
            except ProblemError as problem:
                assert problem.code == "too_many_requests"
                return count
        raise AssertionError("nobody is refused")

    most = full(reads, principal("read"))
    assert most == full(writes, principal("read")) == full(reads, principal("read", account=6)) > 0


def test_a_key_with_a_limit_of_its_own_is_counted_apart_from_its_account() -> None:
    calls = Calls(services(Clock()), route())
    slow = msgspec.structs.replace(principal("read"), key="slow", reads_per_s=2)
    for _ in range(4):
        calls.let_in(slow)
    with pytest.raises(ProblemError) as refused:
        calls.let_in(slow)
    assert refused.value.code == "too_many_requests"
    for other in (principal("read"), msgspec.structs.replace(slow, key="other")):
        calls.let_in(other)
    Calls(services(Clock()), route("POST")).let_in(slow)


async def test_short_questions_of_one_account_wait_for_each_other_and_nothing_else_does() -> None:
    shared = services(Clock())
    shared.asking = Places(ASKING_MAX, ASKING_OF_ONE_MAX, 60.0)
    asks, pays, reads_long = Calls(shared, route()), Calls(shared, route("POST")), Calls(shared, route(long=True))
    flood = principal("read")

    async def ask() -> None:
        async with asks.turn(flood):
            pass

    async with AsyncExitStack() as under_way:
        for _ in range(ASKING_OF_ONE_MAX):
            await under_way.enter_async_context(asks.turn(flood))
        late = asyncio.create_task(ask())
        for calls, who in ((asks, principal("read", account=6)), (pays, flood), (reads_long, flood)):
            async with calls.turn(who):
                await asyncio.sleep(0)
        assert not late.done()
    await late


async def test_a_question_beyond_the_limit_keeps_its_place_for_a_while_and_no_other_call_does() -> None:
    clock = asyncio.get_running_loop().time
    shared = services(Clock(), reads=1, writes=1)
    shared.asking = Places(ASKING_MAX, 1, 60.0)
    asks = Calls(shared, route())
    codes: list[str] = []

    async def ask(calls: Calls, who: Principal) -> None:
        async with calls.turn(who):
            try:
                await calls.admit(who)
            except ProblemError as problem:
                codes.append(problem.code)

    flood, few = principal("read"), principal("read", account=6)
    for _ in range(2):  # what a caller that was quiet may ask at once
        await ask(asks, flood)
    began = clock()
    refused = [asyncio.create_task(ask(asks, flood)) for _ in range(2)]
    await ask(asks, few)
    assert codes == [] and not any(each.done() for each in refused)
    await asyncio.gather(*refused)
    assert codes == ["too_many_requests"] * 2 and clock() - began >= 2 * REFUSED_KEEPS_S - 0.002

    for calls in (Calls(shared, route(long=True)), Calls(shared, route("POST"))):
        codes.clear()
        while not codes:
            before = asyncio.create_task(ask(calls, flood))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert before.done()
    forbidden = asyncio.create_task(ask(asks, principal("pay", account=7)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert forbidden.done() and codes[-1] == "forbidden"


class Log:
    """What a call tells the log of administrators."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def of(self, call: Call, name: str, resource: str, via: str, *, kept: bool) -> Any:
        return self

    async def begin(self, body: bytes) -> None:
        self.steps.append(f"begin {body.decode()}")

    async def answered(self, response: web.StreamResponse) -> None:
        self.steps.append("answered")

    async def failed(self, error: Exception) -> None:
        self.steps.append(type(error).__name__)


async def test_an_administrative_call_is_begun_before_its_handler_and_ended_before_its_answer() -> None:
    shared = services(Clock())

    async def changes(_: Any, call: Call) -> web.Response:
        shared.admin_calls.steps.append("changes")
        return web.Response()

    async def breaks(_: Any, call: Call) -> web.Response:
        raise ProblemError("timeout")

    for scopes, handler, expected in (
        ({"admin"}, changes, ["begin ", "changes", "answered"]),
        ({"read", "admin"}, breaks, ["begin ", "ProblemError"]),
        ({"pay"}, changes, ["changes"]),
    ):
        shared.admin_calls = Log()
        calls = Calls(shared, route("DELETE", handler=handler)._replace(scopes=frozenset(scopes)))
        try:
            await calls.answer(make_mocked_request("DELETE", "/v1/x"), principal("admin"))
        except ProblemError:
            assert handler is breaks
        assert shared.admin_calls.steps == expected


def test_who_may_not_call_is_counted_too() -> None:
    calls = Calls(services(Clock(), reads=1), route())
    codes = []
    for _ in range(50):
        with pytest.raises(ProblemError) as refused:
            calls.let_in(principal("pay"))
        codes.append(refused.value.code)
    assert codes[0] == "forbidden" and codes[-1] == "too_many_requests"


async def test_a_parameter_that_the_route_does_not_take_is_refused_before_a_write() -> None:
    called: list[Call] = []

    async def pays(_: Any, call: Call) -> web.Response:
        called.append(call)
        return web.Response()

    calls = Calls(services(Clock()), route("POST", handler=pays))
    with pytest.raises(ProblemError) as refused:
        await calls.answer(make_mocked_request("POST", "/v1/x?dry_run=true"), principal("read"))
    assert (refused.value.code, called) == ("invalid_query", [])


@pytest.mark.parametrize("long", [False, True])
async def test_only_short_calls_make_long_work_rest_and_only_until_they_are_answered(long: bool) -> None:
    shared, under_way = services(Clock()), asyncio.Event()
    seen: list[str] = []
    shared.callers = SimpleNamespace(began=lambda _: seen.append("began"), ended=lambda _: seen.append("ended"))

    async def fails(_: Any, call: Call) -> web.Response:
        under_way.set()
        raise ProblemError("timeout")

    with pytest.raises(ProblemError):
        await Calls(shared, route(handler=fails, long=long)).answer(make_mocked_request("GET", "/v1/x"), principal())
    assert under_way.is_set() and seen == ([] if long else ["began", "ended"])
