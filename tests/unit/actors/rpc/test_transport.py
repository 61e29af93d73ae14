"""Calls between actors: by Ray until the socket is connected, then along it; every call has one of three ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.rpc.interface import NotReady
from actors.rpc.transport import FRAME_BYTES_MAX, SWEEP_MIN, Caller, CallLost, CallServer, Method
from tests.logged import messages


class Actor:
    """What an actor's handle does, without Ray; `by_ray` counts the calls that came that way."""

    def __init__(self, directory: Path | None) -> None:
        self.by_ray = 0
        self.asked = 0
        self.gates: dict[bytes, asyncio.Event] = {}
        methods: dict[str, Method] = {
            "echo": self._echo,
            "wait": self._wait,
            "refuse": self._refuse,
            "fail": self._fail,
        }
        self.server = CallServer(None if directory is None else str(directory), methods)

    def __getattr__(self, name: str) -> Any:
        return Remote(self, name)

    async def path(self) -> str | None:
        self.asked += 1
        return await self.server.path()

    def _echo(self, data: bytes) -> bytes:
        return data

    async def _wait(self, data: bytes) -> bytes:
        await self.gates.setdefault(data, asyncio.Event()).wait()
        return data

    async def _refuse(self, data: bytes) -> bytes:
        raise NotReady("not yet")

    async def _fail(self, data: bytes) -> bytes:
        raise ValueError("a bug")


class Remote:
    def __init__(self, actor: Actor, name: str) -> None:
        self._actor, self._name = actor, name

    async def remote(self, *arguments: Any) -> Any:
        if self._name == "socket_path":
            return await self._actor.path()
        assert self._name == "call"
        self._actor.by_ray += 1
        return await self._actor.server.call(*arguments)


@pytest.fixture
async def actor(tmp_path: Path) -> AsyncIterator[Actor]:
    actor = Actor(tmp_path)
    yield actor
    await actor.server.close()
    await asyncio.sleep(0)  # connections end in the loop's next turn


async def connected(actor: Actor) -> Caller:
    """A caller whose calls go along the socket."""
    caller = Caller(actor)
    await to_socket(caller, actor)
    return caller


async def to_socket(caller: Caller, actor: Actor) -> None:
    """Call until a call does not go through Ray."""
    for _ in range(1_000):
        before = actor.by_ray
        assert await caller.call("echo", b"first") == b"first"
        if actor.by_ray == before:
            return
        await asyncio.sleep(0)
    raise AssertionError("never connected")


async def until_waiting(actor: Actor, *names: bytes) -> None:
    while not all(name in actor.gates for name in names):
        await asyncio.sleep(0)


async def test_calls_leave_ray_for_the_socket_once_it_is_connected(actor: Actor) -> None:
    caller = await connected(actor)
    before = actor.by_ray
    assert await asyncio.gather(*(caller.call("echo", b"%d" % i) for i in range(50))) == [b"%d" % i for i in range(50)]
    assert actor.by_ray == before and actor.asked == 1
    caller.close()


async def test_an_answer_goes_to_its_own_call_whatever_the_order(actor: Actor) -> None:
    caller = await connected(actor)
    slow, fast = (asyncio.create_task(caller.call("wait", name)) for name in (b"slow", b"fast"))
    await until_waiting(actor, b"slow", b"fast")
    actor.gates[b"fast"].set()
    assert await fast == b"fast" and not slow.done()
    actor.gates[b"slow"].set()
    assert await slow == b"slow"
    caller.close()


@pytest.mark.parametrize("size", [0, 1, 70_000, 5_000_000])
async def test_a_call_of_any_size_arrives_whole_between_others(actor: Actor, size: int) -> None:
    caller = await connected(actor)
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    answers = await asyncio.gather(*(caller.call("echo", part) for part in (b"a", data, b"b", data)))
    assert answers == [b"a", data, b"b", data]
    caller.close()


@pytest.mark.parametrize("listens", [True, False])
async def test_not_ready_and_a_failure_arrive_as_such(tmp_path: Path, listens: bool) -> None:
    actor = Actor(tmp_path if listens else None)
    caller = await connected(actor) if listens else Caller(actor)
    with pytest.raises(NotReady, match="not yet"):
        await caller.call("refuse", b"")
    with pytest.raises(CallLost if listens else ValueError, match="a bug"):
        await caller.call("fail", b"")
    await actor.server.close()
    caller.close()


async def test_an_actor_that_does_not_listen_is_asked_once_and_called_through_ray(actor: Actor) -> None:
    silent = Actor(None)
    caller = Caller(silent)
    for _ in range(5):
        assert await caller.call("echo", b"x") == b"x"
        await asyncio.sleep(0)
    assert silent.by_ray == 5 and silent.asked == 1


async def test_what_is_under_way_when_the_other_end_goes_is_lost_and_the_next_call_finds_its_successor(
    actor: Actor, tmp_path: Path
) -> None:
    caller = await connected(actor)
    waiting = asyncio.create_task(caller.call("wait", b"x"))
    await until_waiting(actor, b"x")
    await actor.server.close()
    with pytest.raises(CallLost):
        await waiting
    actor.server = CallServer(
        str(tmp_path), actor.server._methods
    )  # Ray restarted it: the same handle, another process.
    before = actor.by_ray
    assert await caller.call("echo", b"y") == b"y" and actor.by_ray == before + 1
    await to_socket(caller, actor)
    caller.close()


async def test_after_a_takeover_the_old_process_is_not_heard_any_more(actor: Actor, tmp_path: Path) -> None:
    caller = await connected(actor)
    waiting = asyncio.create_task(caller.call("wait", b"x"))
    await until_waiting(actor, b"x")
    successor = Actor(tmp_path)
    caller.replace(successor)
    actor.gates[b"x"].set()
    with pytest.raises(CallLost):
        await waiting
    assert await caller.call("echo", b"y") == b"y" and successor.by_ray == 1
    await to_socket(caller, successor)
    caller.close()
    await successor.server.close()
    await asyncio.sleep(0)


async def test_an_answer_for_which_nobody_waits_any_more_is_passed_over(actor: Actor) -> None:
    caller = await connected(actor)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await caller.call("wait", b"x")
    actor.gates[b"x"].set()
    assert await caller.call("echo", b"y") == b"y"
    caller.close()


async def test_of_calls_that_nobody_waits_for_a_bounded_number_is_kept(actor: Actor) -> None:
    caller = await connected(actor)
    patient = caller.begin("wait", b"patient")
    for _ in range(5 * SWEEP_MIN):
        caller.begin("wait", b"x").cancel()
    assert caller._link is not None and len(caller._link._waiting) <= SWEEP_MIN + 2
    await until_waiting(actor, b"x", b"patient")
    actor.gates[b"x"].set()
    actor.gates[b"patient"].set()
    assert await patient == b"patient"
    caller.close()


async def test_an_array_is_answered_as_it_lies_in_memory(tmp_path: Path) -> None:
    rows = np.array([(1, 2), (3, 4)], [("number", "i4"), ("amount", "i8")])
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    done.set_result(rows)
    actor = Actor(tmp_path)
    actor.server = CallServer(str(tmp_path), {"echo": lambda data: data, "now": lambda _: rows, "soon": lambda _: done})
    through_ray = Caller(actor)
    caller = await connected(actor)
    for method in ("now", "soon"):
        assert await caller.call(method, b"") == await through_ray.call(method, b"") == rows.tobytes()
    through_ray.close()
    caller.close()
    await actor.server.close()
    await asyncio.sleep(0)


async def test_a_method_that_is_not_there_fails_alone(actor: Actor) -> None:
    caller = await connected(actor)
    with pytest.raises(CallLost, match="nothing like it"):
        await caller.call("nothing like it", b"")
    assert await caller.call("echo", b"x") == b"x"
    caller.close()


async def test_a_frame_beyond_all_bounds_ends_the_connection(actor: Actor) -> None:
    path = await actor.server.path()
    assert path is not None
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write((FRAME_BYTES_MAX + 1).to_bytes(4, "little") + bytes(5))
    with pytest.raises(ConnectionResetError):
        assert await reader.read() == b""
        raise ConnectionResetError
    writer.close()


async def test_the_socket_lies_where_it_was_told(actor: Actor, tmp_path: Path) -> None:
    path = await actor.server.path()
    assert path is not None and Path(path).parent == tmp_path
    assert await actor.server.path() == path


async def test_a_socket_that_cannot_be_made_is_told_once_and_tried_again(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listen, tries = actor.server._listen, []

    async def fails_twice(directory: Path) -> str:
        tries.append(directory)
        if len(tries) <= 2:
            raise OSError("too many open files")
        return await listen(directory)

    monkeypatch.setattr(actor.server, "_listen", fails_twice)
    await connected(actor)
    assert len(tries) == 3
    assert messages(caplog, "actors.rpc.transport") == ["no direct way: calls go through Ray until there is one"]


async def test_a_bug_behind_ray_is_logged_where_it_is_met(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from ray.exceptions import RayActorError, RayTaskError

    new_task_error: Callable[..., Exception] = RayTaskError
    failures = [RayActorError(), new_task_error("submit", "a traceback", ValueError("a bug"))]

    class Failing(Actor):
        def _echo(self, data: bytes) -> bytes:
            raise failures.pop(0)

    caller = Caller(Failing(None))
    for shown in ([], ["echo failed in another process"]):
        with pytest.raises(CallLost):
            await caller.call("echo", b"")
        assert messages(caplog, "actors.rpc.transport") == shown
