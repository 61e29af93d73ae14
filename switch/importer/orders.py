"""Service orders of the past through the API, each once by its merchant's number.

A file is Parquet with the columns of COLUMNS; wallets are named by their external ids, as in files of payments. An import may be repeated
at any time: what is there is answered with what it is. All of a file is checked, by the switch too, before the first wallet is opened.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.wording import counted
from rules.vocabulary.times import time_ms
from switch.importer import names
from switch.importer.client import JSON, Client, SwitchError, first_of
from switch.importer.history import ImportFileError, WalletSpec

NAME: Final = names.ORDERS
COLUMNS: Final = ("order", "person", "merchant", "amount", "created_at", "due_at", "paid_at")
_NEEDED: Final = tuple(name for name in COLUMNS if name != "paid_at")
"""Of every order; one that is still owed was not paid."""
CURRENCY: Final = "EUR"
ORDERS_A_CALL: Final = 500
WALLETS_A_CALL: Final = 10_000
_TIMES: Final = ("created_at", "due_at", "paid_at")
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
_ENCODE: Final = msgspec.json.Encoder().encode


class OrdersReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file's orders: `statuses` of those that are new, `refused` by the code of a problem."""

    file: str
    orders: int
    seconds: float
    replayed: int
    statuses: dict[str, int]
    refused: dict[str, int]

    @property
    def good(self) -> bool:
        """Whether each is there."""
        return not self.refused


class _Result(msgspec.Struct, frozen=True):
    code: str
    status: str | None = None
    replayed: bool = False


class _Results(msgspec.Struct, frozen=True):
    results: list[_Result]


_DECODE: Final = msgspec.json.Decoder(_Results).decode


def recognises(names: set[str]) -> bool:
    """Whether these are the columns of such a file."""
    return set(COLUMNS) <= names


def read_orders(path: Path) -> pa.Table:
    """The columns of a file, times as texts. Raises ImportFileError."""
    try:
        table = pq.read_table(path, columns=list(COLUMNS))
        for name in _TIMES:
            at = table.column_names.index(name)
            moments = table.column(name).cast(pa.timestamp("ms", "UTC"))
            table = table.set_column(at, name, pc.strftime(moments, _FORMAT))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise ImportFileError(f"{path}: {error}") from None
    if not table.num_rows:
        raise ImportFileError(f"{path} holds no orders")
    for name in _NEEDED:
        if table.column(name).null_count:
            row = pc.index(pc.is_null(table.column(name)), True).as_py()
            raise ImportFileError(f"{path}: {name} is empty in row {row}")
    return table


async def import_orders(
    client: Client, path: Path, table: pa.Table, merchant: str, scenario: str, concurrency: int
) -> OrdersReport:
    """Send all orders of one merchant's account in one scenario. Raises SwitchError."""
    started = time.perf_counter()
    names = _names(table)
    await _check(client, _batches(table, {name: _placeholder(name) for name in names}, merchant, scenario), concurrency)
    statuses: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    replayed = 0

    async def record(batch: list[dict[str, Any]]) -> None:
        nonlocal replayed
        answer = await client.post("/v1/credit/orders/import", _ENCODE({"orders": batch}), {"Content-Type": JSON})
        for result in _DECODE(answer).results:
            if result.code != "ok":
                refused[result.code] += 1
            elif result.replayed:
                replayed += 1
            else:
                statuses[result.status or ""] += 1

    try:
        ids = await _ids(client, names, table)
        await _each(_batches(table, ids, merchant, scenario), record, concurrency)
    except SwitchError as error:
        done = f"{statuses.total() + replayed:,} of {counted(table.num_rows, 'order is', 'orders are')} recorded"
        raise SwitchError(
            f"{error}; wallets of the file may be open by now, {done}: the same command goes on"
        ) from error
    return OrdersReport(
        file=str(path),
        orders=table.num_rows,
        seconds=round(time.perf_counter() - started, 3),
        replayed=replayed,
        statuses=dict(statuses),
        refused=dict(refused),
    )


async def _check(client: Client, batches: Iterator[list[dict[str, Any]]], concurrency: int) -> None:
    """Have all orders looked at before anything is made for them. Raises SwitchError, which says that nothing was done."""

    async def ask(batch: list[dict[str, Any]]) -> None:
        try:
            await client.post("/v1/dry-runs/credit/orders/import", _ENCODE({"orders": batch}), {"Content-Type": JSON})
        except SwitchError as error:
            raise SwitchError(
                f"{error}; orders are counted from number {batch[0]['number']}, nothing was done"
            ) from error

    await _each(batches, ask, concurrency)


async def _each(
    batches: Iterator[list[dict[str, Any]]], act: Callable[[list[dict[str, Any]]], Awaitable[None]], concurrency: int
) -> None:
    """So many at a time, in order. Raises what went wrong first."""

    async def worker() -> None:
        for batch in batches:
            await act(batch)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    except BaseExceptionGroup as error:
        raise first_of(error) from error


def _names(table: pa.Table) -> list[str]:
    """External ids of all wallets that the file names."""
    return sorted({*pc.unique(table.column("person")).to_pylist(), *pc.unique(table.column("merchant")).to_pylist()})


def _placeholder(name: str) -> str:
    """An id of a wallet that is not looked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


async def _ids(client: Client, names: Sequence[str], table: pa.Table) -> dict[str, str]:
    """Ids by external id; wallets that are not there are made, as old as the first order."""
    opened = time_ms(pc.min(table.column("created_at")).as_py())
    found: dict[str, str] = {}
    for start in range(0, len(names), WALLETS_A_CALL):
        part = names[start : start + WALLETS_A_CALL]
        specs = [WalletSpec(external_id=name, kind=_kind(name), currency=CURRENCY, opened_ms=opened) for name in part]
        made = await client.create_wallets(specs, uuid.uuid4())
        found.update((name, str(each.identity)) for name, each in zip(part, made, strict=True))
    return found


def _kind(name: str) -> str:
    return "merchant" if name.startswith("merchant:") else "user"


def _batches(table: pa.Table, ids: dict[str, str], merchant: str, scenario: str) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, table.num_rows, ORDERS_A_CALL):
        batch = []
        for row in table.slice(start, ORDERS_A_CALL).to_pylist():
            order = {"wallet": ids[row["person"]], "payee": ids[row["merchant"]], "number": str(row["order"])}
            order |= {"merchant": merchant, "scenario": scenario, "amount": row["amount"]}
            batch.append(order | {name: row[name] for name in _TIMES if row[name] is not None})
        yield batch
