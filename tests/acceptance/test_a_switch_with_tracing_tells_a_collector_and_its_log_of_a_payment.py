"""`shardpay serve --config` with the section `tracing`, as a user would start it: a payment is found in the collector and in the log."""

import asyncio
import re
from pathlib import Path

import aiohttp

from tests.acceptance.running import KEY, RunningSwitch
from tests.collector import collector
from tests.extra import needs

needs("opentelemetry")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LINE = re.compile(
    r" switch\.tracing\.spans: (POST /v1/transfers) 201 [\d.]+ ms transfer_id=(\S+) request_id=- trace_id=(\w+)"
)


async def _pay(switch: RunningSwitch) -> str:
    """The id of a payment, asked for within TRACE."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(switch.url, headers=headers) as session:
        ids = []
        for kind in ("external", "user"):
            async with session.post("/v1/wallets", json={"kind": kind, "currency": "EUR"}) as answer:
                ids.append((await answer.json())["id"])
        body = {"payer": ids[0], "payee": ids[1], "amount": 5, "currency": "EUR"}
        traced = {"Idempotency-Key": "k", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        async with session.post("/v1/transfers", json=body, headers=traced) as answer:
            assert answer.status == 201 and answer.headers["traceresponse"].startswith(f"00-{TRACE}-")
            identity: str = (await answer.json())["id"]
            return identity


async def test_a_payment_is_found_in_the_collector_and_in_the_log(tmp_path: Path) -> None:
    async with collector() as seen:
        config = tmp_path / "shardpay.toml"
        config.write_text(f'[tracing]\nenabled = true\nendpoint = "{seen.url}"\n')
        switch = RunningSwitch(tmp_path / "data", "--config", str(config))
        try:
            await asyncio.to_thread(switch.start)
            paid = await _pay(switch)
            (root,) = await seen.until("POST /v1/transfers")
            shard = seen.below(root)["shard"]
            assert set(seen.below(shard)) == {"score", "commit"}
            assert root.trace_id.hex() == shard.trace_id.hex() == TRACE
            log = (switch.data / "log" / "front-door-0.log").read_text()
            assert LINE.findall(log) == [("POST /v1/transfers", paid, TRACE)]
            await asyncio.to_thread(switch.stop)
        finally:
            await asyncio.to_thread(switch.end)
