"""docs/internals/lifecycles.md says what the code does: each row of its tables is performed, and no state or command is left out.

Holds, reviews and wallets over HTTP, appends with the journal writer, deployments with the function that makes the next one.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from actors.records.blocks import GENESIS, Writer
from actors.records.layout import RECORD
from actors.shard.journal_writer import JournalWriter
from actors.shard.messages import Append, BlockIs, Halt, Output, ReadBlock, Stored
from actors.stores.deployment import Deployment, DeploymentRefused, Mode, changed
from tests.front_door import Answer, RunningSwitch, running_switch
from tests.reviewer import REVIEWED, Reviewer

PAGE: Final = (Path(__file__).parents[2] / "docs" / "internals" / "lifecycles.md").read_text(encoding="utf-8")
EXPIRES_WITHIN_S: Final = 10.0

Row = dict[str, str]


def _tables(section: str) -> list[list[Row]]:
    """The tables below a heading, each a list of rows by column."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = []
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def _code(cell: str) -> str:
    """The code or status that a cell gives."""
    match = re.search(r"`(\w+)`", cell)
    assert match is not None, cell
    return match[1]


class Story:
    """One payer with money, a shop, and what happens to payments between them."""

    def __init__(self, switch: RunningSwitch, payer: str, shop: str) -> None:
        self.switch = switch
        self.payer = payer
        self.shop = shop

    async def post(self, path: str, **body: Any) -> Answer:
        return await self.switch.call("POST", path, body, key=str(uuid.uuid4()))

    async def paid(self, amount: int = 100, **fields: Any) -> str:
        """Id of a payment or hold."""
        answer = await self.switch.pay(self.payer, self.shop, amount, **fields)
        assert answer.status == 201, answer.raw
        identity: str = answer.json["id"]
        return identity

    async def held(self) -> str:
        return await self.paid(hold=True)

    async def in_review(self) -> str:
        return await self.paid(REVIEWED)

    async def hold_in_review(self) -> str:
        return await self.paid(REVIEWED, hold=True)

    async def capture(self, identity: str, **body: Any) -> Answer:
        return await self.post(f"/v1/transfers/{identity}/capture", **body)

    async def void(self, identity: str) -> Answer:
        return await self.post(f"/v1/transfers/{identity}/void")

    async def decide(self, identity: str, what: str) -> Answer:
        return await self.post(f"/v1/reviews/{identity}/{what}")

    async def shown(self, identity: str) -> Any:
        return (await self.switch.call("GET", f"/v1/transfers/{identity}")).json

    async def expired(self, **fields: Any) -> str:
        """A hold that nobody ended, after its expiry."""
        identity = await self.paid(**fields, hold=True, expires_in=1)
        async with asyncio.timeout(EXPIRES_WITHIN_S):
            while (await self.shown(identity))["status"] in ("held", "in_review"):
                await asyncio.sleep(0.05)
        return identity

    async def holds(self, amount: int) -> None:
        """Waits until the payer has this held: what expires is released once that is recorded, a moment later."""
        async with asyncio.timeout(EXPIRES_WITHIN_S):
            while (await self.switch.call("GET", f"/v1/wallets/{self.payer}")).json["held"] != amount:
                await asyncio.sleep(0.05)


async def _new_story(switch: RunningSwitch) -> Story:
    story = Story(switch, await switch.wallet(), await switch.wallet("merchant"))
    assert (await switch.pay(await switch.wallet("external"), story.payer, 10_000)).status == 201
    return story


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1, scorer=Reviewer()) as running:
        yield running


async def _after(story: Story, made: str, *answers: Awaitable[Answer]) -> str:
    for answer in answers:
        got = await answer
        assert got.status == 201, got.raw
    return made


# Holds.


HoldStep = Callable[[Story], Awaitable[str]]


async def _partly_captured(story: Story) -> str:
    made = await story.held()
    return await _after(story, made, story.capture(made, amount=40, final=False))


async def _captured(story: Story) -> str:
    made = await story.held()
    return await _after(story, made, story.capture(made, amount=40))


async def _captured_whole(story: Story) -> str:
    made = await story.held()
    return await _after(story, made, story.capture(made, amount=100, final=False))


async def _voided(story: Story) -> str:
    made = await story.held()
    return await _after(story, made, story.void(made))


HOLD_STEPS: Final[dict[tuple[str, str], tuple[HoldStep, ...]]] = {
    ("-", "transfer with `hold`, approved"): (Story.held,),
    ("held", "capture, not final, less than what is left"): (_partly_captured,),
    ("held", "capture, final, or of all that is left"): (_captured, _captured_whole),
    ("held", "void"): (_voided,),
    ("held", "record time reaches the expiry"): (Story.expired,),
}
HELD_AFTER: Final[dict[HoldStep, int]] = {_partly_captured: 60, Story.held: 100}
"""What stays held; nothing otherwise."""
HOLDS: Final[dict[str, HoldStep]] = {
    "captured": _captured,
    "voided": _voided,
    "expired": Story.expired,
    "not a hold": Story.paid,
}


async def _hold_takes(switch: RunningSwitch, step: HoldStep, state: str) -> None:
    story = await _new_story(switch)
    made = await step(story)
    assert (await story.shown(made))["status"] == state, (step, state)
    await story.holds(HELD_AFTER.get(step, 0))


async def _hold_refuses(switch: RunningSwitch, state: str, code: str) -> None:
    story = await _new_story(switch)
    if state == "held, amount beyond what is left":
        refused = await story.capture(await _partly_captured(story), amount=61)
        assert (refused.status, refused.json["code"]) == (409, code)
        return
    made = await HOLDS[state](story)
    for answer in (await story.capture(made), await story.void(made)):
        assert (answer.status, answer.json["code"]) == (409, code), (state, answer.raw)


async def test_a_hold_takes_the_commands_of_its_table_and_no_other(switch: RunningSwitch) -> None:
    taken, refused = _tables("Hold")
    assert {(row["state"], row["command"]) for row in taken} == set(HOLD_STEPS)
    assert {row["state"] for row in refused} == {*HOLDS, "held, amount beyond what is left"}
    await asyncio.gather(
        *(
            _hold_takes(switch, step, row["next state"])
            for row in taken
            for step in HOLD_STEPS[row["state"], row["command"]]
        ),
        *(_hold_refuses(switch, row["state"], _code(row["capture or void answers"])) for row in refused),
    )


# Reviews.


async def _approved(story: Story) -> str:
    made = await story.in_review()
    return await _after(story, made, story.decide(made, "approve"))


async def _approved_hold(story: Story) -> str:
    made = await story.hold_in_review()
    return await _after(story, made, story.decide(made, "approve"))


async def _declined(story: Story) -> str:
    made = await story.in_review()
    return await _after(story, made, story.decide(made, "decline"))


async def _voided_in_review(story: Story) -> str:
    made = await story.in_review()
    return await _after(story, made, story.void(made))


async def _expired_in_review(story: Story) -> str:
    return await story.expired(amount=REVIEWED)


REVIEW_STEPS: Final[dict[tuple[str, str], HoldStep]] = {
    ("-", "transfer, decision review"): Story.in_review,
    ("open", "analyst approves, a transfer was asked for"): _approved,
    ("open", "analyst approves, a hold was asked for"): _approved_hold,
    ("open", "analyst declines"): _declined,
    ("open", "the caller voids it"): _voided_in_review,
    ("open", "nobody decides in time"): _expired_in_review,
}
REVIEWS: Final[dict[str, HoldStep]] = {
    "approved": _approved,
    "declined": _declined,
    "voided": _voided_in_review,
    "expired": _expired_in_review,
    "never in review": Story.held,
}


async def _review_takes(switch: RunningSwitch, step: HoldStep, state: str, payment: str) -> None:
    story = await _new_story(switch)
    shown = await story.shown(await step(story))
    assert (shown["review"]["status"], shown["status"]) == (state, payment), step
    await story.holds(REVIEWED if payment in ("in_review", "held") else 0)


async def _review_refuses(switch: RunningSwitch, state: str, code: str) -> None:
    story = await _new_story(switch)
    made = await REVIEWS[state](story)
    for what in ("approve", "decline"):
        answer = await story.decide(made, what)
        assert (answer.status, answer.json["code"]) == (409, code), (state, answer.raw)


async def test_a_review_takes_the_commands_of_its_table_and_no_other(switch: RunningSwitch) -> None:
    taken, refused = _tables("Review")
    assert {(row["state"], row["command"]) for row in taken} == set(REVIEW_STEPS)
    assert {row["state"] for row in refused} == set(REVIEWS)
    await asyncio.gather(
        *(
            _review_takes(
                switch, REVIEW_STEPS[row["state"], row["command"]], row["next state"], _code(row["payment becomes"])
            )
            for row in taken
        ),
        *(_review_refuses(switch, row["state"], _code(row["approve or decline answers"])) for row in refused),
    )


# Wallets.


CHANGES: Final = ("freeze", "unfreeze", "close")
WAYS: Final = {"open": (), "frozen": ("freeze",), "closed": ("close",)}
"""How a new wallet comes into a state."""


async def _changed_wallet(switch: RunningSwitch, state: str, change: str, amount: int = 0) -> tuple[str, str]:
    """State of a wallet after a change, and the code that refused the change."""
    wallet = await switch.wallet()
    if amount:
        assert (await switch.pay(await switch.wallet("external"), wallet, amount)).status == 201
    for way in WAYS[state]:
        assert (await switch.call("POST", f"/v1/wallets/{wallet}/{way}", {})).status == 200
    answer = await switch.call("POST", f"/v1/wallets/{wallet}/{change}", {})
    status: str = (await switch.call("GET", f"/v1/wallets/{wallet}")).json["status"]
    return status, "" if answer.status == 200 else answer.json["code"]


async def test_a_wallet_takes_the_changes_of_its_table(switch: RunningSwitch) -> None:
    (rows,) = _tables("Wallet")
    seen = set()
    for row in rows:
        for state in row["state"].split(", "):
            for change in row["change"].split(", "):
                seen.add((state, change))
                wanted = (row["next state"], "")
                if row["next state"] == state and row["answers otherwise"]:
                    wanted = (state, _code(row["answers otherwise"]))
                assert await _changed_wallet(switch, state, change) == wanted, row
    assert seen == {(state, change) for state in WAYS for change in CHANGES}
    for state in ("open", "frozen"):
        assert await _changed_wallet(switch, state, "close", amount=5) == (state, "wallet_not_empty")


# Deployments of rule packs.


PACK: Final = 7
BEFORE: Final[dict[Mode, Deployment]] = {
    "live": Deployment(revision=3, live=PACK, challenger=2, share=100, shadows=(3,)),
    "challenger": Deployment(revision=3, live=1, challenger=PACK, share=100, shadows=(3,)),
    "shadow": Deployment(revision=3, live=1, challenger=2, share=100, shadows=(3, PACK)),
    "off": Deployment(revision=3, live=1, challenger=2, share=100, shadows=(3,)),
}


def _deployed(before: Mode, mode: Mode) -> str:
    try:
        after = changed(BEFORE[before], PACK, mode, 100 if mode == "challenger" else 0)
    except DeploymentRefused:
        return before
    replaced = [after.mode_of(number) for number in (1, 2) if BEFORE[before].mode_of(number) == mode != before]
    assert mode == "shadow" or replaced in ([], ["off"]), "whose place it takes is off"
    return after.mode_of(PACK)


def test_a_pack_takes_the_modes_of_its_table() -> None:
    (rows,) = _tables("Deployment of a rule pack")
    found = {
        (before, command.removeprefix("mode ")): row["next mode"]
        for row in rows
        for before in row["mode"].split(", ")
        for command in row["command"].removeprefix("mode ").split(", ")
    }
    modes: tuple[Mode, ...] = ("live", "challenger", "shadow", "off")
    assert {(before, mode): _deployed(before, mode) for before in modes for mode in modes if mode != before} == found


# Appends.


def _waiting() -> tuple[JournalWriter, Append]:
    """A writer with an append in flight, and what is sealed behind it."""
    writer = JournalWriter(Writer(0, 1, 7, bytes(16)))
    writer.start_at(4, GENESIS)
    writer.seal(np.zeros(3, RECORD), {}, 0)
    (append,) = writer.next_operation()
    assert isinstance(append, Append)
    writer.seal(np.zeros(2, RECORD), {}, 0)
    return writer, append


def _state_after(writer: JournalWriter, outputs: list[Output]) -> str:
    if not outputs:
        return "durable" if writer.durable_block == 5 else "waiting"
    (output,) = outputs
    states: dict[type, str] = {Append: "in flight", ReadBlock: "asking", Halt: "fenced"}
    return states[type(output)]


def _stored(outcome: Any) -> str:
    writer, append = _waiting()
    _, outputs = writer.stored(Stored(sequence=append.sequence, outcome=outcome))
    if outcome == "unavailable":
        assert outputs == [Append(sequence=append.sequence, blocks=append.blocks, attempt=1)], "the same bytes"
    return _state_after(writer, outputs)


def _asked(data: Callable[[Append], bytes | None]) -> str:
    writer, append = _waiting()
    writer.stored(Stored(sequence=append.sequence, outcome="unknown"))
    number = append.blocks[0].number
    _, outputs = writer.block_is(BlockIs(sequence=append.sequence, number=number, data=data(append)))
    return _state_after(writer, outputs)


def _next_append() -> str:
    writer, append = _waiting()
    assert writer.next_operation() == [], "one append at a time"
    writer.stored(Stored(sequence=append.sequence, outcome="stored"))
    return _state_after(writer, writer.next_operation())


APPEND_STEPS: Final[dict[tuple[str, str], tuple[Callable[[], str], ...]]] = {
    ("waiting", "the one before it is durable"): (_next_append,),
    ("in flight", "stored"): (lambda: _stored("stored"),),
    ("in flight", "unavailable"): (lambda: _stored("unavailable"),),
    ("in flight", "block taken, or outcome unknown"): (lambda: _stored("taken"), lambda: _stored("unknown")),
    ("asking", "our bytes are there"): (lambda: _asked(lambda append: append.blocks[0].data),),
    ("asking", "nothing is there"): (lambda: _asked(lambda append: None),),
    ("asking", "other bytes are there"): (lambda: _asked(lambda append: b"another's"),),
}


def test_an_append_goes_as_its_table_says() -> None:
    (rows,) = _tables("Append")
    assert {(row["state"], row["event"]) for row in rows} == set(APPEND_STEPS)
    for row in rows:
        for step in APPEND_STEPS[row["state"], row["event"]]:
            assert step() == row["next state"], row
