"""An import that comes late counts from its own time on, in the balance at a time and in statements, whoever paid and wherever."""

import random
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from actors.audit.audit import audit_database
from actors.database.connection import SQL, SQL_DIRECTORY, connect
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from rules.vocabulary.times import time_ms
from switch.http.times import time_text
from tests.front_door import SECRET, RunningSwitch, running_switch
from tests.payments import once_posted

DAY_MS = 86_400_000
START_MS = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS - 40 * DAY_MS


class Payment(NamedTuple):
    time: int
    payer: str
    payee: str
    amount: int


@pytest.fixture(params=[1, 2], ids=["one shard", "two shards"])
async def switch(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=request.param) as running:
        yield running
        assert (await audit_database(database_url)).differences == []


async def opened(switch: RunningSwitch, kind: str) -> str:
    at = {"Shardpay-Time": time_text(START_MS - DAY_MS)}
    answer = await switch.call("POST", "/v1/wallets", {"kind": kind, "currency": "EUR"}, headers=at)
    return str(answer.json["id"])


async def send(switch: RunningSwitch, payments: list[Payment]) -> list[Payment]:
    """Import payments in this order; gives those that were made."""
    rows = [
        {
            "idempotency_key": str(uuid.uuid4()),
            "payer": each.payer,
            "payee": each.payee,
            "amount": each.amount,
            "currency": "EUR",
            "effective_at": time_text(each.time),
        }
        for each in payments
    ]
    answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key=str(uuid.uuid4()))
    assert answer.status == 200, answer.raw
    return [each for each, row in zip(payments, answer.json["results"], strict=True) if row["code"] == "ok"]


async def balance(switch: RunningSwitch, wallet: str, at: int) -> int:
    answer = await switch.call("GET", f"/v1/wallets/{wallet}/balance?at={time_text(at)}")
    assert answer.status == 200, answer.raw
    return int(answer.json["posted"])


async def page(switch: RunningSwitch, wallet: str, query: str) -> Any:
    answer = await switch.call("GET", f"/v1/wallets/{wallet}/transfers?{query}")
    assert answer.status == 200, answer.raw
    return answer.json


async def statement(switch: RunningSwitch, wallet: str, query: str) -> list[tuple[int, int, int]]:
    """Effective time, signed amount and balance of each line, over all pages."""
    lines, after = [], ""
    while True:
        read = await page(switch, wallet, query + after)
        lines += [
            (
                time_ms(line["effective_at"]),
                line["amount"] if line["direction"] == "in" else -line["amount"],
                line["balance_after"],
            )
            for line in read["data"]
        ]
        if not read["has_more"]:
            return lines
        after = f"&after={read['next']}"


def expected(made: list[Payment], wallet: str, since: int, until: int) -> list[tuple[int, int, int]]:
    """The naive statement: all payments sorted by effective time, those booked later after others of the same time."""
    shown, posted = [], 0
    for each in sorted(made, key=lambda each: each.time):
        if wallet not in (each.payer, each.payee):
            continue
        amount = each.amount if each.payee == wallet else -each.amount
        posted += amount
        if since <= each.time < until:
            shown.append((each.time, amount, posted))
    return shown[::-1]


async def test_days_1_2_5_and_then_3_give_the_balance_of_day_4_with_all_that_counts_by_then(
    switch: RunningSwitch,
) -> None:
    bank, user = await opened(switch, "external"), await opened(switch, "user")
    day = {number: START_MS + number * DAY_MS for number in range(1, 6)}
    for number, amount in ((1, 100), (2, 10), (5, 7), (3, 1_000)):
        body = {"payer": bank, "payee": user, "amount": amount, "currency": "EUR"}
        at = {"Shardpay-Time": time_text(day[number])}
        assert (await switch.call("POST", "/v1/transfers", body, key=f"day {number}", headers=at)).status == 201
    for wallet, sign in ((user, 1), (bank, -1)):
        assert [await balance(switch, wallet, day[number]) for number in day] == [
            sign * posted for posted in (100, 110, 1_110, 1_110, 1_117)
        ]
        assert await balance(switch, wallet, day[3] - 1) == sign * 110
        assert await statement(switch, wallet, f"to={time_text(day[5])}") == [
            (day[3], sign * 1_000, sign * 1_110),
            (day[2], sign * 10, sign * 110),
            (day[1], sign * 100, sign * 100),
        ]
        assert [line[2] for line in await statement(switch, wallet, "limit=1")] == [
            sign * posted for posted in (1_117, 1_110, 110, 100)
        ]
        assert await statement(switch, wallet, f"from={time_text(day[3])}&to={time_text(day[4])}") == [
            (day[3], sign * 1_000, sign * 1_110)
        ]


async def test_credits_that_came_late_from_another_shard_count_from_their_own_time_on(switch: RunningSwitch) -> None:
    bank, payer = await opened(switch, "external"), await opened(switch, "user")
    home = decode_wallet(Secret.of(SECRET), payer) >> 16
    while (shop := await opened(switch, "merchant")) and len(switch.clients) > 1:  # one on another shard
        if decode_wallet(Secret.of(SECRET), shop) >> 16 != home:
            break
    made = await send(switch, [Payment(START_MS, bank, each, 5_000) for each in (payer, shop)])
    made += await send(switch, [Payment(START_MS + 5 * DAY_MS, bank, shop, 7)])
    await once_posted(switch, payer, 5_000)
    made += await send(switch, [Payment(START_MS + number * DAY_MS, payer, shop, number) for number in (1, 2, 3)])
    await once_posted(switch, shop, 5_013)
    assert await statement(switch, shop, "") == expected(made, shop, 0, 1 << 62)
    assert await balance(switch, shop, START_MS + 2 * DAY_MS) == 5_003


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_imports_gives_what_sorting_by_effective_time_gives(
    switch: RunningSwitch, seed: int
) -> None:
    dice = random.Random(seed)
    banks, wallets = [await opened(switch, "external") for _ in range(2)], []
    for kind in ("user", "user", "merchant"):
        wallets.append(await opened(switch, kind))
    made = await send(switch, [Payment(START_MS + n, banks[0], wallet, 10_000) for n, wallet in enumerate(wallets)])
    for wallet in wallets:
        await once_posted(switch, wallet, 10_000)
    times = dice.sample(range(START_MS + 1_000, START_MS + 30 * DAY_MS), 240)
    times[100:200] = sorted(times[100:200], reverse=True)  # a long run of late ones
    while times:
        count = dice.choice((1, 3, 40))
        rows = []
        for at in times[:count]:
            payer = dice.choice([*banks, *banks, *wallets])
            payee = dice.choice([each for each in (wallets if payer in banks else [*banks, *wallets]) if each != payer])
            rows.append(Payment(at, payer, payee, dice.randint(1, 99)))
        made += await send(switch, rows)
        del times[:count]
    for wallet in wallets:
        await once_posted(switch, wallet, expected(made, wallet, 0, 1 << 62)[0][2])
    cuts = [START_MS - 1, START_MS, *(each.time + dice.choice((-1, 0, 1)) for each in dice.sample(made, 6))]
    for wallet in (*banks, *wallets):
        everything = expected(made, wallet, 0, 1 << 62)
        assert await statement(switch, wallet, f"limit={dice.choice((7, 100))}") == everything, seed
        for at in cuts:
            assert await balance(switch, wallet, at) == next((line[2] for line in everything if line[0] <= at), 0)
        since, until = sorted(dice.sample(sorted(set(cuts)), 2))
        query = f"limit={dice.choice((3, 100))}&from={time_text(since)}&to={time_text(until)}"
        assert await statement(switch, wallet, query) == expected(made, wallet, since, until), (seed, since, until)
    if seed == 0:
        await the_migration_finds_the_same(switch.database_url)


async def the_migration_finds_the_same(url: str) -> None:
    """What the journal of a version before gets, and what an audit says of a table that is not so."""
    migrations = [path.read_text() for path in sorted((SQL_DIRECTORY / "migrations").glob("*_late_*.sql"))]
    connection = await connect(url, name="test")
    try:
        kept = [await connection.fetch(SQL[name]) for name in ("late_all", "late_sum_all")]
        await connection.execute("UPDATE late_sum SET amount = amount + 1 WHERE width = 20")
        await connection.execute("DELETE FROM late WHERE record = $1", kept[0][5]["record"])
        stated = (await audit_database(url)).differences
        assert [each.split(": the row (")[0] for each in stated] == ["table late", "table late_sum"]
        assert str(kept[0][5]["record"]) in stated[0]
        await connection.execute("DROP TABLE late, late_sum")
        for each in migrations:
            await connection.execute(each)
        assert [await connection.fetch(SQL[name]) for name in ("late_all", "late_sum_all")] == kept
        assert (await audit_database(url)).differences == []
    finally:
        await connection.close()


async def test_a_page_goes_on_where_it_was_though_more_is_imported_meanwhile(switch: RunningSwitch) -> None:
    bank, user = await opened(switch, "external"), await opened(switch, "user")
    first = [Payment(START_MS + number * DAY_MS, bank, user, number) for number in (1, 3, 9, 5, 7)]
    made = await send(switch, first)
    read = await page(switch, user, "limit=2")
    await send(switch, [Payment(START_MS + number * DAY_MS, bank, user, 100) for number in (2, 6, 10)])
    lines = [*read["data"], *(await page(switch, user, f"limit=10&after={read['next']}"))["data"]]
    assert [(line["amount"], line["balance_after"]) for line in lines] == [
        (amount, posted) for _, amount, posted in expected(made, user, 0, 1 << 62)
    ]
