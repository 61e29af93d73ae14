"""Decisions by a function in PostgreSQL as a contender."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.contenders.peer_decider import MERCHANT, SQL
from bench.contenders.postgres_peer import PostgresPeer
from bench.workload.questions import SCENARIO, SCORE


class Decider(PostgresPeer):
    """As `Contender`."""

    name = "decider"
    peer = "bench.contenders.peer_decider"
    sql = SQL

    async def fill(self, connection: Any, ids: list[uuid.UUID]) -> None:
        """Wallets with a score, and their consents."""
        ends = datetime.now(UTC) + timedelta(days=200)
        scored = [(each, SCORE) for each in ids]
        agreed = [(each, MERCHANT, SCENARIO, ends) for each in ids]
        await connection.copy_records_to_table("wallet", columns=("id", "score"), records=scored)
        await connection.copy_records_to_table("consent", records=agreed)

    def wrong(self, totals: Mapping[str, Any], done: int) -> bool:
        """Each decision is in the log and is a yes."""
        return bool(totals["yes"] < done or totals["yes"] != totals["asked"])
