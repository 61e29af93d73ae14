"""`serve --sample`: two people and a shop with some money, and the first payment to paste."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp

from actors.database.pool import Pool
from actors.stores.admin_log import by_command
from actors.stores.api_keys import NOTHING_BOUND, Binding, KeyStore, key_hash
from actors.stores.scopes import SCOPES

SAMPLE_KEY: Final = "sample.key"
"""Of the data directory: the file that keeps the key of the sample's account."""
SAMPLE_NAME: Final = "sample"
OPENING_MINOR: Final = 100_000
_WALLETS: Final = (
    ("sample:funding", {"kind": "external"}),
    ("sample:alice", {"kind": "user", "owner": "alice"}),
    ("sample:bob", {"kind": "user", "owner": "bob"}),
    ("sample:shop", {"kind": "merchant", "owner": "shop"}),
)


def key_path(data: Path) -> str:
    """Where the key of the sample's account is, seen from here."""
    return os.path.relpath(data / SAMPLE_KEY)


async def sample_key(url: str, data: Path) -> str:
    """The key of the sample's account, as `kept_key` keeps it."""
    return await kept_key(url, data / SAMPLE_KEY, SAMPLE_NAME, SCOPES)


async def kept_key(url: str, path: Path, name: str, scopes: Sequence[str], binding: Binding = NOTHING_BOUND) -> str:
    """The key of an account, kept in a file for its owner only; made anew when it is gone or not known."""
    pool = await Pool.open(url, name="shardpay-sample")
    try:
        store = KeyStore(pool)
        kept = _read(path)
        if kept and await store.find([key_hash(kept)]):
            return kept
        key = (
            await store.create(name, scopes, binding, also=by_command("serve", {"name": name, "scopes": scopes}))
        ).key
        _write(path, key)
        return key
    finally:
        await pool.close()


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _write(path: Path, key: str) -> None:
    path.touch(mode=0o600)
    path.write_text(key + "\n")


def sample_session(base_url: str, key: str) -> aiohttp.ClientSession:
    """A session with the switch that this process has started, whatever its certificate says."""
    headers = {"Authorization": f"Bearer {key}"}
    return aiohttp.ClientSession(base_url, headers=headers, connector=aiohttp.TCPConnector(ssl=False))


async def make_sample(base_url: str, key: str) -> dict[str, str]:
    """Wallet ids by external id, each person's wallet funded once. Repeats do nothing. Raises aiohttp.ClientError."""
    async with sample_session(base_url, key) as session:
        ids = {}
        for name, fields in _WALLETS:
            body = {"currency": "EUR", "external_id": name, **fields}
            ids[name] = (await post(session, "/v1/wallets", body, name))["id"]
        for name in ("sample:alice", "sample:bob"):
            opening: dict[str, Any] = {
                "payer": ids["sample:funding"],
                "payee": ids[name],
                "amount": OPENING_MINOR,
                "currency": "EUR",
            }
            await post(session, "/v1/transfers", opening, f"{name}:opening")
        return ids


async def post(session: aiohttp.ClientSession, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """The answer to a request that may be sent again. Raises aiohttp.ClientError."""
    async with session.post(path, json=body, headers={"Idempotency-Key": key}) as response:
        await check(response)
        answer: dict[str, Any] = await response.json()
        return answer


async def check(response: aiohttp.ClientResponse) -> None:
    """Raise aiohttp.ClientError with the problem that was answered, if it is one."""
    if response.status >= 400:
        raise aiohttp.ClientError(f"{response.method} {response.url.path}: {(await response.text())[:500]}")


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
