"""Everybody's last published score, as one array by wallet address that all tasks map.

Two bytes a wallet. Ids are addresses, so looking a counterparty up is an index and no join. A score counts once it was published, whatever
time it is of, until a dispute deletes it or the wallet's personal data are erased: from then on nobody else's features use it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.credit_layout import Resolution
from actors.records.layout import Kind

SCORE: Final = np.dtype(np.int16)
"""350 to 950; 0: none, or the last one says that too little is known."""


SCORE_EVENT: Final = np.dtype(
    [
        ("wallet", np.int64),
        ("address", np.int64),
        ("about", np.int64),
        ("score", np.int16),
        ("kind", np.uint8),
        ("resolution", np.uint8),
    ]
)
"""A record that says something of a wallet's score; about: the entry, or the dispute, that it names."""
ScoreEvents = NDArray[np.void]
"""SCORE_EVENT rows (n,)."""
SAYING: Final = (Kind.SCORE, Kind.DISPUTE_OPENED, Kind.DISPUTE_RESOLVED, Kind.DATA_ERASED)


class Published(NamedTuple):
    """Scores (n,) in the order in which a shard published them, with the wallets (n,) they are of."""

    wallets: NDArray[np.int64]
    scores: NDArray[np.int16]


def published(events: ScoreEvents) -> Published:
    """What SCORE_EVENT rows (n,) of a shard, in its journal's order, come to: a score that is gone is followed by one of 0."""
    kind = events["kind"]
    counts = (kind == Kind.SCORE) | (kind == Kind.DATA_ERASED)
    ended = np.flatnonzero((kind == Kind.DISPUTE_RESOLVED) & (events["resolution"] == Resolution.DELETED))
    opened = events[kind == Kind.DISPUTE_OPENED]
    entries: dict[int, int] = dict(zip(opened["address"].tolist(), opened["about"].tolist(), strict=True))
    newest: dict[int, int] = {}
    scores = np.flatnonzero((kind == Kind.SCORE) & np.isin(events["wallet"], events["wallet"][ended]))
    for at in np.sort(np.concatenate([ended, scores])).tolist():
        wallet = int(events["wallet"][at])
        if kind[at] == Kind.SCORE:
            newest[wallet] = int(events["address"][at])
        else:
            entry = entries.get(int(events["about"][at]))
            counts[at] = entry is not None and newest.get(wallet) == entry
    chosen = events[counts]
    return Published(chosen["wallet"], np.where(chosen["kind"] == Kind.SCORE, chosen["score"], np.int16(0)))


def write_scores(path: Path, shards: Sequence[Published]) -> None:
    """Write the array: sparse, as long as the highest address needs. A wallet's scores are all of one shard, and the last stands."""
    highest = max((int(each.wallets.max(initial=0)) for each in shards), default=0)
    array = np.memmap(path, SCORE, "w+", shape=(highest + 1,))
    for each in shards:
        # Of equal places the last one written stands, as numpy documents for assignment.
        array[each.wallets] = each.scores
    array.flush()


def scores_at(path: Path, wallets: NDArray[np.int64]) -> NDArray[np.int16]:
    """Scores (n,) of wallets by address (n,), 0 = none."""
    array = np.memmap(path, SCORE, "r")
    within = wallets < len(array)
    found: NDArray[np.int16] = np.where(within, array[np.where(within, wallets, 0)], np.int16(0))
    return found
