"""A stretch says of each event what became of it, and never counts as passed what has not begun."""

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from actors.records.addresses import record_address, wallet_address
from switch.views.events import EventPage, FoundEvent
from switch.webhooks import stretch
from switch.webhooks.posting import AttemptResult
from switch.webhooks.stretch import NotTried, Outgoing, Stretch, StretchResult, places_after, wallets_of

OK, NO = AttemptResult(200, None, 1), AttemptResult(500, None, 1)
ANN, BOB, SHOP = wallet_address(1, 1), wallet_address(1, 2), wallet_address(0, 2_000)


class Receiver:
    """Answers by body: "ok", "no", or "hang"; `room` attempts begin, then none."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.tried: list[bytes] = []
        self.let_go = asyncio.Event()

    async def enter(self) -> bool:
        self.room -= 1
        return self.room >= 0

    async def attempt(self, message: uuid.UUID, body: bytes) -> AttemptResult:
        self.tried.append(body)
        await asyncio.sleep(0.01)
        if body.startswith(b"hang"):
            await self.let_go.wait()
        return NO if body.startswith(b"no") else OK


def outgoing(bodies: Sequence[tuple[str, int, int]]) -> list[Outgoing]:
    """Events, each of its body, payer and payee, on shards in turn."""
    events = []
    for number, (body, payer, payee) in enumerate(bodies):
        address = record_address(number % 2, number // 2, 0)
        found = FoundEvent(address, 1, {"payer": payer, "payee": payee}, None, 1_000 + number, True)
        events.append(Outgoing(found, uuid.uuid4(), "transfer.posted", body.encode()))
    return events


async def run(
    receiver: Receiver, bodies: Sequence[tuple[str, int, int]], blocked: Sequence[int] | None = None
) -> StretchResult:
    return await Stretch(outgoing(bodies), receiver, blocked).run()


async def test_in_any_order_each_event_is_tried_whatever_became_of_others() -> None:
    receiver = Receiver()
    result = await run(receiver, [("ok", ANN, SHOP), ("no", ANN, SHOP), ("ok2", ANN, BOB)])
    assert result.results == [OK, NO, OK] and not result.open


async def test_in_order_what_follows_a_failure_of_its_wallet_is_not_tried_and_operators_keep_no_order() -> None:
    receiver = Receiver()
    bodies = [("no", ANN, SHOP), ("ok1", BOB, SHOP), ("ok2", SHOP, ANN), ("ok3", BOB, ANN), ("ok4", BOB, SHOP)]
    result = await run(receiver, bodies, ())
    blocked = NotTried.BLOCKED
    assert result.results == [NO, OK, blocked, blocked, blocked], "bob's last one waits for the one with ann"
    assert receiver.tried == [b"no", b"ok1"]


async def test_in_order_one_of_a_wallet_is_under_way_at_a_time() -> None:
    receiver = Receiver()
    result = await run(receiver, [(f"ok{number}", ANN, SHOP) for number in range(5)], ())
    assert result.results == [OK] * 5 and receiver.tried == [b"ok%d" % number for number in range(5)]


async def test_what_waits_from_before_blocks_its_wallets() -> None:
    receiver = Receiver()
    result = await run(receiver, [("ok", ANN, SHOP), ("ok", ANN, BOB), ("ok", BOB, SHOP), ("ok", SHOP, 0)], [ANN])
    assert result.results == [NotTried.BLOCKED] * 3 + [OK]


async def test_what_has_not_begun_is_not_passed() -> None:
    result = await run(Receiver(room=3), [("ok", ANN, SHOP)] * 3 + [("ok", BOB, SHOP)] * 4)
    assert result.results == [OK] * 3
    assert (await run(Receiver(room=0), [("ok", ANN, SHOP)] * 3)).results == []
    assert (await run(Receiver(room=0), [("ok", ANN, SHOP)] * 3, [ANN])).results == [NotTried.BLOCKED] * 3


async def test_what_has_not_begun_before_something_that_was_tried_is_passed_as_such() -> None:
    receiver = Receiver(room=2)
    bodies = [("hang", ANN, SHOP), ("ok", ANN, SHOP), ("ok", BOB, SHOP)]
    run_ = asyncio.create_task(run(receiver, bodies, ()))
    result = await run_
    assert result.results == [NotTried.UNDER_WAY, NotTried.NOT_BEGUN, OK]
    receiver.let_go.set()
    assert await result.open[0] == OK


async def test_what_takes_long_goes_on_beside_the_next_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "ENDED_WITHIN_S", 0.05)
    monkeypatch.setattr(stretch, "LOOK_EVERY_S", 0.05)
    receiver = Receiver()
    async with asyncio.timeout(60):
        result = await run(receiver, [("ok", ANN, SHOP), ("hang", ANN, SHOP), ("ok", ANN, SHOP)])
    assert result.results == [OK, NotTried.UNDER_WAY, OK] and list(result.open) == [1]
    receiver.let_go.set()
    assert await result.open[1] == OK


async def test_who_is_cancelled_leaves_no_attempt_behind() -> None:
    receiver = Receiver()
    task = asyncio.create_task(run(receiver, [("hang", ANN, SHOP)] * 3))
    await asyncio.sleep(0.05)
    before = len(asyncio.all_tasks())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(asyncio.all_tasks()) == before - 4


def test_the_cursor_stands_behind_what_was_passed() -> None:
    events = outgoing([("ok", ANN, SHOP)] * 4)
    page = EventPage([each.found for each in events], (5_000, 6_000), True)
    assert places_after(page, events, (1, 2)) == [5_000, 6_000], "what is not wanted behind the last one, too"
    assert places_after(page, events[:3], (1, 2)) == [1_002, 1_001]
    assert places_after(page, events[:1], (1, 2)) == [1_000, 2]


def test_wallets_that_keep_order_are_those_of_users() -> None:
    assert wallets_of(ANN, SHOP) == {ANN} and wallets_of(0, BOB) == {BOB} and wallets_of(SHOP, 0) == set()
