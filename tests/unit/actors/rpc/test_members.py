"""Actors receive the whole state with a version: lost, repeated and reordered, the newest one holds."""

import random
from typing import Any

import pytest

from actors.rpc.members import Member, Members
from actors.shard.actor import ShardActor
from switch.node.front_door_actor import FrontDoorActor


class _Kept:
    """In place of a client of an actor."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def replace(self, actor: Any) -> None:
        self.actor = actor


class _Pool:
    def __init__(self) -> None:
        self.members: Any = None

    def take(self, members: Members) -> None:
        self.members = members


def history(length: int) -> list[Members]:
    """Two shards and two scorers of which one after the other is replaced."""
    rng = random.Random(7)
    shards = {n: Member(since=1, actor=f"shard {n}.1") for n in range(2)}
    scorers = {n: Member(since=1, actor=f"scorer {n}.1") for n in range(2)}
    states = [Members(version=1, shards=dict(shards), scorers=dict(scorers))]
    for version in range(2, length + 1):
        kind, group = rng.choice((("shard", shards), ("scorer", scorers)))
        number = rng.randrange(2)
        group[number] = Member(since=version, actor=f"{kind} {number}.{version}")
        states.append(Members(version=version, shards=dict(shards), scorers=dict(scorers)))
    return states


@pytest.mark.parametrize("seed", range(20))
async def test_the_newest_state_holds_however_it_came(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.actor.RemotePeer", _Kept)
    monkeypatch.setattr("actors.shard.actor.ScorerPool", _Pool)
    monkeypatch.setattr("switch.node.front_door_actor.RemoteShard", _Kept)
    monkeypatch.setattr("switch.node.front_door_actor.RemoteScorer", _Kept)
    rng = random.Random(seed)
    states = history(8)
    heard = [state for state in states[:-1] for _ in range(rng.randrange(3))] + [states[-1]]
    rng.shuffle(heard)
    shard: Any = ShardActor.__new__(ShardActor)
    shard.__dict__.update(_peers={}, _members=Members(version=0, shards={}, scorers={}), _scorers=None, _host=object())
    shard._spec = type("Spec", (), {"shard": 0})
    front_door: Any = FrontDoorActor.__new__(FrontDoorActor)
    front_door.__dict__.update(_clients={}, _scorers={}, _starting=object(), _members=shard._members, _front_door=None)
    for state in heard:
        await shard.connect(state)
        await front_door.connect(state)
    newest = states[-1]
    assert shard._members == front_door._members == newest and shard._scorers.members == newest
    assert {n: peer.actor for n, peer in shard._peers.items()} == {1: newest.shards[1].actor}
    assert {n: client.actor for n, client in front_door._clients.items()} == {
        n: m.actor for n, m in newest.shards.items()
    }
    assert {n: each.actor for n, each in front_door._scorers.items()} == {n: m.actor for n, m in newest.scorers.items()}
    assert (await front_door.status()).version == newest.version
