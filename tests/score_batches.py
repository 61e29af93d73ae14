"""Batches of scores for tests: an Arrow stream as credit teams send it, and what is answered."""

from typing import Any

import msgspec
import pyarrow as pa

from actors.stores.rule_packs import PackStore
from models.credit.score import DAYS, PAYMENTS, WalletScorer
from models.credit.shipped import shipped
from models.scorecard import Scorecard, canonical, card_hash
from switch.gateway import arrow
from switch.http.times import now_ms
from tests.front_door import Answer, RunningSwitch

DIMENSIONS = ("history", "behaviour", "ability", "identity", "relations")
SUBTOTALS = pa.struct([(name, pa.int32()) for name in DIMENSIONS])
REASONS = pa.list_(pa.struct([("code", pa.string()), ("gap", pa.int32())]))
SCHEMA = pa.schema(
    [
        ("wallet", pa.binary(16)),
        ("score", pa.int32()),
        ("na_cause", pa.string()),
        ("subtotals", SUBTOTALS),
        ("reasons", REASONS),
        ("card", pa.string()),
        ("run", pa.int64()),
        ("as_of", pa.timestamp("ms", "UTC")),
    ]
)


async def publish_card(switch: RunningSwitch, name: str = "wallet") -> Scorecard:
    """One of the cards that are shipped, as the switch has it."""
    card = shipped(name)
    await PackStore(switch.pool).add_card(card.name, card.version, canonical(card).decode(), card_hash(card), 1)
    return card


def score_row(wallet: str, score: int | None, run: int = 1, **more: Any) -> dict[str, Any]:
    """A row; its subtotals are the score in five parts."""
    parts = None if score is None else [score - 4 * (score // 5), *[score // 5] * 4]
    row = {
        "wallet": bytes.fromhex(wallet.replace("-", "")),
        "score": score,
        "na_cause": "few_days" if score is None else None,
        "subtotals": parts and dict(zip(DIMENSIONS, parts, strict=True)),
        "reasons": [],
        "card": "wallet@1",
        "run": run,
        "as_of": now_ms() - 1_000,
    }
    return {**row, **more}


def stream(rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> bytes:
    return as_stream(pa.Table.from_pylist(rows, schema))


def as_stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


async def publish_scores(switch: RunningSwitch, body: bytes | list[dict[str, Any]], **more: Any) -> Answer:
    data = body if isinstance(body, bytes) else stream(body)
    headers = {"Content-Type": arrow.CONTENT_TYPE}
    return await switch.call("POST", "/v1/scores/batch", data=data, headers=headers, **more)


def reported(answer: Answer) -> list[tuple[str, bool]]:
    """What became of each row: its code's name, and whether it was there before."""
    assert answer.status == 200, answer.raw
    with pa.ipc.open_stream(answer.raw) as reader:
        table = reader.read_all()
    names = msgspec.json.decode(table.schema.metadata[b"codes"])
    assert int(table.schema.metadata[b"timeline"]) >= 1
    return [(names[str(row["code"])], row["replayed"]) for row in table.to_pylist()]


def computed_row(card: Scorecard, wallet: str, features: dict[str, Any], run: int = 1) -> dict[str, Any]:
    """A row as the card's kernel makes it, with what it is of."""
    found = WalletScorer(card).score(features)
    assert found.score is not None
    reasons = [{"code": reason.code, "gap": reason.gap} for reason in found.reasons]
    wanted = {item.feature: features[item.feature] for item in card.characteristics}
    subtotals = {name: found.subtotals.get(name, 0) for name in DIMENSIONS}
    return score_row(wallet, found.score, run, reasons=reasons, subtotals=subtotals, features=wanted)


def with_features(card: Scorecard) -> pa.Schema:
    """The schema with the card's features, all numbers."""
    names = dict.fromkeys(item.feature for item in card.characteristics)
    return SCHEMA.append(pa.field("features", pa.struct([(name, pa.int64()) for name in names])))


def some_features(card: Scorecard) -> dict[str, Any]:
    """Somebody in the middle: of each feature a value in the second bin, some unknown."""
    values: dict[str, Any] = {}
    for at, item in enumerate(card.characteristics):
        assert item.edges is not None
        values.setdefault(item.feature, None if at % 7 == 3 else item.edges[0])
    return {**values, DAYS: 400, PAYMENTS: 60}
