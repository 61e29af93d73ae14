"""What shards take and give comes back from its bytes as it was, and a call that fails says whether it may have happened."""

from typing import Any

import numpy as np
import pytest

from actors.records.credit_layout import (
    CREDIT_QUESTION,
    CREDIT_REQUEST,
    CREDIT_RESULT,
    CREDIT_STATE,
    NOTHING_SEEN,
    SCORE_OUTCOME,
    SCORE_ROW,
    SeenHeads,
)
from actors.records.layout import RECORD, REQUEST, RESULT, WALLET
from actors.rpc.interface import Attempts, BatchTimes, ChainHead, Condition, NotReady, ShardUnavailable
from actors.rpc.transport import CallLost
from actors.shard import remote
from actors.shard.messages import Legs
from actors.shard.remote import (
    RemotePeer,
    RemoteShard,
    pack_address,
    pack_attempts,
    pack_condition,
    pack_heads,
    pack_legs,
    pack_rows,
    pack_scores,
    pack_timed,
    unpack_address,
    unpack_key,
    unpack_legs,
    unpack_rows,
    unpack_scores,
)
from models.arrays import VIEWED_FROM


class Actor:
    """The other side and the way to it: answers with these bytes, or as it is told to; keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, bytes]] = []
        self.replace = self.call

    async def call(self, method: str, data: bytes) -> bytes:
        self.asked.append((method, data))
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: bytes = self.answer
        return answer


def shard(answer: Any) -> tuple[RemoteShard, Actor]:
    actor = Actor(answer)
    return RemoteShard(actor), actor


@pytest.fixture(autouse=True)
def no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls reach the actor as they are; how they travel has its own tests."""
    monkeypatch.setattr(remote, "Caller", lambda actor: actor)


def random_rows(dtype: np.dtype[np.void], count: int) -> Any:
    return np.frombuffer(np.random.default_rng(count).bytes(count * dtype.itemsize), dtype)


@pytest.mark.parametrize("dtype", [REQUEST, CREDIT_REQUEST], ids=["payments", "credit"])
@pytest.mark.parametrize("details", [{}, {0: b"a", 2: bytes(300)}], ids=["plain", "with details"])
@pytest.mark.parametrize("count", [0, 3, VIEWED_FROM + 1])
def test_rows_and_details_come_back(dtype: np.dtype[np.void], details: dict[int, bytes], count: int) -> None:
    rows = random_rows(dtype, count)
    back, kept = unpack_rows(pack_rows(rows, details), dtype)
    assert back.dtype == dtype and back.tobytes() == rows.tobytes() and kept == details


@pytest.mark.parametrize("details", [{}, {0: b"a", 2: bytes(300)}], ids=["plain", "with details"])
@pytest.mark.parametrize("seen", [NOTHING_SEEN, np.array([5, 2**61, 0])], ids=["any", "seen"])
def test_scores_come_back_with_the_heads_under_which_they_are_made(seen: SeenHeads, details: dict[int, bytes]) -> None:
    rows = random_rows(SCORE_ROW, 3)
    back, kept, heads = unpack_scores(pack_scores(rows, details, seen))
    assert back.tobytes() == rows.tobytes() and kept == details
    assert heads.tolist() == seen.tolist() and heads.flags.aligned


def test_a_push_comes_back() -> None:
    legs = Legs(
        sender=3, writer=2**62, timeline=5, since=7, since_hash=b"s" * 16, until=9, until_hash=b"u" * 16,
        records=random_rows(RECORD, 2), addresses=np.array([4, 2**61]),
    )  # fmt: skip
    back = unpack_legs(pack_legs(legs))
    for name in Legs.__struct_fields__:
        one, other = getattr(legs, name), getattr(back, name)
        assert one.tobytes() == other.tobytes() if isinstance(one, np.ndarray) else one == other, name


@pytest.mark.parametrize(
    ("method", "arguments", "kind"),
    [
        ("submit", (random_rows(REQUEST, 2), {1: b"x"}), RESULT),
        ("credit", (random_rows(CREDIT_REQUEST, 2), {}), CREDIT_RESULT),
        ("publish", (random_rows(SCORE_ROW, 2), {}, np.array([5, 6])), SCORE_OUTCOME),
        ("credit_states", (random_rows(CREDIT_QUESTION, 2),), CREDIT_STATE),
        ("wallets", (np.array([5, 6]),), WALLET),
        ("preview", (random_rows(REQUEST, 1),), RESULT),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_call_sends_its_rows_and_reads_its_own_kind_of_answer(
    method: str, arguments: tuple[Any, ...], kind: np.dtype[np.void]
) -> None:
    wanted = random_rows(kind, 2)
    client, actor = shard(wanted.tobytes())
    found = await getattr(client, method)(*arguments)
    assert found.dtype == kind and found.tobytes() == wanted.tobytes()
    packs: dict[int, Any] = {1: lambda rows: rows.tobytes(), 2: pack_rows, 3: pack_scores}
    sent = packs[len(arguments)](*arguments)
    assert actor.asked == [(method, sent)]


async def test_results_come_back_with_the_times_of_their_batch() -> None:
    wanted, times = random_rows(RESULT, 3), BatchTimes(1, 2**62, 0, 4)
    client, actor = shard(pack_timed(wanted, times))
    results, found = await client.submit_timed(random_rows(REQUEST, 3), {0: b"x"})
    assert results.dtype == RESULT and results.tobytes() == wanted.tobytes() and found == times
    assert actor.asked == [("submit_timed", pack_rows(random_rows(REQUEST, 3), {0: b"x"}))]


async def test_heads_a_condition_and_a_key_come_back() -> None:
    heads = [ChainHead(2**62, 978, [3, 2], [9]), ChainHead(1, 0, [], [])]
    assert await shard(pack_heads(heads))[0].heads(np.array([1, 2])) == heads
    well = Condition(fills={"keys": 0.5}, clock_off_ms=-3, warnings=["slow"])
    assert await shard(pack_condition(well))[0].condition() == well
    attempts = Attempts([5, 2**62], [1, 2], [2**61, 3], [-(2**62), 5], -7, 20_000, 3)
    for answer in (attempts, None):
        client, actor = shard(pack_attempts(answer))
        assert await client.attempts(2**60) == answer
        assert actor.asked[0][0] == "attempts" and unpack_address(actor.asked[0][1]) == 2**60
    client, actor = shard(pack_address(2**61))
    assert await client.find_key(7, 70_001, b"k" * 16) == 2**61
    assert unpack_key(actor.asked[0][1]) == (7, 70_001, b"k" * 16)


@pytest.mark.parametrize(("failure", "not_sent"), [(NotReady("it recovers"), True), (CallLost("gone"), False)])
async def test_a_call_that_was_never_taken_in_is_told_from_one_that_may_have_happened(
    failure: Exception, not_sent: bool
) -> None:
    with pytest.raises(ShardUnavailable) as raised:
        await shard(failure)[0].submit(random_rows(REQUEST, 1), {})
    assert raised.value.not_sent is not_sent


async def test_another_shard_is_asked_for_wallets_and_pushed_to() -> None:
    wanted = random_rows(WALLET, 1)
    actor = Actor(wanted.tobytes())
    peer = RemotePeer(actor)
    assert (await peer.profiles(np.array([5]))).tobytes() == wanted.tobytes()
    assert actor.asked == [("wallets", np.array([5]).tobytes())]
