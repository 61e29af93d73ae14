"""The switch as a bureau: its wallets have a score, and have consented to be asked about."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bench.contenders.contender import call, call_json
from bench.contenders.switch import KEY, Switch
from bench.workload.load import ARROW
from bench.workload.questions import SCENARIO, SCORE, TEXT
from models.credit.feature import DIMENSIONS
from models.credit.shipped import shipped
from models.scorecard import canonical

CONSENTS_AT_ONCE = 16
_AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
_JSON = {**_AUTHORIZED, "Content-Type": "application/json"}


class Bureau(Switch):
    """As `Switch`; `wallets` prepares them in its first round."""

    def __init__(self, name: str, data: Path, *, wallets: int, loaded: bool) -> None:
        super().__init__(name, data, shards=1, scorers=0, wallets=wallets, loaded=loaded)
        self._asked_about: list[str] = []

    def wallets(self) -> list[str]:
        """As `Contender.wallets`."""
        if not self._asked_about:
            ids = super().wallets()
            self._publish(ids)
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 200 * 86_400))
            with ThreadPoolExecutor(CONSENTS_AT_ONCE) as pool:
                list(pool.map(lambda wallet: self._consent(wallet, end), ids))
            self._asked_about = ids
            first = call_json(
                self.port, "/v1/credit/decisions", KEY, {"wallet": ids[0], "scenario": SCENARIO, "amount": 1}
            )
            if first["result"] != "yes":
                raise RuntimeError(f"a decision before the benchmark: {first}")
        return self._asked_about

    def _consent(self, wallet: str, end: str) -> None:
        body = {"wallet": wallet, "scenario": SCENARIO, "merchant": "bootstrap", "expires_at": end}
        call_json(self.port, "/v1/consents", KEY, body)

    def _publish(self, ids: list[str]) -> None:
        card = shipped()
        self._put(f"/v1/scorecards/{card.name}", canonical(card))
        self._put(f"/v1/scenarios/{SCENARIO}", msgspec.json.encode({"text": TEXT}))
        status, answer = call(
            self.port, "POST", "/v1/scores/batch", _scores(ids), {**_AUTHORIZED, "Content-Type": ARROW}
        )
        if status != 200:
            raise RuntimeError(f"scores: {status} {answer[:300]!r}")

    def _put(self, path: str, body: bytes) -> None:
        status, answer = call(self.port, "PUT", path, body, _JSON)
        if status >= 300:
            raise RuntimeError(f"PUT {path}: {status} {answer[:300]!r}")

    def check(self, paid: int) -> dict[str, Any]:
        """As `Contender.check`: each decision is in the journal."""
        checked = super().check(0)
        if checked["audit"]["inquiries"] < paid:
            raise RuntimeError(f"{self.name}: {checked['audit']['inquiries']} inquiries after {paid} decisions")
        return checked


def _scores(ids: list[str]) -> bytes:
    """Everybody has the same, from parts that add up to it."""
    count = len(ids)
    parts = [pa.array(np.full(count, SCORE // len(DIMENSIONS)), pa.int32())] * len(DIMENSIONS)
    columns = {
        "wallet": pa.array([bytes.fromhex(each.replace("-", "")) for each in ids], pa.binary(16)),
        "score": pa.array(np.full(count, SCORE), pa.int32()),
        "subtotals": pa.StructArray.from_arrays(parts, DIMENSIONS),
        "reasons": pa.array([[]] * count, pa.list_(pa.struct([("code", pa.string()), ("gap", pa.int32())]))),
        "card": pa.array(["wallet@1"] * count),
        "run": pa.array(np.ones(count, np.int64)),
        "as_of": pa.array(np.full(count, time.time_ns() // 1_000_000 - 1_000), pa.timestamp("ms", "UTC")),
    }
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
