"""What every wallet must hold after an import, worked out from the file alone.

Nothing here is shared with what reads the file for the import, plans or sends it: a mistake made there must not be made here too. But what
separates columns the file does not say, so it is guessed in one place. Amounts are rounded to hundredths as they are
written, half a one to the even.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from switch.importer.text_tables import header_of

Balances = dict[str, int]
"""Posted balance in minor units by external id."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """`drift`: how far, at most, a balance lies from the last one that the file itself records; None where it records none. `openings`:
    what of the balances is what wallets held before the file, paid from the wallet `funded_by`."""

    balances: Balances
    drift: int | None
    openings: Balances = {}
    funded_by: str = ""


def expected(name: str, path: Path) -> Expected:
    """Balances after importing `path` as format `name`."""
    return _FORMATS[name](path)


def _summed(names: Any, amounts: Any) -> dict[Any, int]:
    grouped = pa.table({"name": names, "amount": amounts}).group_by("name").aggregate([("amount", "sum")])
    return dict(zip(grouped["name"].to_pylist(), grouped["amount_sum"].to_pylist(), strict=True))


def _seen(table: pa.Table, moves: pa.Table, which: str, when: str) -> Balances:
    """The first or last balance that the log shows of each wallet."""
    parts = [
        pa.table({"row": part["row"], "name": part[side], "balance": part[f"{side}_balance_{when}_minor"]})
        for part, side in ((table, "payer"), (moves, "payee"))
    ]
    merged = pa.concat_tables(parts).sort_by("row")
    grouped = merged.group_by("name", use_threads=False).aggregate([("balance", which)])
    return dict(zip(grouped["name"].to_pylist(), grouped[f"balance_{which}"].to_pylist(), strict=True))


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _minor(text: str) -> int:
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{text!r} is no amount")
    return int(Decimal((sign, digits, exponent + 2)).to_integral_value(ROUND_HALF_EVEN))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Lines of a text file by the names of the columns in lower case."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line in csv.DictReader(file, delimiter=header_of(path).delimiter):
            yield {name.strip().lower(): value for name, value in line.items()}


def _paysim_text(path: Path) -> pa.Table:
    """The published CSV in the columns of the Parquet file; only it has the balances after a row, where it has them."""
    columns: dict[str, list[Any]] = defaultdict(list)
    for row in _rows(path):
        columns["type"].append(row["type"] if "type" in row else row["action"])
        columns["amount_minor"].append(_minor(row["amount"]))
        columns["payer"].append(row["nameorig"])
        columns["payee"].append(row["namedest"])
        for side, names in (("payer", ("oldbalanceorg", "oldbalanceorig")), ("payee", ("oldbalancedest",))):
            columns[f"{side}_balance_before_minor"].append(_minor(next(row[name] for name in names if name in row)))
        for side, name in (("payer", "newbalanceorig"), ("payee", "newbalancedest")):
            if row.get(name, "").strip():
                columns[f"{side}_balance_after_minor"].append(_minor(row[name]))
        columns["is_unauthorized_overdraft"].append(int(row.get("isunauthorizedoverdraft", "0")) == 1)
    whole = len(columns["type"])
    return pa.table({name: values for name, values in columns.items() if len(values) == whole})


def _paysim(path: Path) -> Expected:
    table = pq.read_table(path) if _is_parquet(path) else _paysim_text(path)
    table = table.filter(pc.not_equal(table["amount_minor"], 0))
    table = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    table = table.set_column(table.column_names.index("type"), "type", table["type"].cast(pa.string()))
    both = table.filter(pc.is_in(table["type"], pa.array(["PAYMENT", "TRANSFER"])))
    openings = _seen(table, both, "first", "before")
    balances: Balances = defaultdict(int, openings)
    done = table.filter(pc.invert(table["is_unauthorized_overdraft"]))
    received = done.filter(pc.equal(done["type"], "CASH_IN"))
    paid = done.filter(pc.not_equal(done["type"], "CASH_IN"))
    earned = paid.filter(pc.is_in(paid["type"], pa.array(["PAYMENT", "TRANSFER"])))
    for part, side, sign in ((received, "payer", 1), (paid, "payer", -1), (earned, "payee", 1)):
        for name, amount in _summed(part[side], part["amount_minor"]).items():
            balances[name] += sign * amount
    drift = None
    if all(f"{side}_balance_after_minor" in table.column_names for side in ("payer", "payee")):
        recorded = _seen(table, both, "last", "after")
        drift = max((abs(balances[name] - balance) for name, balance in recorded.items()), default=0)
    named = {f"paysim:{name}": balance for name, balance in balances.items()}
    return _funded("paysim:external", named, {f"paysim:{name}": balance for name, balance in openings.items()}, drift)


def _funded(external: str, balances: Balances, openings: Balances, drift: int | None) -> Expected:
    """With the wallet that all money comes from and goes to."""
    everything = {**balances, external: -sum(balances.values())}
    return Expected(balances=everything, drift=drift, openings=openings, funded_by=external)


def _berka(path: Path) -> Expected:
    columns = ["account_id", "date", "type", "amount_minor", "balance_minor"]
    files = [path / "trans.parquet", path / "trans.asc"] if path.is_dir() else [path]
    file = next(each for each in files if each.is_file())
    table = pq.read_table(file, columns=columns) if _is_parquet(file) else _berka_text(file)
    amount = table["amount_minor"]
    signed = pc.if_else(pc.equal(table["type"], "PRIJEM"), amount, pc.negate(amount))
    sums = _summed(table["account_id"], signed)
    table = table.append_column("before", pc.subtract(table["balance_minor"], signed))
    days = table.select(["account_id", "date"]).group_by("account_id").aggregate([("date", "min"), ("date", "max")])
    table = table.join(days, "account_id")
    starts = table.filter(pc.equal(table["date"], table["date_min"])).select(["account_id", "before", "balance_minor"])
    ends = table.filter(pc.equal(table["date"], table["date_max"])).select(["account_id", "balance_minor"])
    opening = _berka_openings(starts)
    finals: dict[int, list[int]] = defaultdict(list)
    for row in ends.to_pylist():
        finals[row["account_id"]].append(row["balance_minor"])
    balances = {account: opening[account] + total for account, total in sums.items()}
    drift = max(
        (min(abs(balance - final) for final in finals[account]) for account, balance in balances.items()), default=0
    )
    named = {f"berka:account:{account}": balance for account, balance in balances.items()}
    before = {f"berka:account:{account}": opening[account] for account in sums}
    return _funded("berka:external", named, before, drift)


def _berka_text(path: Path) -> pa.Table:
    rows = list(_rows(path))
    return pa.table(
        {
            "account_id": [int(row["account_id"]) for row in rows],
            "date": [int(row["date"]) for row in rows],
            "type": [row["type"] for row in rows],
            "amount_minor": [_minor(row["amount"]) for row in rows],
            "balance_minor": [_minor(row["balance"]) for row in rows],
        }
    )


def _berka_openings(starts: pa.Table) -> dict[int, int]:
    """Balance before each account's first day: the one that some row of that day starts from and none of them leads to, or zero when
    a row starts from zero."""
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for row in starts.to_pylist():
        before[row["account_id"]].append(row["before"])
        after[row["account_id"]].append(row["balance_minor"])
    openings = {}
    for account, values in before.items():
        sources = [value for value in values if value not in after[account]]
        openings[account] = 0 if 0 in values else (sources or values)[0]
    return openings


def _shardpay(path: Path) -> Expected:
    if _is_parquet(path):
        rows = pq.read_table(path).to_pylist()
    else:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")  # a return within a line is a space of JSON
        rows = [json.loads(line) for line in lines if line.strip()]
    balances: Balances = defaultdict(int)
    for row in rows:
        moved = 0 if row.get("declined") else row["amount"]
        balances[row["payer"]] -= moved
        balances[row["payee"]] += moved
    return Expected(balances=dict(balances), drift=None)


_FORMATS: Final[dict[str, Callable[[Path], Expected]]] = {"paysim": _paysim, "berka": _berka, "shardpay": _shardpay}
