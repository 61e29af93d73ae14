"""A wallet's score decides an order, what became of the order changes the wallet's features, and these its next score; twice, on a running
switch, by the commands and calls that a credit team and a merchant have. Each score is the same to the bit however it is computed."""

import json
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from models.credit.score import WalletScorer
from models.credit.score_stream import score_stream
from models.credit.shipped import FOLDER, shipped
from switch.cli.main import cli
from switch.http.times import now_ms, time_text
from tests.acceptance.running import KEY, RunningSwitch

DAY_MS: Final = 86_400_000
YEAR: Final = 360
SALARY, RENT, SHOPPING, CAP = 400_000, 90_000, 1_900, 20_000
MERCHANT: Final = "bootstrap"
"""The account of the key, which has every scope."""
CARD: Final = FOLDER / "wallet.json"
JSON: Final = "application/json"


class Loop:
    """One holder, one shop, and all calls about them."""

    def __init__(self, switch: RunningSwitch, folder: Path) -> None:
        self.switch, self.folder = switch, folder
        self.scorer = WalletScorer(shipped())
        self.began = now_ms() - YEAR * DAY_MS
        self.work, self.home, self.shop = self.wallet("external"), self.wallet("merchant"), self.wallet("merchant")
        self.ann = self.wallet("user")

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's JSON, or its bytes. Raises HTTPError."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {KEY}", "Content-Type": JSON, "Idempotency-Key": str(uuid.uuid4())}
        request = urllib.request.Request(
            self.switch.url + path, data, sent | {name.replace("_", "-"): text for name, text in headers.items()}
        )
        request.method = method
        with urllib.request.urlopen(request, timeout=20) as answer:
            raw = answer.read()
            return json.loads(raw) if answer.headers["Content-Type"] == JSON else raw

    def wallet(self, kind: str) -> str:
        body = {"currency": "EUR", "kind": kind}
        made: str = self.call("POST", "/v1/wallets", body, Shardpay_Time=time_text(self.began))["id"]
        return made

    def year(self) -> None:
        """A salary each month, rent, and something bought every other day: imported, each payment with its own time."""
        rows = []
        for day in range(YEAR - 1):
            if day % 30 == 0:
                rows += [self._row(self.work, self.ann, SALARY, day), self._row(self.ann, self.home, RENT, day, 2)]
            elif day % 2:
                rows.append(self._row(self.ann, self.shop, SHOPPING + day % 7 * 100, day, 10))
        self._imported(rows)

    def _imported(self, rows: list[dict[str, Any]]) -> None:
        reported = self.call("POST", "/v1/transfers/batch", {"transfers": rows})["results"]
        assert {each["status"] for each in reported} == {"posted"}, reported[:3]

    def _row(self, payer: str, payee: str, amount: int, day: int, hour: int = 1) -> dict[str, Any]:
        return self._row_at(payer, payee, amount, self.began + day * DAY_MS + hour * 3_600_000)

    def _row_at(self, payer: str, payee: str, amount: int, at_ms: int) -> dict[str, Any]:
        row = {"idempotency_key": str(uuid.uuid4()), "payer": payer, "payee": payee, "amount": amount}
        return {**row, "currency": "EUR", "kind": "payment", "effective_at": time_text(at_ms)}

    def emptied(self) -> None:
        """Nothing is left in the wallet; imported, so no limit of a day is in the way. It takes effect after all that was paid before."""
        time.sleep(0.3)
        left = self.call("GET", f"/v1/wallets/{self.ann}")["available"]
        self._imported([self._row_at(self.ann, self.home, left, now_ms() - 200)])

    def pay(self, payer: str, payee: str, amount: int) -> None:
        body = {"payer": payer, "payee": payee, "amount": amount, "currency": "EUR", "kind": "payment"}
        assert self.call("POST", "/v1/transfers", body)["status"] == "posted"

    def scored(self, run: int) -> dict[str, Any]:
        """Features of the journals by the command, and what they come to: by the batch job, with a pencil, and as published."""
        features = self._features(run)
        batch = self._batch(run)
        mine = features.filter(pa.array([str(each) == self.ann for each in features["wallet"].to_pylist()]))
        stream = score_stream(self.scorer, mine, run, now_ms() - 1)
        arrow = "application/vnd.apache.arrow.stream"
        with pa.ipc.open_stream(self.call("POST", "/v1/scores/batch", stream, Content_Type=arrow)) as answer:
            assert answer.read_all().to_pylist() == [{"code": 0, "replayed": False}]
        shown = self.call("GET", f"/v1/wallets/{self.ann}/credit")
        assert shown["run"] == run
        assert (shown["score"], shown["subtotals"]) == (batch["score"], _part(batch, "subtotal_"))
        assert [(each["code"], each["gap"]) for each in shown["reasons"]] == _reasons(batch)
        assert shown["score"] == _with_a_pencil(self.call("GET", f"/v1/wallets/{self.ann}/credit/points"))
        (row,) = mine.select(self.scorer.columns).to_pylist()
        one = self.scorer.score(row)
        assert (one.score, [(each.code, each.gap) for each in one.reasons]) == (shown["score"], _reasons(batch))
        return {**row, "score": shown["score"]}

    def _features(self, run: int) -> pa.Table:
        self._run("features", "--data", self.switch.data, "--output", self.folder / f"features-{run}", "--workers", 1)
        return pa.concat_tables(map(pq.read_table, sorted(self._files(run))))

    def _files(self, run: int) -> list[Path]:
        return list((self.folder / f"features-{run}").glob("*.parquet"))

    def _batch(self, run: int) -> dict[str, Any]:
        found = []
        for file in self._files(run):
            output = self.folder / f"scores-{run}-{file.name}"
            self._run("cards", "score", "--input", file, "--card", CARD, "--output", output, "--keep", "wallet")
            found += [row for row in pq.read_table(output).to_pylist() if str(row["wallet"]) == self.ann]
        (row,) = found
        return row

    def _run(self, *words: object) -> None:
        result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
        assert result.exit_code == 0, result.output

    def order(self, number: str, score: int) -> Any:
        """Asked for, made, confirmed; the decision rests on the score of before."""
        question = {"wallet": self.ann, "scenario": "hotel", "amount": CAP}
        receipt = self.call("POST", "/v1/credit/decisions", question)
        assert receipt["result"] == "yes", receipt
        asked = self.call("GET", f"/v1/wallets/{self.ann}/credit/inquiries?limit=1")["data"][0]
        assert (asked["receipt"], asked["score"]) == (receipt["receipt"], score)
        body = {"receipt": receipt["receipt"], "kind": "deposit_waived", "cap": CAP, "currency": "EUR"}
        names = {"payee": self.shop, "number": f"{self.ann} {number}", "introduction": "One night"}
        made = self.call("POST", "/v1/credit/orders", {**body, **names})
        return self.call("POST", f"/v1/credit/orders/{made['id']}/confirm", {})

    def complete(self, order: Any, amount: int) -> Any:
        bill = {"items": [{"name": "room", "amount": amount}]}
        return self.call("POST", f"/v1/credit/orders/{order['id']}/complete", bill)


def _part(row: dict[str, Any], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}


def _reasons(row: dict[str, Any]) -> list[tuple[str, int]]:
    pairs = [(row[f"reason_{at}"], row[f"gap_{at}"]) for at in range(1, 5)]
    return [(code, gap) for code, gap in pairs if code is not None]


def _with_a_pencil(table: dict[str, Any]) -> int:
    """The sum of the points of the bins in which the own values lie, found anew."""
    total = 0
    for line in table["lines"]:
        value = line["value"]
        known = [each for each in line["bins"] if "what" not in each]
        if value is None:
            total += next(each["points"] for each in line["bins"] if each.get("what") == "not known")
            continue
        (own,) = [
            each for each in known if each.get("least", value) <= value and not value >= each.get("below", value + 1)
        ]
        total += own["points"]
    return total


def test_score_order_outcome_features_score_the_loop_closes_twice(shared_switch: RunningSwitch, tmp_path: Path) -> None:
    loop = Loop(shared_switch, tmp_path)
    loop.call("PUT", "/v1/scorecards/wallet", CARD.read_bytes())
    loop.year()
    ends = time_text(now_ms() + 30 * DAY_MS)
    consent = {"wallet": loop.ann, "scenario": "hotel", "merchant": MERCHANT, "expires_at": ends}
    loop.call("POST", "/v1/consents", consent)

    first = loop.scored(1)
    assert first["orders_on_time_share"] is None, "nothing is known of orders yet"
    paid = loop.complete(loop.order("1", first["score"]), 15_000)
    assert (paid["status"], paid["amount"]) == ("paid", 15_000)

    second = loop.scored(2)
    assert (second["orders_kept_amount"], second["orders_on_time_share"]) == (15_000, 10_000)
    assert second["score"] > first["score"], "an order that was kept is worth something"
    loop.emptied()
    owed = loop.complete(loop.order("2", second["score"]), CAP)
    assert (owed["status"], owed["steps"][-1]["step"]) == ("due", "attempt"), "there was no money left"
    loop.pay(loop.work, loop.ann, CAP)
    assert loop.call("POST", f"/v1/credit/orders/{owed['id']}/pay", {})["status"] == "paid"

    third = loop.scored(3)
    assert third["orders_kept_amount"] == 15_000 + CAP, "paid before it was due is kept"
    history = loop.call("GET", f"/v1/wallets/{loop.ann}/credit/history")["data"]
    assert [each["score"] for each in history] == [third["score"], second["score"], first["score"]]
