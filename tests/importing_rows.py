"""Files of a few payments, imported into a switch of this process."""

import json
from pathlib import Path
from typing import Any

from switch.importer.progress import Tally
from switch.importer.runner import ImportReport, Options, run_import
from tests.front_door import RunningSwitch

JANUARY: dict[str, Any] = {
    "idempotency_key": "m1", "payer": "external:jan", "payee": "cust-1", "amount": 500, "currency": "EUR",
    "effective_at": "2025-01-05T10:00:00Z",
}  # fmt: skip


FEBRUARY: dict[str, Any] = {
    "idempotency_key": "m2", "payer": "cust-1", "payee": "merchant:shop-1", "amount": 200, "currency": "EUR",
    "effective_at": "2025-02-05T10:00:00Z",
}  # fmt: skip


async def imported(switch: RunningSwitch, folder: Path, *rows: dict[str, Any], state: str = "state") -> ImportReport:
    path = folder / "rows.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return await of_file(switch, path, "shardpay", folder / state)


async def of_file(switch: RunningSwitch, path: Path, name: str, state: Path) -> ImportReport:
    options = Options(file=path, format=name, url=switch.base, key=switch.key, concurrency=2, rate=0, state=state)
    return await run_import(options, Tally(), lambda: None)


async def held(switch: RunningSwitch, name: str) -> int:
    (wallet,) = (await switch.call("GET", f"/v1/wallets?external_id={name}")).json["data"]
    posted: int = wallet["posted"]
    return posted
