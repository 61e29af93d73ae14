"""The month of mobile money through a ledger.

Every payment with the very columns that its decision sees, and whether it was fraud.

What the log tells only of afterwards - balances around a row, flags, what became of it - is read by nobody here but for the label. The
month is simulated (PaySim): whatever is measured on it says something of the simulation.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.ledger.admission import Channels
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import OPERATOR_SEGMENT, OPERATOR_SLOT_FIRST, record_address, wallet_address
from actors.records.codes import Code
from actors.records.layout import BLOCK_RECORDS_MAX, REQUEST, Kind, Requests, Results
from models.arrays import Integers
from rules.vocabulary.columns import COLUMN_COUNT, DAY_MS, INDEX
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.encodings import Label, WalletKind
from switch.importer import paysim
from switch.importer.history import KINDS, OPENING, History

FILE: Final = "paysim_30d.parquet"
BATCH_ROWS_MAX: Final = 4_096
CAPACITY: Final = Capacity(segments=4, segment_map=8, keys=2_000_000, payers=65_536, attempts=8_000_000, profiles=1)
SECRET: Final = bytes(range(16))
CURRENCY: Final = NUMERIC[paysim.CURRENCY]
SEGMENT: Final = 1
EXTERNAL: Final = wallet_address(OPERATOR_SEGMENT, OPERATOR_SLOT_FIRST)


class NoData(click.ClickException):
    """The data set is not where it is looked for."""


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """Payments (n,) in the order in which they were made; `columns` (n, COLUMN_COUNT)."""

    columns: NDArray[np.int64]
    step: NDArray[np.int64]
    amount: NDArray[np.int64]
    is_fraud: NDArray[np.bool_]

    def rows(self, chosen: NDArray[np.bool_] | Integers) -> "Month":
        """Some of them."""
        return Month(**{name: getattr(self, name)[chosen] for name in self.__struct_fields__})


def month_file() -> Path:
    """Where the month lies: in the folder that SHARDPAY_DATA_SETS names. Raises NoData."""
    folder = Path(os.environ.get("SHARDPAY_DATA_SETS", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / FILE).exists():
        raise NoData(f"{FILE} is not in {folder}: SHARDPAY_DATA_SETS names its folder")
    return folder / FILE


def read_month(path: Path) -> Month:
    """A log of PaySim with the columns that an import of it is decided on, each wallet's payments one after the other."""
    history = paysim.read(path)
    log = pq.read_table(path, columns=["step", "is_fraud"])
    columns = np.empty((log.num_rows, COLUMN_COUNT), np.int64)
    codes = np.empty(len(history.payments), np.uint16)
    run = _MonthRun(history)
    for rows in _batches(history):
        numbers = history.payments.number[rows]
        codes[rows], columns_seen = run.pay(rows)
        columns[numbers[numbers < OPENING]] = columns_seen[numbers < OPENING]
    assert np.array_equal(codes != Code.OK, history.payments.declined), (
        "the ledger declines what the log says was declined"
    )
    return Month(
        columns=columns,
        step=log["step"].to_numpy().astype(np.int64),
        amount=columns[:, INDEX["amount"]].copy(),
        is_fraud=log["is_fraud"].to_numpy(zero_copy_only=False),
    )


def _batches(history: History) -> Iterator[slice]:
    """Rows that can be decided at once, in order: a balance is that of a batch's begin, so no wallet that pays has two rows in one."""
    payments = history.payments
    operator = [wallet.operator for wallet in history.wallets]
    seen: set[int] = set()
    start = 0
    for row, (payer, payee) in enumerate(zip(payments.payer.tolist(), payments.payee.tolist(), strict=True)):
        if payer in seen or payee in seen or row - start == BATCH_ROWS_MAX:
            yield slice(start, row)
            seen.clear()
            start = row
        seen.update(wallet for wallet in (payer, payee) if not operator[wallet])
    yield slice(start, len(payments))


class _MonthRun:
    """The ledger that the history goes through, and the requests of all its payments."""

    def __init__(self, history: History) -> None:
        self._ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=SECRET), CAPACITY)
        self._channels = Channels(np.zeros(1, np.int64), np.zeros(1, np.int64))
        self._block = 1
        payments = history.payments
        self._ledger.advance(int(payments.effective_ms.max()) + DAY_MS)
        addresses = self._open(history)
        requests = np.zeros(len(payments), REQUEST)
        requests["op"] = Kind.TRANSFER
        requests["label"] = np.array([Label[name.upper()] for name in KINDS], np.uint8)[payments.kind]
        requests["currency"] = CURRENCY
        requests["caller"] = 1
        requests["payer"], requests["payee"] = addresses[payments.payer], addresses[payments.payee]
        requests["amount"], requests["effective_time"] = payments.amount, payments.effective_ms
        requests["key_hi"], requests["key_lo"] = 1, np.arange(len(payments))
        self._requests = requests

    def _open(self, history: History) -> NDArray[np.int64]:
        """Addresses (w,) of the wallets."""
        wallets = history.wallets
        rows = np.zeros(len(wallets), REQUEST)
        rows["op"] = Kind.WALLET_OPENED
        rows["kind"] = [WalletKind[wallet.kind.upper()] for wallet in wallets]
        rows["currency"] = CURRENCY
        rows["caller"] = 1
        operator = np.array([wallet.operator for wallet in wallets], np.bool_)
        rows["payee"] = np.where(operator, EXTERNAL + np.arange(len(wallets)), 0)
        rows["amount"] = [0 if wallet.operator else wallet.floor for wallet in wallets]
        rows["effective_time"] = [wallet.opened_ms for wallet in wallets]
        rows["key_lo"] = np.arange(len(rows))
        self._ledger.book.owners[SEGMENT] = 1
        assert self._ledger.use_segment(SEGMENT), "the capacity is for a segment"
        addresses: NDArray[np.int64] = self._decided_and_applied(rows)[0]["address"]
        return addresses

    def pay(self, rows: slice) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Codes (k,) and columns (k, COLUMN_COUNT) of payments, applied whatever their score: they have happened."""
        results, columns = self._decided_and_applied(self._requests[rows])
        return results["code"], columns

    def _decided_and_applied(self, requests: Requests) -> tuple[Results, NDArray[np.int64]]:
        first = record_address(0, self._block, 0)
        admission = self._ledger.admit(requests, self._channels, first - 1)
        admitted = self._ledger.going_on(requests, admission)
        assert len(admitted.rows) == len(requests), "every row of a history is admitted"
        columns = self._ledger.columns(admitted)
        results = self._ledger.apply(admitted, None, first).results
        self._block += -(-len(requests) // BLOCK_RECORDS_MAX)
        return results, columns
