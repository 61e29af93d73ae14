"""Pay a year of wishes in the order of time: nobody pays what they do not have, as in the ledger.

An order is asked for until it is paid; what is asked for after that does not happen.
"""

from typing import Final

from models.jit import kernel

POSTED: Final = 0
DECLINED: Final = 1
DROPPED: Final = 2
NO_ORDER: Final = -1


@kernel
def pay_in_order(payer, payee, amount, order, bottomless, balances, paid, outcome):
    """Rows (n,) in the order of time. Fills `outcome` (n,) and, by order, the row that `paid` it, -1 before. `bottomless` (wallets,): 1 for
    those that pay whatever they have."""
    for row in range(len(payer)):
        if order[row] >= 0 and paid[order[row]] >= 0:
            outcome[row] = DROPPED
        elif bottomless[payer[row]] == 0 and balances[payer[row]] < amount[row]:
            outcome[row] = DECLINED
        else:
            outcome[row] = POSTED
            balances[payer[row]] -= amount[row]
            balances[payee[row]] += amount[row]
            if order[row] >= 0:
                paid[order[row]] = row
