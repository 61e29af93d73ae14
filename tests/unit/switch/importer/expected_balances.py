"""A history handled one row after the other, by the plainest rules there are."""

from collections import defaultdict

from switch.importer.history import History


def balances_of(history: History) -> tuple[dict[str, int], list[bool]]:
    """Balance of each wallet by external id at the end, and which rows were declined."""
    balance: dict[int, int] = defaultdict(int)
    declined = []
    payments = history.payments
    columns = zip(payments.payer.tolist(), payments.payee.tolist(), payments.amount.tolist(), strict=True)
    for payer, payee, amount in columns:
        wallet = history.wallets[payer]
        declined.append(not wallet.operator and balance[payer] - amount < wallet.floor)
        if not declined[-1]:
            balance[payer] -= amount
            balance[payee] += amount
    return {wallet.external_id: balance[place] for place, wallet in enumerate(history.wallets)}, declined
