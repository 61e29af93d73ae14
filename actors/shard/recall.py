"""What a shard remembers of a payer's attempts.

The window columns of its next payment will be made of that.
"""

import numpy as np

from actors.ledger.book import M_LOST_ATTEMPT, Book, local_row
from actors.rpc.interface import Attempts
from rules.vocabulary.encodings import WalletKind


def recalled(book: Book, wallet: int) -> Attempts | None:
    """The attempts of a wallet, oldest first; None for one that is not here, or an operator's: nobody counts those."""
    at = int(local_row(book, wallet))
    if at < 0 or book.wallets[at]["kind"] > WalletKind.MERCHANT:
        return None
    row = book.wallets[at]
    day, day_total, number = int(row["day"]), int(row["day_total"]), int(row["ring"])
    if not number:
        return Attempts([], [], [], [], int(book.meta[M_LOST_ATTEMPT]), day, day_total)
    ring = book.rings[number - 1]
    places = (int(ring["start"]) + np.arange(int(ring["count"]))) % int(ring["capacity"])
    found = book.attempts[int(ring["offset"]) + places]
    times, amounts, payees, same = (found[name].tolist() for name in ("time", "amount", "payee", "same_payee_time"))
    return Attempts(times, amounts, payees, same, int(ring["forgotten"]), day, day_total)
