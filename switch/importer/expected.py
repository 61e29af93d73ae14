"""What every wallet must hold after an import, worked out from the file alone.

Nothing here is shared with what reads the file for the import, plans or sends it: a mistake made there must not be made here too.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Balances = dict[str, int]
"""Posted balance in minor units by external id."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """`drift`: how far, at most, a balance lies from the last one that the file itself records; None where it records none."""

    balances: Balances
    drift: int | None


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


def _paysim(path: Path) -> Expected:
    table = pq.read_table(path)
    table = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    table = table.set_column(table.column_names.index("type"), "type", table["type"].cast(pa.string()))
    both = table.filter(pc.is_in(table["type"], pa.array(["PAYMENT", "TRANSFER"])))
    balances: Balances = defaultdict(int, _seen(table, both, "first", "before"))
    done = table.filter(pc.invert(table["is_unauthorized_overdraft"]))
    received = done.filter(pc.equal(done["type"], "CASH_IN"))
    paid = done.filter(pc.not_equal(done["type"], "CASH_IN"))
    earned = paid.filter(pc.is_in(paid["type"], pa.array(["PAYMENT", "TRANSFER"])))
    for part, side, sign in ((received, "payer", 1), (paid, "payer", -1), (earned, "payee", 1)):
        for name, amount in _summed(part[side], part["amount_minor"]).items():
            balances[name] += sign * amount
    recorded = _seen(table, both, "last", "after")
    drift = max((abs(balances[name] - balance) for name, balance in recorded.items()), default=0)
    named = {f"paysim:{name}": balance for name, balance in balances.items()}
    return Expected(balances={**named, "paysim:external": -sum(named.values())}, drift=drift)


def _berka(path: Path) -> Expected:
    columns = ["account_id", "date", "type", "amount_minor", "balance_minor"]
    table = pq.read_table(path / "trans.parquet" if path.is_dir() else path, columns=columns)
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
    return Expected(balances={**named, "berka:external": -sum(named.values())}, drift=drift)


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
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    if parquet:
        rows = pq.read_table(path).to_pylist()
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    balances: Balances = defaultdict(int)
    for row in sorted(rows, key=lambda row: _instant(row["effective_at"])):
        payer, payee, amount = row["payer"], row["payee"], row["amount"]
        operator = payer.partition(":")[0] in ("external", "fee", "liquidity") and ":" in payer
        balances[payer] += 0
        balances[payee] += 0
        if operator or balances[payer] >= amount:
            balances[payer] -= amount
            balances[payee] += amount
    return Expected(balances=dict(balances), drift=None)


def _instant(value: Any) -> Any:
    """To the millisecond, as the switch keeps times."""
    if not isinstance(value, str):
        return value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=None)
    text = value.removesuffix("Z").removesuffix("+00:00").removesuffix("-00:00")
    second, _, digits = text.partition(".")
    return second, digits[:3].ljust(3, "0")


_FORMATS: Final[dict[str, Callable[[Path], Expected]]] = {"paysim": _paysim, "berka": _berka, "shardpay": _shardpay}
