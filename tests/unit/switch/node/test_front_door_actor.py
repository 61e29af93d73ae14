"""A front door as an actor: it starts with the first members it hears of, keeps the newest, and leaves and drains when it is told."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ray.exceptions import RayActorError

from actors.backtest.live import LiveBacktester
from actors.rpc.members import Member, Members
from switch.api import front_door
from switch.api.app import SERVICES
from switch.node import front_door_actor
from switch.node.front_door_actor import FrontDoorActor, FrontDoorSpec, _opened
from tests.logged import text

NOWHERE = "postgres://127.0.0.1:9/nowhere"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gone:
    """A handle of an actor that has died, as Ray gives it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, method: str) -> Any:
        return self

    async def remote(self, *_: Any) -> Any:
        raise RayActorError()


def members(version: int, *, leaving: bool = False, since: int = 1) -> Members:
    shards = {
        number: Member(since=since if number else 1, actor=Gone(f"shard {number} of {since}")) for number in range(2)
    }
    return Members(
        version=version, shards=shards, scorers={0: Member(since=since, actor=Gone("scorer"))}, leaving=leaving
    )


class Opened:
    """An actor, and where it listens."""

    def __init__(self, actor: FrontDoorActor, port: int) -> None:
        self.actor = actor
        self.url = f"http://127.0.0.1:{port}"

    async def get(self, path: str) -> int:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status

    async def started(self) -> None:
        assert self.actor._starting is not None
        await asyncio.wait_for(asyncio.shield(self.actor._starting), 30)


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opened]:
    monkeypatch.setattr(front_door_actor, "freeze_gc", lambda: None)
    monkeypatch.setattr(front_door_actor, "log_to_file", lambda path, filters: None)
    port = free_port()
    spec = FrontDoorSpec(
        number=0, host="127.0.0.1", port=port, url=NOWHERE, secret=bytes(range(16)), shards=2, log_dir=str(tmp_path)
    )
    actor = FrontDoorActor(spec)
    yield Opened(actor, port)
    await actor.drain()


async def test_it_listens_once_it_knows_its_shards_and_says_which_members_it_knows(opened: Opened) -> None:
    assert (await opened.actor.status()).version == 0
    await opened.actor.connect(members(3))
    await opened.started()
    assert (await opened.actor.status()).version == 3
    assert (await opened.get("/healthz"), await opened.get("/readyz")) == (200, 503), "its shards are not there yet"


async def test_what_explains_payments_is_loaded_once_it_has_started(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = asyncio.Event()
    monkeypatch.setattr(front_door, "READY_AFTER_S", 0.01)
    monkeypatch.setattr(LiveBacktester, "get_ready", lambda _: loaded.set())
    await opened.actor.connect(members(1))
    assert not loaded.is_set()
    await opened.started()
    await asyncio.wait_for(loaded.wait(), 5)


async def test_only_what_moved_is_replaced_and_what_came_late_is_dropped(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened.actor.connect(members(3))
    kept = dict(opened.actor._clients)
    replaced: list[tuple[int, Any]] = []
    for number, client in kept.items():
        monkeypatch.setattr(client, "replace", lambda actor, number=number: replaced.append((number, actor.name)))
    await opened.actor.connect(members(2, since=2))
    assert replaced == [] and (await opened.actor.status()).version == 3
    await opened.actor.connect(members(4, since=4))
    assert replaced == [(1, "shard 1 of 4")] and opened.actor._clients == kept
    await opened.actor.connect(members(4, since=5))
    assert len(replaced) == 1, "the same version says nothing new"


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_switch_that_leaves_is_served_on_but_not_ready(opened: Opened, at_once: bool) -> None:
    await opened.actor.connect(members(1, leaving=at_once))
    await opened.started()
    if not at_once:
        await opened.actor.connect(members(2, leaving=True))
    assert opened.actor._front_door is not None and opened.actor._front_door._runner is not None
    assert opened.actor._front_door._runner.app[SERVICES].leaving
    assert await opened.get("/healthz") == 200 and await opened.get("/readyz") == 503


async def test_a_drain_before_the_start_and_after_the_end_does_nothing(opened: Opened) -> None:
    await opened.actor.drain()
    await opened.actor.connect(members(1))
    await opened.started()
    await opened.actor.drain()
    with pytest.raises(aiohttp.ClientConnectionError):
        await opened.get("/healthz")


async def test_a_drain_while_it_starts_leaves_nothing_that_listens(opened: Opened) -> None:
    await opened.actor.connect(members(1))
    await asyncio.sleep(0)
    await opened.actor.drain()
    await opened.started()
    with pytest.raises(aiohttp.ClientConnectionError):
        await opened.get("/healthz")


async def test_a_start_that_fails_ends_the_process_so_that_it_is_restarted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)

    async def fails() -> None:
        raise OSError("the port is taken")

    async def works() -> None:
        pass

    for work in (fails, works):
        task = asyncio.get_running_loop().create_task(work())
        await asyncio.wait([task])
        _opened(task)
    assert ended == [72] and "the port is taken" in text(caplog, "switch.node.front_door_actor")
