"""What whoever calls a shard relies on: whether a lost call was sent, and that every client has the calls of the interface."""

import inspect
from typing import Any

import msgspec
import pytest

from actors.rpc.interface import ChainHead, Condition, ShardClient, ShardUnavailable
from actors.shard.host import ShardHost
from actors.shard.remote import RemoteShard

CALLS = [name for name, member in vars(ShardClient).items() if inspect.iscoroutinefunction(member)]


@pytest.mark.parametrize(("not_sent", "text"), [(True, "was not reached"), (False, "answer was lost")])
def test_whoever_hears_of_no_answer_knows_whether_it_may_have_happened(not_sent: bool, text: str) -> None:
    error = ShardUnavailable(not_sent)
    assert error.not_sent is not_sent and text in str(error)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("client", [RemoteShard, ShardHost])
def test_every_client_has_the_calls_with_their_parameters(client: Any, call: str) -> None:
    wanted, given = (inspect.signature(getattr(each, call)) for each in (ShardClient, client))
    assert list(given.parameters) == list(wanted.parameters)


def test_what_is_well_is_said_with_nothing_and_is_nobody_elses() -> None:
    one, other = Condition(), Condition()
    assert (one.stops, one.warnings, one.fills, one.clock_off_ms) == ([], [], {}, 0)
    assert one == other and one.fills is not other.fills and one.stops is not other.stops


def test_both_travel_as_they_are() -> None:
    condition = Condition(fills={"keys": 0.5}, clock_off_ms=-7, stops=["a"], warnings=["b"])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(condition), type=Condition) == condition
    head = ChainHead(2**62, 978, [2**53, 1], [])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode([head]), type=list[ChainHead]) == [head]
