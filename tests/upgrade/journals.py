"""`python -m tests.upgrade.journals VERSION`: keep journals of this version that hold every kind of record, for later ones to open.

Seeds of the simulation write them, so that holds expire and orders become overdue without anybody waiting; what must be true of them is
what the simulation's model says, in which nothing of the ledger's code takes part. What takes years is written by a shard with a clock of
its own.
"""

import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.ledger.ledger import Ledger
from actors.ledger.orders import WRITE_OFF_AFTER_MS
from actors.records.blocks import records_of
from actors.records.layout import Kind
from tests.sim.credit_model import DAY_MS, OVER, ROW
from tests.sim.model import STATE_FIELDS
from tests.sim.simulation import Simulation, small_bounds
from tests.sim.switch import SECRET
from tests.unit.actors.shard.one_shard import OneShard

HERE: Final = Path(__file__).parent
FILE: Final = "journals.msgpack.xz"
SEEDS: Final = 40
"""The fewest of them that have every kind of record are kept."""
CASE: Final = ("state", "kind", "holder", "account", "entry", "due", "forward_by")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal comes to. By address: `wallets`; `holds` that are open (left, expiry, in review); `rows` of holders; `orders` that are
    not over (state, cap, holder); open `cases` as CASE. `consents`: holder, account, scenario, and the record that grants it, 0 = none."""

    wallets: dict[int, dict[str, int]]
    holds: dict[int, tuple[int, int, bool]]
    rows: dict[int, dict[str, int]]
    orders: dict[int, tuple[int, int, int]]
    cases: dict[int, tuple[int, ...]]
    consents: list[tuple[int, int, int, int]]


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of a shard (number, bytes, details), and what they come to."""

    blocks: list[tuple[int, bytes, bytes | None]]
    facts: Facts


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Journals by shard; `segments`: whose each is."""

    secret: bytes
    segments: dict[int, int]
    journals: list[Journal]

    @property
    def kinds(self) -> set[int]:
        """Of its records."""
        return {int(kind) for each in self.journals for _, data, _ in each.blocks for kind in records_of(data)["kind"]}


def of_model(model: Any, shard: int, now: int) -> Facts:
    """What the simulation's model says of a shard at a time of its own."""
    money, credit = model.shards[shard], model.credit.shards[shard]
    return Facts(
        wallets={a: {name: int(getattr(wallet, name)) for name in STATE_FIELDS} for a, wallet in money.wallets.items()},
        holds={address: (hold.left, hold.expiry, hold.review) for address, hold in money.holds.items()},
        rows={holder: dict(row) for holder, row in credit.rows.items()},
        orders={o.address: (int(o.state), o.cap, o.holder) for o in credit.orders.values() if o.state not in OVER},
        cases={case.address: tuple(map(int, case.kept)) for case in credit.cases.all.values() if case.state},
        consents=[(*party, credit.consent(party, now)) for party in sorted(credit.consents)],
    )


def of_ledger(ledger: Ledger, asked: Facts) -> Facts:
    """What a ledger says of the same: of all that is open, and of the wallets and consents asked for."""
    wallets = {address: ledger.wallet(address) for address in asked.wallets}
    rows = {holder: ledger.credit.row(ledger.book, holder) for holder in asked.rows}
    live = {party[:3]: ledger.credit.consent(*party[:3], ledger.record_time) for party in asked.consents}
    return Facts(
        wallets={
            address: {} if row is None else {name: int(row[name][0]) for name in asked.wallets[address]}
            for address, row in wallets.items()
        },
        holds={
            int(hold["address"]): (int(hold["left"]), int(hold["expiry"]), bool(hold["review"]))
            for hold in ledger.book.holds.rows
            if hold["address"]
        },
        rows={holder: {name: int(row[name]) for name in asked.rows[holder]} for holder, row in rows.items()},
        orders={
            int(o["address"]): (int(o["state"]), int(o["cap"]), int(o["holder"])) for o in ledger.credit.open_orders()
        },
        cases={int(case["address"]): tuple(int(case[name]) for name in CASE) for case in ledger.credit.open_cases()},
        consents=[(*party, 0 if row is None else int(row["record"])) for party, row in live.items()],
    )


def written(seed: int) -> Cluster:
    """The journals of a seed at its end."""
    simulation = Simulation(seed)
    try:
        with small_bounds():
            simulation.run()
    finally:
        simulation.switch.end()
    database, model = simulation.switch.database, simulation.switch.auditor.model
    journals = []
    for shard, blocks in enumerate(database.journals):
        now = int(records_of(blocks[-1].data)["record_time"][-1])
        kept = [(block.number, block.data, block.details) for block in blocks]
        journals.append(Journal(blocks=kept, facts=of_model(model, shard, now)))
    return Cluster(secret=SECRET, segments=dict(database.segments), journals=journals)


def of_years() -> Cluster:
    """The journal of a shard on which one order defaults and is paid after all, and another is written off in the end."""
    shard = OneShard()
    holder, shop = shard.wallet(), shard.wallet()
    orders = [shard.order(holder, shop, expiry=shard.now + DAY_MS, default_after_s=86_400) for _ in range(3)]
    for order in orders[:2]:
        shard.credit(Kind.ORDER_CONFIRMED, holder, reference=order)
        shard.credit(Kind.ORDER_COMPLETED, holder, reference=order, amount=700)
    for _ in range(8):
        shard.wait(DAY_MS // 2)
    shard.pay(op=Kind.TRANSFER, payer=shard.wallet(balance=5_000), payee=holder, amount=700)
    shard.credit(Kind.ORDER_PAID, holder, reference=orders[0])
    shard.wait(WRITE_OFF_AFTER_MS)
    shard.wait(DAY_MS)
    opened = shard.credit(Kind.DISPUTE_OPENED, holder, reference=orders[0], expiry=shard.now + DAY_MS)
    assert opened["code"] == 0, "a seed leaves no case open"
    wallets = {address: dict.fromkeys(STATE_FIELDS, 0) for address in (holder, shop)}
    asked = Facts(wallets=wallets, holds={}, rows={holder: dict.fromkeys(ROW, 0)}, orders={}, cases={}, consents=[])
    kept = [(block.number, block.data, block.details) for block in shard.blocks]
    journal = Journal(blocks=kept, facts=of_ledger(shard.core.ledger, asked))
    return Cluster(secret=shard.core.ledger.config.secret, segments={1: 0}, journals=[journal])


def every_kind(clusters: list[Cluster], known: set[int]) -> Iterator[Cluster]:
    """As few of them as hold every kind of record but those that are known already."""
    missing = {int(kind) for kind in Kind} - known
    while missing:
        best = max(clusters, key=lambda cluster: len(cluster.kinds & missing))
        if not best.kinds & missing:
            raise SystemExit(f"no seed wrote {sorted(Kind(kind).name for kind in missing)}")
        missing -= best.kinds
        yield best


def opened(folder: Path) -> list[Cluster]:
    """What a version kept."""
    return msgspec.msgpack.decode(lzma.decompress((folder / FILE).read_bytes()), type=list[Cluster])


def main() -> None:
    """Make the journals of a version."""
    folder = HERE / sys.argv[1]
    folder.mkdir(exist_ok=True)
    clusters = [of_years(), *every_kind([written(seed) for seed in range(SEEDS)], of_years().kinds)]
    (folder / FILE).write_bytes(lzma.compress(msgspec.msgpack.encode(clusters), preset=9))


if __name__ == "__main__":
    main()
