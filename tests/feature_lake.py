"""A journal made by hand, as an export: wallets with names, records by how many days ago they were, and what DuckDB answers of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from actors.export.columns import Columns
from actors.records.addresses import record_address, wallet_address
from actors.records.ids import encode_wallet
from actors.records.layout import Kind, Records
from actors.records.secret import Secret
from models.credit.feature import DAY_MS, NEGATIVE_DAYS, Feature
from models.credit.views import as_table, prepare
from rules.vocabulary.encodings import WalletKind
from tests.journal_rows import NOON, record

SECRET = Secret.of(bytes(range(16)))
OUTSIDE = 1024
"""A wallet of the operator."""
AS_OF = NOON


class HandMadeLake:
    """`wallets`: addresses by name."""

    def __init__(self) -> None:
        self.wallets: dict[str, int] = {}
        self.records: list[Records] = []
        self.add(Kind.WALLET_OPENED, 900, payee=OUTSIDE, label=int(WalletKind.EXTERNAL))

    def wallet(self, name: str, *, kind: WalletKind = WalletKind.USER, days: float = 500, tier: int = 0) -> int:
        """A new wallet, opened so many days ago."""
        address = int(wallet_address(1, len(self.wallets)))
        self.wallets[name] = address
        self.add(Kind.WALLET_OPENED, days, payee=address, label=int(kind), decision=tier)
        return address

    def add(self, kind: Kind, days_ago: float, **fields: int) -> int:
        """A record of so many days ago; its address."""
        time = {"effective_time": AS_OF - round(days_ago * DAY_MS)}
        self.records.append(record(kind, **{**time, **fields}))
        return self.address(len(self.records) - 1)

    @staticmethod
    def address(at: int) -> int:
        """Of a record by its place."""
        return int(record_address(0, 1 + at // 50, at % 50))

    def pays(self, payer: int, payee: int, amount: int, *days: float, **fields: int) -> None:
        """A transfer on each of these days."""
        for each in days:
            self.add(Kind.TRANSFER, each, payer=payer, payee=payee, amount=amount, **fields)

    def answers(
        self, folder: Path, features: Sequence[Feature], negative_days: int = NEGATIVE_DAYS
    ) -> dict[str, dict[str, int | None]]:
        """What DuckDB answers to the catalogue's SQL: by feature, by the name of the wallet."""
        names = {encode_wallet(SECRET, address): name for name, address in self.wallets.items()}
        with duckdb.connect(config={"threads": 1}) as connection:
            prepare(connection, self.written(folder), AS_OF, negative_days)
            found: dict[str, dict[str, Any]] = {}
            for feature in features:
                rows = connection.execute(as_table(feature.sql, feature.unknown)).fetchall()
                found[feature.name] = {names[str(wallet)]: value for wallet, value in rows}
        return found

    def written(self, folder: Path) -> Path:
        """The export's folder."""
        addresses = np.array([self.address(at) for at in range(len(self.records))], np.int64)
        table = Columns(SECRET).table(np.concatenate(self.records), addresses, np.zeros(len(addresses), np.int64))
        (folder / "lake").mkdir(exist_ok=True)
        pq.write_table(table, folder / "lake" / "blocks.parquet")
        return folder / "lake"
