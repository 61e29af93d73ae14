"""`serve --sample`: two people and a shop with some money, and the first payment to paste."""

import shlex
from pathlib import Path
from typing import Any, Final

import aiohttp

from actors.database.pool import Pool
from actors.stores.api_keys import KeyStore, key_hash
from actors.stores.scopes import SCOPES

SAMPLE_NAME: Final = "sample"
OPENING_MINOR: Final = 100_000
_WALLETS: Final = (
    ("sample:funding", {"kind": "external"}),
    ("sample:alice", {"kind": "user", "owner": "alice"}),
    ("sample:bob", {"kind": "user", "owner": "bob"}),
    ("sample:shop", {"kind": "merchant", "owner": "shop"}),
)


async def sample_key(url: str, data: Path) -> str:
    """The key of the sample's account, kept in the data directory for its owner only; made anew when it is gone or not known."""
    path = data / "sample.key"
    pool = await Pool.open(url, name="shardpay-sample")
    try:
        store = KeyStore(pool)
        if path.exists():
            kept = path.read_text().strip()
            if await store.find([key_hash(kept)]):
                return kept
        key = (await store.create(SAMPLE_NAME, SCOPES)).key
        path.touch(mode=0o600)
        path.write_text(key + "\n")
        return key
    finally:
        await pool.close()


async def make_sample(base_url: str, key: str) -> dict[str, str]:
    """Wallet ids by external id, each person's wallet funded once. Repeats do nothing. Raises aiohttp.ClientError."""
    headers = {"Authorization": f"Bearer {key}"}
    # Whatever its certificate says: this process has started the switch.
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(base_url, headers=headers, connector=connector) as session:
        ids = {}
        for name, fields in _WALLETS:
            body = {"currency": "EUR", "external_id": name, **fields}
            ids[name] = (await _post(session, "/v1/wallets", body, name))["id"]
        for name in ("sample:alice", "sample:bob"):
            opening: dict[str, Any] = {
                "payer": ids["sample:funding"],
                "payee": ids[name],
                "amount": OPENING_MINOR,
                "currency": "EUR",
            }
            await _post(session, "/v1/transfers", opening, f"{name}:opening")
        return ids


async def _post(session: aiohttp.ClientSession, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    async with session.post(path, json=body, headers={"Idempotency-Key": key}) as response:
        response.raise_for_status()
        answer: dict[str, Any] = await response.json()
        return answer


def first_payment(base_url: str, key: str, ids: dict[str, str]) -> str:
    """A curl command that pays 12.50 EUR from alice to the shop."""
    body = (
        f'{{"payer": "{ids["sample:alice"]}", "payee": "{ids["sample:shop"]}", "amount": 1250, '
        '"currency": "EUR", "kind": "payment", "reference": "coffee beans"}'
    )
    return (
        f"curl -s {shlex.quote(f'{base_url}/v1/transfers')} \\\n"
        f"  -H 'Authorization: Bearer {key}' \\\n"
        "  -H 'Idempotency-Key: my-first-payment' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )
