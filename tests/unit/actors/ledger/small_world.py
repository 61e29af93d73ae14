"""A small world of wallets in every standing, one row for each request, and what a batch could change."""

from collections.abc import Callable

import numpy as np

from actors.ledger.book import M_BATCH
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, Kind, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import EUR, USD, Both, new_row

Case = tuple[str, Code, Callable[[Both], Row]]
"""What is wrong, what is answered, and the request."""
EXTERNAL, LIQUIDITY_USD, SUSPENSE = 1024, 1025, 978
RICH, POOR, LIMITED, FROZEN, CLOSED, DOLLARS, FULL, OWING = ((1 << 16) + slot for slot in range(8))
REMOTE, REMOTE_CLOSED, REMOTE_DOLLARS, UNKNOWN_REMOTE, ABSENT = ((2 << 16) + slot for slot in range(5))
MOVED = (4 << 16) + 3
UNOPENED = (1 << 16) + 60_000
UNKNOWN_SEGMENT = 9 << 16


def a_world() -> Both:
    """A small world; see the names above. LIMITED may pay 10,000 a day and has paid 9,000."""
    world = Both(scored=False)
    kinds = [(WalletKind.EXTERNAL, EXTERNAL, EUR, 0, 0), (WalletKind.LIQUIDITY, LIQUIDITY_USD, USD, 0, 0)]
    kinds += [(WalletKind.USER, 0, EUR, 0, 0)] * 2 + [(WalletKind.USER, 0, EUR, 1, 0)]
    kinds += [(WalletKind.USER, 0, EUR, 0, 0)] * 2 + [
        (WalletKind.USER, 0, USD, 0, 0),
        (WalletKind.MERCHANT, 0, EUR, 0, 0),
    ]
    kinds += [(WalletKind.USER, 0, EUR, 0, -AMOUNT_MAX)]
    act(world, *(opening(*k) for k in kinds))
    act(
        world,
        *(pay(EXTERNAL, w, 50_000) for w in (RICH, LIMITED, FROZEN)),
        pay(LIQUIDITY_USD, DOLLARS, 100, currency=USD),
    )
    act(world, pay(LIMITED, RICH, 9_000), status(FROZEN, WalletStatus.FROZEN), status(CLOSED, WalletStatus.CLOSED))
    world.advance(world.now + 1_000)
    world.apply_legs(
        [{"payer": REMOTE, "payee": FULL, "amount": AMOUNT_MAX, "currency": EUR, "effective_time": 5, "reference": 1}]
    )
    profile = {"opened": 7, "tier": 0, "kind": 1, "status": 1, "currency": EUR}
    world.learn(**{**profile, "address": REMOTE})
    world.learn(**{**profile, "address": REMOTE_CLOSED, "status": 3})
    world.learn(**{**profile, "address": REMOTE_DOLLARS, "currency": USD})
    world.learn(address=ABSENT, opened=world.now, currency=0, status=0, kind=0, tier=0)
    return world


def opening(kind: int, place: int, currency: int, tier: int, floor: int) -> Row:
    return new_row(Kind.WALLET_OPENED, kind=kind, payee=place, currency=currency, tier=tier, amount=floor)


def pay(payer: int, payee: int, amount: int, **fields: int) -> Row:
    return new_row(Kind.TRANSFER, payer=payer, payee=payee, amount=amount, **fields)


def status(wallet: int, target: int) -> Row:
    return new_row(Kind.WALLET_STATUS, payee=wallet, kind=int(target))


def tier(wallet: int, target: int) -> Row:
    return new_row(Kind.WALLET_TIER, payee=wallet, tier=target)


def act(world: Both, *rows: Row) -> list[int]:
    """A batch under fresh keys, where a row has none: the codes."""
    keyed = [row if row["key_hi"] else {**row, **world.fresh_key()} for row in rows]
    return [int(outcome["code"]) for outcome in world.batch(keyed)]


def read(world: Both) -> int:
    """A channel and the list of segments were read to the end just now."""
    world.channel(2, 1, ended=True)
    return world.now


def bytes_of(world: Both) -> list[bytes]:
    """All that could change but keys: wallets, remote wallets, rings, counters."""
    book = world.ledger.book
    used = book.wallets[np.flatnonzero(book.wallets["currency"])]
    meta = book.meta.copy()
    meta[M_BATCH] = 0  # each batch has a number, also one that leaves no trace
    profiles = book.profiles[:50].copy()
    profiles["used"] = profiles["batch"] = 0
    return [array.tobytes() for array in (used, profiles, book.rings[:50], book.attempts[:500], meta)]
