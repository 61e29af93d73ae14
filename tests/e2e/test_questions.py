"""A POST that only asks writes nothing and keeps no key: asked again, it is answered as things are then.

Keys of all other POSTs are kept: tests/architecture/test_route_table.py names those that ask.
"""

from typing import Any

import asyncpg

from actors.database.connection import connect
from tests.architecture.test_route_table import QUESTIONS
from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import remembered, running_switch
from tests.score_batches import computed_row, publish_card, publish_scores, some_features, stream, with_features

TABLES = """
    select format('%I.%I', schemaname, tablename) from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') order by 1
"""


def _card(points: int) -> dict[str, Any]:
    only = {"feature": "amount", "reason": "HIGH", "edges": [1000], "points": [points, 50], "missing": 50}
    return {"name": "risk", "version": 1, "characteristics": [only]}


async def _database(session: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table, as text, but for when a key was used last."""
    shown = "(to_jsonb(t) - 'last_used_at')::text"
    rows = {}
    for (name,) in await session.fetch(TABLES):
        rows[name] = [row[0] for row in await session.fetch(f"select {shown} from {name} t order by 1")]
    return rows


EXPLANATION = "/v1/transfers/{id}/explanation"
"""Its body is empty, so there are no two questions about one payment."""


def _past(scene: CreditScene, *numbers: str) -> Any:
    times = {"created_at": "2025-05-01T12:00:00Z", "due_at": "2025-05-02T12:00:00Z"}
    names = {"wallet": scene.ann_wallet, "payee": scene.till, "merchant": "inn", "scenario": "hotel"}
    return {"orders": [{**names, **times, "amount": 900, "number": number} for number in numbers]}


def _asked(scene: CreditScene, payer: str, payee: str) -> dict[str, tuple[Any, Any]]:
    """Of each route two questions that differ."""
    payment = {"payer": payer, "payee": payee, "amount": 500, "currency": "EUR"}
    return {
        "/v1/dry-runs/transfers": (payment, payment | {"amount": 10**9}),
        "/v1/dry-runs/credit/orders/import": (_past(scene, "A"), _past(scene, "B", "C")),
        "/v1/lookups/transfers": (
            {"transfers": [{"wallet": payer, "idempotency_key": "paid"}]},
            {"transfers": [{"wallet": payer, "idempotency_key": "never"}]},
        ),
        "/v1/rule-packs/backtest": ({"name": "default"}, {"name": "default", "to": "2026-01-01T00:00:00Z"}),
        "/v1/scorecards/backtest": (
            {"document": _card(50), "pack": "default"},
            {"document": _card(70), "pack": "default", "to": "2026-01-01T00:00:00Z"},
        ),
        "/v1/scorecards/population": ({"name": "risk"}, {"name": "risk", "divided_at": "2026-01-01T00:00:00Z"}),
        "/v1/wallets/{id}/credit/what-if": ({"changes": {}}, {"changes": {"payments_90d": 40}}),
    }


async def test_a_question_writes_nothing_and_its_key_is_free_for_another(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        shipped = await publish_card(switch)
        scored = computed_row(shipped, scene.ann_wallet, some_features(shipped))
        await publish_scores(switch, stream([scored], with_features(shipped)))
        payer, payee = await switch.wallet(), await switch.wallet()
        assert (await switch.pay(await switch.wallet("external"), payer, 5_000)).status == 201
        paid = {"payer": payer, "payee": payee, "amount": 700, "currency": "EUR"}
        assert (await switch.call("POST", "/v1/transfers", paid, key="paid")).status == 201
        assert (await switch.call("PUT", "/v1/scorecards/risk", _card(50))).status == 201
        asked = _asked(scene, payer, payee)
        assert {*asked, EXPLANATION} == QUESTIONS
        await switch.log_is_repeated()
        session = await connect(database_url, name="what is kept")
        try:
            kept, before = await _database(session), remembered(switch)
            assert sum(map(len, kept.values())) > 20
            for route, questions in asked.items():
                path, token = route.replace("{id}", scene.ann_wallet), scene.ann if "{id}" in route else None
                answers = [await switch.call("POST", path, each, key="one key", token=token) for each in questions]
                assert [each.status for each in answers] == [200, 200], [each.raw for each in answers]
                assert answers[0].raw != answers[1].raw, f"{route}: the second question got the first one's answer"
                assert "Idempotent-Replayed" not in answers[1].headers
                assert await _database(session) == kept, route
                assert remembered(switch) == before, route
        finally:
            await session.close()
