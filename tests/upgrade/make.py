"""`python -m tests.upgrade.make VERSION`: keep a backup that this version writes, for later versions to open.

The payments in it are made here; they hold every kind of record that the version knows.
"""

import asyncio
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.backup.backup import backup
from actors.database import embedded
from actors.database.connection import migrate
from tests.front_door import RunningSwitch, running_switch

HERE: Final = Path(__file__).parent


class Expected(msgspec.Struct, kw_only=True):
    """What must be true of a restored backup: posted balances by wallet, states by transfer."""

    posted: dict[str, int]
    transfers: dict[str, dict[str, Any]]


async def _story(switch: RunningSwitch) -> Expected:
    bank = await switch.wallet("external")
    users = [await switch.wallet(tier=1, owner=f"owner {number}") for number in range(6)]
    shop = await switch.wallet("merchant", metadata={"mcc": "5411"})
    made: list[str] = []

    async def paid(answer: Any, *statuses: int) -> str:
        assert answer.status in statuses, answer.raw
        identity: str = answer.json.get("id") or answer.json["transfer_id"]
        made.append(identity)
        return identity

    async def act(transfer: str, what: str, **body: Any) -> None:
        path = f"/v1/transfers/{transfer}/{what}"
        await paid(await switch.call("POST", path, body, key=str(uuid.uuid4())), 201)

    for user in users:
        await paid(await switch.pay(bank, user, 100_000, kind="cash_in"), 201)
    for number, user in enumerate(users):
        await paid(await switch.pay(user, users[number - 1], 1_000 + number, reference=f"rent {number}"), 201)
    await paid(await switch.pay(users[0], users[1], 10_000_000), 402)
    captured = await paid(await switch.pay(users[1], shop, 900, hold=True, metadata={"table": "7"}), 201)
    await act(captured, "capture", amount=400, final=False)
    await act(captured, "capture", amount=200)
    voided = await paid(await switch.pay(users[2], shop, 700, hold=True), 201)
    await act(voided, "void")
    returned = await paid(await switch.pay(users[3], shop, 800), 201)
    await act(returned, "refund", amount=300)
    linked = [
        {"payer": users[4], "payee": payee, "amount": 50, "currency": "EUR", "idempotency_key": str(uuid.uuid4())}
        for payee in (users[5], shop)
    ]
    body = {"transfers": linked, "linked": True}
    answer = await switch.call("POST", "/v1/transfers/batch", body, key=str(uuid.uuid4()))
    made.extend(row["id"] for row in answer.json["results"])
    closed = await switch.wallet()
    assert (await switch.call("POST", f"/v1/wallets/{closed}/close")).status == 200
    assert (await switch.call("POST", f"/v1/wallets/{users[5]}/freeze")).status == 200
    shown = {wallet: await switch.call("GET", f"/v1/wallets/{wallet}") for wallet in (bank, *users, shop, closed)}
    transfers = {identity: (await switch.call("GET", f"/v1/transfers/{identity}")).json for identity in made}
    return Expected(posted={wallet: answer.json["posted"] for wallet, answer in shown.items()}, transfers=transfers)


async def _make(folder: Path, url: str) -> None:
    await migrate(url)
    async with running_switch(url) as switch:
        expected = await _story(switch)
        await backup(url, folder / "backup", lambda done, due: None)
    (folder / "expected.json").write_bytes(msgspec.json.format(msgspec.json.encode(expected)))


def main() -> None:
    """Make the backup of a version."""
    folder = HERE / sys.argv[1]
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shardpay-upgrade-") as place:
        server = embedded.start(Path(place) / "data")
        try:
            asyncio.run(_make(folder, server.url))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
