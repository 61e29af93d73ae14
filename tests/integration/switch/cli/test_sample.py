"""`serve --sample`: wallets with money, made once however often the switch starts, and a first payment that works as it is printed."""

import shlex
import stat
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from actors.stores.api_keys import KeyStore, key_hash
from switch.cli.sample import OPENING_MINOR, first_payment, kept_key, make_sample, sample_key
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_start_makes_wallets_once(shared: RunningSwitch) -> None:
    first, again = [await make_sample(shared.base, shared.key) for _ in range(2)]
    assert first == again and set(first) >= {"sample:alice", "sample:bob", "sample:shop"}
    shown = (await shared.call("GET", f"/v1/wallets/{first['sample:alice']}")).json
    assert (shown["posted"], shown["owner"], shown["external_id"]) == (OPENING_MINOR, "alice", "sample:alice")


async def test_the_payment_that_is_printed_works(shared: RunningSwitch) -> None:
    ids = await make_sample(shared.base, shared.key)
    words = shlex.split(first_payment(shared.base, shared.key, ids).replace("\\\n", " "))
    assert words[:3] == ["curl", "-s", f"{shared.base}/v1/transfers"]
    headers = dict(word.split(": ", 1) for option, word in pairwise(words) if option == "-H")
    async with aiohttp.ClientSession() as session:
        async with session.post(words[2], data=words[words.index("-d") + 1], headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            assert (await answer.json())["reference"] == "coffee beans"


async def test_a_key_is_kept_for_its_owner_and_made_anew_when_it_ended(shared: RunningSwitch, tmp_path: Path) -> None:
    first = await sample_key(shared.database_url, tmp_path)
    path = tmp_path / "sample.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_text() == f"{first}\n"
    assert await sample_key(shared.database_url, tmp_path) == first
    store = KeyStore(shared.pool)
    async with shared.pool.session() as session:
        identity = await session.fetchval("SELECT id FROM api_key WHERE hash = $1", key_hash(first))
    await store.revoke(str(identity))
    assert await sample_key(shared.database_url, tmp_path) != first
    path.write_text("not a key\n")
    renewed = await kept_key(shared.database_url, path, "sample", ["read"])
    assert renewed != "not a key" and path.read_text() == f"{renewed}\n"


async def test_what_the_switch_refuses_ends_the_making_with_its_words(shared: RunningSwitch) -> None:
    with pytest.raises(aiohttp.ClientError, match=r"POST /v1/wallets: .*unauthenticated"):
        await make_sample(shared.base, "sp_wrong")
