"""Each wallet's pairs as one row: how many of each sort, and how amounts are spread over them."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.credit_features.accounts import COUNTRY, DEVICE, PAIR_COUNT, Accounts, rows_of
from actors.credit_features.scores import scores_at
from actors.credit_features.shares import share
from models.jit import kernel
from rules.vocabulary.encodings import WalletKind

RELATION: Final = np.dtype(
    [
        ("amount", "i8"),
        ("received", "i8"),
        ("main", "i8"),
        ("squares", "i8"),
        ("to_merchants", "i8"),
        ("main_merchant", "i8"),
        ("counterparties", "i4"),
        ("payees", "i4"),
        ("payers", "i4"),
        ("mutual", "i4"),
        ("repeated", "i4"),
        ("merchants", "i4"),
        ("devices", "i4"),
        ("told_device", "i4"),
        ("main_device", "i4"),
        ("countries", "i4"),
        ("scored", "i4"),
        ("low_scores", "i4"),
        ("scores", "i8"),
    ]
)
"""`scores`: the sum of those of counterparties that have one."""
RelationRows = NDArray[np.void]
"""RELATION rows (n,)."""
REPEATED_FROM: Final = 3
LOW_SCORE_BELOW: Final = 600
"""The bands above it are those that scenarios usually ask for."""


@kernel
def _gather(pairs, merchant, scores, relations):
    for i in range(len(pairs)):
        pair = pairs[i]
        relation = relations[pair["row"]]
        subject, payments, credits = pair["subject"], pair["payments"], pair["credits"]
        if subject & COUNTRY:
            relation["countries"] += 1
        elif subject & DEVICE:
            relation["devices"] += 1
            relation["told_device"] += payments
            relation["main_device"] = max(relation["main_device"], payments)
        else:
            amount = pair["paid"] + pair["received"]
            relation["counterparties"] += 1
            relation["payees"] += payments > 0
            relation["payers"] += credits > 0
            relation["mutual"] += payments > 0 and credits > 0
            relation["repeated"] += payments + credits >= REPEATED_FROM
            relation["scored"] += scores[i] > 0
            relation["low_scores"] += 0 < scores[i] < LOW_SCORE_BELOW
            relation["scores"] += scores[i]
            relation["amount"] += amount
            relation["received"] += pair["received"]
            relation["main"] = max(relation["main"], amount)
            if merchant[i] and payments > 0:
                relation["merchants"] += 1
                relation["to_merchants"] += pair["paid"]
                relation["main_merchant"] = max(relation["main_merchant"], pair["paid"])


@kernel
def _square(pairs, relations):
    for i in range(len(pairs)):
        pair = pairs[i]
        relation = relations[pair["row"]]
        if pair["subject"] < DEVICE and relation["amount"] > 0:
            part = share(pair["paid"] + pair["received"], relation["amount"])
            relation["squares"] += part * part


def relations_of(accounts: Accounts, profiles: dict[int, int], scores: Path | None) -> RelationRows:
    """RELATION rows (rows,). `profiles`: kinds of wallets of other shards by address; `scores`: everybody's, None = not asked for."""
    relations = np.zeros(len(accounts.rows), RELATION)
    pairs = accounts.pairs[: int(accounts.meta[PAIR_COUNT])]
    subjects = pairs["subject"].copy()
    found = np.zeros(len(pairs), np.int16) if scores is None else scores_at(scores, subjects)
    _gather(pairs, _merchants(accounts, subjects, profiles), found, relations)
    _square(pairs, relations)
    return relations


def _merchants(accounts: Accounts, subjects: NDArray[np.int64], profiles: dict[int, int]) -> NDArray[np.bool_]:
    """Which subjects (n,) are merchants' wallets."""
    wallets = np.where(subjects < DEVICE, subjects, 0)
    rows = rows_of(accounts, wallets)
    own = rows >= 0
    kinds = np.zeros(len(subjects), np.uint8)
    kinds[own] = accounts.rows["kind"][rows[own]]
    known = np.array(sorted(address for address, kind in profiles.items() if kind == WalletKind.MERCHANT), np.int64)
    found: NDArray[np.bool_] = (kinds == WalletKind.MERCHANT) | np.isin(wallets, known)
    return found
