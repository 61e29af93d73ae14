"""`kernel`: the ledger's kernels alone, on one core, over ten million wallets.

Also the memory that a wallet, a key and a payer take.

Payers and payees are uniform over all wallets, so nearly every row that is touched comes from main memory.
"""

from typing import Any, Final

import msgspec
import numpy as np

from actors.ledger.book import M_ATTEMPTS, M_RINGS
from actors.ledger.table import table_bytes, table_count
from actors.records.layout import ATTEMPT, RING
from bench.report.figures import Figure, figure
from bench.report.options import Options
from bench.workload.ledger_load import STEPS, LedgerLoad
from bench.workload.payments import payment_rows
from bench.workload.processes import resident_bytes

NAME: Final = "kernel"
AIM: Final = 5_000_000
BYTES_A_WALLET_AIM: Final = 256


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Each round runs so many batches unscored, then as many scored."""

    wallets: int = 10_000_000
    rows: int = 32_768
    batches: int = 24


QUICK: Final = Sizes(wallets=200_000, rows=8_192, batches=4)


class _Memory(msgspec.Struct, kw_only=True):
    """Resident bytes at the start, with all wallets and their keys, and with the keys dropped."""

    start: int
    opened: int = 0
    without_keys: int = 0


def run(options: Options) -> list[Figure]:
    """Transfers a second through the applying kernel, through all unscored and all scored steps; bytes of memory."""
    sizes = QUICK if options.quick else Sizes()
    rounds = options.rounds
    half = rounds * sizes.batches * sizes.rows
    _warm_up()
    options.say(f"{NAME}: opening {sizes.wallets:,} wallets")
    memory = _Memory(start=resident_bytes())

    def opened() -> None:
        memory.opened = resident_bytes()

    load = LedgerLoad(sizes.wallets, 2 * half, scored_rows=half, opened=opened)
    memory.without_keys = resident_bytes()
    unscored, scored = [], []
    for number in range(rounds):
        options.say(f"{NAME}: round {number + 1} of {rounds}")
        unscored.append(_round(load, sizes, scored=False))
        scored.append(_round(load, sizes, scored=True))
    return [*_rates(sizes, unscored, scored), *_bytes(sizes, memory, load)]


def _warm_up() -> None:
    """Compile, on a small ledger."""
    small = LedgerLoad(1_000, 1_000, scored_rows=100)
    for scored in (False, True):
        small.run(payment_rows(small.addresses, 50, small.rng), scored=scored)


def _round(load: LedgerLoad, sizes: Sizes, *, scored: bool) -> dict[str, float]:
    """Seconds by step, all batches together."""
    batches = [payment_rows(load.addresses, sizes.rows, load.rng) for _ in range(sizes.batches)]
    total = dict.fromkeys(STEPS, 0.0)
    for rows in batches:
        seconds, results = load.run(rows, scored=scored)
        assert not results["code"].any(), "no payment of this benchmark is declined"
        for step in STEPS:
            total[step] += seconds[step]
    return total


def _rates(sizes: Sizes, unscored: list[dict[str, float]], scored: list[dict[str, float]]) -> list[Figure]:
    transfers = sizes.batches * sizes.rows

    def rate(case: str, rounds: list[float], steps: list[dict[str, float]], aim: float | None = None) -> Figure:
        nanoseconds = {step: 1e9 * float(np.median([each[step] for each in steps])) / transfers for step in STEPS}
        detail: dict[str, Any] = {
            "sizes": msgspec.to_builtins(sizes),
            "ns_a_transfer": {step: round(value, 1) for step, value in nanoseconds.items() if value >= 0.1},
        }
        return figure(NAME, case, "transfers/s", [transfers / s for s in rounds], aim=aim, detail=detail)

    return [
        rate("apply", [each["apply"] for each in unscored], unscored, AIM),
        rate("admit + apply", [sum(each.values()) for each in unscored], unscored),
        rate("admit + columns + decide + apply", [sum(each.values()) for each in scored], scored),
    ]


def _bytes(sizes: Sizes, memory: _Memory, load: LedgerLoad) -> list[Figure]:
    wallet = (memory.without_keys - memory.start - load.addresses.nbytes) / sizes.wallets
    key = (memory.opened - memory.without_keys) / sizes.wallets
    book = load.ledger.book
    keys, rings = table_count(book.keys), int(book.meta[M_RINGS])
    payer = (int(book.meta[M_ATTEMPTS]) * ATTEMPT.itemsize + rings * RING.itemsize) / rings
    detail = {"sizes": msgspec.to_builtins(sizes), "resident_bytes": msgspec.to_builtins(memory)}
    laid_out = {"keys": keys, "laid_out_bytes": table_bytes(book.keys) / keys}
    return [
        figure(NAME, "memory a wallet", "bytes", [wallet], better="lower", aim=BYTES_A_WALLET_AIM, detail=detail),
        figure(NAME, "memory a remembered key", "bytes", [key], better="lower", detail={**detail, **laid_out}),
        figure(NAME, "memory a payer with windows", "bytes", [payer], better="lower", detail={"payers": rings}),
    ]
