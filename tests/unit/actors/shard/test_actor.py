"""A shard's actor refuses calls until it serves, keeps the newest members, and ends its process with the shard's life."""

import asyncio
import os
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np
import pytest

from actors.ledger.bounds import Capacity
from actors.records.layout import REQUEST
from actors.rpc.interface import NotReady
from actors.rpc.members import Member, Members
from actors.shard import actor
from actors.shard.actor import ShardActor, ShardSpec
from actors.shard.in_process import SMALL
from actors.shard.remote import pack_rows
from tests.logged import messages


@pytest.fixture
def spec(tmp_path: Path) -> ShardSpec:
    return ShardSpec(
        shard=1,
        shards=2,
        url="postgresql://nobody@127.0.0.1:9/none",
        secret=bytes(16),
        log_dir=str(tmp_path),
        capacity=SMALL,
    )


@pytest.fixture(autouse=True)
def _logs_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "log_to_file", lambda path: None)


async def test_nothing_is_taken_in_before_the_members_are_known(spec: ShardSpec) -> None:
    shard = ShardActor(spec)
    one = pack_rows(np.zeros(1, REQUEST), {})
    for method, data in (
        ("submit", one),
        ("submit_timed", one),
        ("wallets", bytes(8)),
        ("heads", bytes(8)),
        ("condition", b""),
        ("push", b""),
        ("find_key", bytes(32)),
    ):
        with pytest.raises(NotReady, match="shard 1 is starting"):
            await shard.call(method, data)
    await shard.drain()


async def test_an_actor_that_is_starting_says_so(spec: ShardSpec) -> None:
    status = await ShardActor(spec).status()
    assert (status.shard, status.pid, status.version, status.ready, status.stopped_channels) == (
        1,
        os.getpid(),
        0,
        False,
        [],
    )


class _Client:
    """Notes the actor it was made for and those that came in its place."""

    def __init__(self, actor: Any) -> None:
        self.actors = [actor]

    def replace(self, actor: Any) -> None:
        self.actors.append(actor)


async def test_it_is_built_once_and_peers_are_replaced_by_later_members_alone(
    spec: ShardSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "RemotePeer", _Client)
    shard = ShardActor(spec)

    def members(version: int, other: str) -> Members:
        shards = {0: Member(since=version, actor=other), 1: Member(since=1, actor="itself")}
        return Members(version=version, shards=shards, scorers={})

    await shard.connect(members(2, "b"))
    built = shard._host
    assert built is not None and shard._life is not None
    config = built.core.ledger.config
    assert (config.shard, config.shards, config.secret, config.windows) == (1, 2, bytes(16), True)
    await shard.connect(members(3, "c"))
    await shard.connect(members(1, "a"))
    await shard.connect(members(3, "d"))
    peer: Any = shard._peers[0]
    assert peer.actors == ["b", "c"] and shard._peers.keys() == {0} and shard._host is built
    assert (await shard.status()).version == 3 and not (await shard.status()).ready
    shard._life.cancel()
    await asyncio.gather(shard._life, return_exceptions=True)


class _Ended(BaseException):
    """In place of the process's end."""


async def test_a_shard_that_cannot_be_built_ends_its_process_and_says_why(
    spec: ShardSpec, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def end(code: int) -> NoReturn:
        raise _Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    shard = ShardActor(msgspec.structs.replace(spec, capacity=Capacity(segment_map=0)))
    members = Members(version=1, shards={1: Member(since=1, actor="itself")}, scorers={})
    with pytest.raises(_Ended, match="70"):
        await shard.connect(members)
    assert any("cannot be built: IndexError" in message for message in messages(caplog, "actors.shard.actor"))


@pytest.mark.parametrize("checkpoints", [None, "here"])
async def test_checkpoints_are_taken_where_there_is_a_place_for_them(
    spec: ShardSpec, tmp_path: Path, checkpoints: str | None
) -> None:
    place = None if checkpoints is None else (tmp_path / checkpoints).as_uri()
    shard = ShardActor(
        ShardSpec(**{name: getattr(spec, name) for name in spec.__struct_fields__} | {"checkpoints": place})
    )
    host = shard._build(shard._scorers)  # type: ignore[arg-type]
    assert host.core.config.save_every_records == (None if place is None else actor.SAVE_EVERY_RECORDS)


async def test_the_process_ends_with_the_shards_life_but_not_when_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    loop = asyncio.get_running_loop()

    async def fails() -> None:
        raise ZeroDivisionError

    for life in (loop.create_task(fails()), loop.create_task(asyncio.sleep(9))):
        life.add_done_callback(actor._ended)
        await asyncio.sleep(0)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await asyncio.sleep(0)
    assert ended == [70]
