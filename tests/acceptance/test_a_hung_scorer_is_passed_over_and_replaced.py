"""Readiness is a promise, and a scorer that hangs costs no payment its decision.

No payment of a healthy start is decided by the fallback, and the first takes what later ones take. Then one of two scorers stops: none
of the payments falls back, /readyz warns while payments go on, and soon another process stands in its place.
"""

import asyncio
import json
import signal
import statistics
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.acceptance.deciding import metric
from tests.acceptance.load import Load
from tests.acceptance.running import RunningSwitch, running_switch

FALLBACKS = "shardpay_fallbacks_total"
FIRST_TIMES_MAX = 3.0
FIRST_FLOOR_S = 0.25
"""Of wallets, which are other work: three times a payment of 3 ms is less than what another process on a busy machine takes from it."""
SLOW_S = 0.6
"""Patience for a scorer is 0.1 s and a fallback comes after 1 s."""
REPLACED_S = 30.0
PAUSE_S = 0.1
"""Between payments while it is replaced: what the new process starts on is also the payments' processor."""


def _readyz(switch: RunningSwitch) -> Any:
    with urllib.request.urlopen(f"{switch.url}/readyz", timeout=5) as answer:
        return json.load(answer)


async def _pay(load: Load, count: int) -> list[float]:
    """Seconds that each of some payments took, one after the other."""
    seconds = []
    for _ in range(count):
        payer, payee = load.random.sample(load.wallets, 2)
        body = {"payer": payer, "payee": payee, "amount": 1, "currency": "EUR"}
        began = time.monotonic()
        status, answer = await load.call("POST", "/v1/transfers", body, f"key-{began}")
        seconds.append(time.monotonic() - began)
        assert (status, answer["decision"].get("fallback")) == (201, None), answer
    return seconds


async def test_a_hung_scorer_is_passed_over_and_replaced(tmp_path: Path) -> None:
    with running_switch(tmp_path / "data", "--shards", "1", "--scorers", "2") as switch:
        assert _readyz(switch)["warnings"] == []
        async with Load(switch.url, 11, wallets=4) as load:
            await load.prepare()
            wallet, wallets, payment, *_ = load.prepared_s
            later = await _pay(load, 100)
            print(
                f"first wallet {wallet:.4f}, wallets {wallets:.4f}, payment {payment:.4f}, later {statistics.median(later):.4f} s"
            )
            assert payment <= FIRST_TIMES_MAX * max(later), later
            assert max(wallet, wallets) <= max(FIRST_TIMES_MAX * statistics.median(later), FIRST_FLOOR_S), later
            hung, _ = switch.find("scorer")
            hung.send_signal(signal.SIGSTOP)
            assert max(await _pay(load, 100)) < SLOW_S
            assert "do not answer" in _readyz(switch)["warnings"][0]
            deadline = time.monotonic() + REPLACED_S
            while hung.is_running() or _readyz(switch)["warnings"]:
                assert time.monotonic() < deadline, _readyz(switch)
                assert max(await _pay(load, 10)) < SLOW_S
                await asyncio.sleep(PAUSE_S)
            assert len(switch.find("scorer")) == 2
        assert metric(switch.url, FALLBACKS) == 0
