"""Small files with the schemas and quirks of the replay data, made here from a seed: no row is taken from the data itself."""

import json
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

LIMITS = (0.0, 0.0, 0.0, -2_500_000.0, -7_500_000.0)


class _MobileMoney:
    """Clients with float balances, so that what is written down is rounded, as in the simulator's log."""

    def __init__(self, seed: int, clients: int, merchants: int) -> None:
        self.random = random.Random(seed)
        self.clients = [f"C{number:010}" for number in self.random.sample(range(10**9), clients)]
        self.merchants = [f"M{number:010}" for number in self.random.sample(range(10**9), merchants)]
        self.banks = ["B0000000001", "B0000000002"]
        self.balance: dict[str, float] = defaultdict(float)
        self.limit = {client: self.random.choice(LIMITS) for client in self.clients}
        for client in self.clients:
            self.balance[client] = self.random.uniform(0, 2_000_000) if self.random.random() < 0.9 else 0.0
        self.rows: list[dict[str, Any]] = []

    def row(self, step: int, kind: str, payer: str, payee: str, amount: float, fraud: bool = False) -> None:
        before = self.balance[payer], self.balance[payee]
        declined = kind != "CASH_IN" and before[0] - amount < self.limit.get(payer, 0.0)
        if not declined:
            self.balance[payer] += amount if kind == "CASH_IN" else -amount
            if kind in ("TRANSFER", "PAYMENT"):
                self.balance[payee] += amount
        self.rows.append(
            {
                "step": step,
                "type": kind,
                "amount_minor": max(1, round(amount)),
                "payer": payer,
                "payee": payee,
                "payer_balance_before_minor": round(before[0]),
                "payer_balance_after_minor": round(self.balance[payer]),
                "payee_balance_before_minor": round(before[1]),
                "payee_balance_after_minor": round(self.balance[payee]),
                "is_fraud": fraud,
                "is_flagged": False,
                "is_unauthorized_overdraft": declined,
            }
        )

    def ordinary(self, step: int) -> None:
        hot = self.random.random() < 0.2
        payer = self.clients[0] if hot else self.random.choice(self.clients)
        kinds = ("CASH_IN", "CASH_OUT", "DEBIT", "PAYMENT", "TRANSFER")
        (kind,) = self.random.choices(kinds, (2, 23, 55, 15, 5) if hot else (40, 22, 3, 25, 10))
        payees = {"DEBIT": self.banks, "TRANSFER": [c for c in self.clients if c != payer]}
        payee = self.random.choice(payees.get(kind, self.merchants))
        self.row(step, kind, payer, payee, self.random.lognormvariate(11.5, 1.2))

    def fraud(self, step: int) -> None:
        """A victim's whole balance to a new mule, who takes it out in the next row."""
        victim = self.random.choice(self.clients)
        mule = f"C{self.random.randrange(10**9, 10**10):010}"
        amount = self.balance[victim]
        if amount >= 1:
            self.row(step, "TRANSFER", victim, mule, amount, True)
            self.row(step, "CASH_OUT", mule, self.random.choice(self.merchants), amount, True)


def write_paysim(path: Path, rows: int = 3_000, seed: int = 1, clients: int = 60, merchants: int = 80) -> Path:
    """A log of mobile money of about `rows` rows."""
    world = _MobileMoney(seed, clients, merchants)
    steps = max(2, rows // 60)
    for step in range(1, steps):
        for _ in range(world.random.randrange(1, 2 * rows // steps)):
            world.ordinary(step)
        if world.random.random() < 0.3:
            world.fraud(step)
    table = pa.Table.from_pylist(world.rows)
    table = table.set_column(0, "step", table["step"].cast(pa.int16()))
    table = table.set_column(1, "type", table["type"].dictionary_encode())
    pq.write_table(table, path)
    return path


def write_berka(folder: Path, accounts: int = 40, days: int = 90, seed: int = 1) -> Path:
    """A bank's folder: trans.parquet, the rows of one day in no order, and account.parquet."""
    chance = random.Random(seed)
    first = date(1993, 1, 1)
    balance: dict[int, int] = {}
    opened: dict[int, date] = {}
    rows: list[dict[str, Any]] = []
    for day in range(days):
        today = first + timedelta(days=day)
        booked: list[dict[str, Any]] = []
        for account in range(1, accounts + 1):
            if account not in balance and chance.random() < 0.05:
                balance[account], opened[account] = 0, today - timedelta(days=chance.choice((0, 0, 3)))
                booked.append(_booked(account, today, 70_000, balance, "PRIJEM", "VKLAD"))
            while account in balance and chance.random() < 0.2:
                booked.append(_any_booking(chance, account, today, balance))
        chance.shuffle(booked)
        rows += booked
    for number, row in enumerate(rows):
        row["trans_id"] = number + 1
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "trans.parquet")
    table = pa.table({"account_id": list(opened), "date": list(opened.values())})
    pq.write_table(table, folder / "account.parquet")
    return folder


def _any_booking(chance: random.Random, account: int, today: date, balance: dict[int, int]) -> dict[str, Any]:
    amount = 10 * chance.randrange(1, 5_000)
    kinds = (
        (amount, "PRIJEM", "VKLAD", None),
        (amount, "PRIJEM", "PREVOD Z UCTU", "DUCHOD"),
        (amount // 10, "PRIJEM", None, "UROK"),
        (-amount, "VYDAJ", "VYBER", None),
        (-amount, "VYBER", "VYBER", None),
        (-amount, "VYDAJ", "PREVOD NA UCET", "SIPO"),
        (-1_460, "VYDAJ", "VYBER", "SLUZBY"),
    )
    signed, kind, operation, symbol = chance.choice(kinds)
    return _booked(account, today, signed, balance, kind, operation, symbol)


def _booked(
    account: int,
    today: date,
    signed: int,
    balance: dict[int, int],
    kind: str,
    operation: str | None,
    symbol: str | None = None,
) -> dict[str, Any]:
    balance[account] += signed
    return {
        "trans_id": 0,
        "account_id": account,
        "date": today,
        "type": kind,
        "operation": operation,
        "amount_minor": abs(signed),
        "balance_minor": balance[account],
        "k_symbol": symbol,
        "bank": None,
        "account": None,
    }


def shardpay_rows(rows: int = 400, seed: int = 1) -> list[dict[str, Any]]:
    """Payments in Shardpay's own format: some without money, which were declined, some with a reference."""
    chance = random.Random(seed)
    people = [f"person-{number}" for number in range(12)]
    time = datetime(2020, 1, 1, tzinfo=UTC)
    balance: dict[str, int] = defaultdict(int)
    made: list[dict[str, Any]] = []
    for number in range(rows):
        time += timedelta(milliseconds=chance.randrange(0, 400_000))
        payer = "external:bank" if chance.random() < 0.25 else chance.choice(people)
        payee = chance.choice([name for name in [*people, "merchant:shop"] if name != payer])
        row: dict[str, Any] = {
            "idempotency_key": f"payment {number}",
            "payer": payer,
            "payee": payee,
            "amount": chance.randrange(1, 2_000),
            "currency": "EUR",
            "effective_at": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if chance.random() < 0.3:
            row["reference"] = f"invoice {number}"
        if chance.random() < 0.3:
            row["kind"] = "payment"
        if payer in people and balance[payer] < row["amount"]:
            row["declined"] = True
        else:
            balance[payer] -= row["amount"]
            balance[payee] += row["amount"]
        made.append(row)
    return made


def write_shardpay(path: Path, rows: int = 400, seed: int = 1) -> Path:
    """`shardpay_rows` as NDJSON."""
    path.write_text("".join(json.dumps(row) + "\n" for row in shardpay_rows(rows, seed)))
    return path


def paysim_as_published(log: Path, path: Path, *, declines: bool = False) -> Path:
    """A log of mobile money as the CSV that is published, which knows no declined rows, or as the simulator writes it."""
    table = pq.read_table(log)
    rows = [row for row in table.to_pylist() if declines or not row["is_unauthorized_overdraft"]]
    header = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud,isFlaggedFraud"
    if declines:
        header = (
            header.replace("type", "action").replace("oldbalanceOrg", "oldBalanceOrig") + ",isUnauthorizedOverdraft"
        )
    lines = [header]
    for row in rows:
        balances = [
            f"{row[f'{side}_balance_{when}_minor'] / 100:.2f}"
            for side in ("payer", "payee")
            for when in ("before", "after")
        ]
        lines.append(
            f"{row['step']},{row['type']},{row['amount_minor'] / 100:.2f},{row['payer']},{balances[0]},{balances[1]},{row['payee']},"
            f"{balances[2]},{balances[3]},{row['is_fraud']:d},0" + f",{row['is_unauthorized_overdraft']:d}" * declines
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def berka_as_published(folder: Path, to: Path) -> Path:
    """A bank's folder as it is published: .asc files, semicolons, texts in quotes, days like 930131."""
    to.mkdir(exist_ok=True)
    for name in ("trans", "account"):
        lines = []
        for row in pq.read_table(folder / f"{name}.parquet").to_pylist():
            shown = {
                key.removesuffix("_minor"): value / 100 if key.endswith("_minor") else value
                for key, value in row.items()
            }
            shown["date"] = int(shown["date"].strftime("%y%m%d"))
            lines.append(";".join(_asc(value) for value in shown.values()))
        header = ";".join(f'"{key}"' for key in shown)
        (to / f"{name}.asc").write_text("\r\n".join([header, *lines]) + "\r\n")
    return to


def _asc(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value) if isinstance(value, int) else f'"{value or ""}"'
