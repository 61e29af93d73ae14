"""Row locks in PostgreSQL as a contender."""

import uuid
from collections.abc import Mapping
from typing import Any

from bench.contenders.peer_rowlock import SQL
from bench.contenders.postgres_peer import PostgresPeer
from bench.workload.payments import CURRENCY, OPENING


class Rowlock(PostgresPeer):
    """As `Contender`."""

    name = "rowlock"
    peer = "bench.contenders.peer_rowlock"
    sql = SQL

    async def fill(self, connection: Any, ids: list[uuid.UUID]) -> None:
        """Wallets with their opening balance."""
        rows = [(each, CURRENCY, OPENING) for each in ids]
        await connection.copy_records_to_table("wallet", columns=("id", "currency", "balance"), records=rows)

    def wrong(self, totals: Mapping[str, Any], done: int) -> bool:
        """Payments are counted, and money is summed."""
        return bool(totals["paid"] < done or totals["money"] != OPENING * self._count)
