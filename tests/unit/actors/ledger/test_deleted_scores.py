"""A score that a dispute deleted is, in a journal that is rebuilt, followed by one of 0, so later decisions see none."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.ledger.book import Book, new_book
from actors.ledger.bounds import Capacity
from actors.ledger.deleted_scores import DeletedScores
from actors.records.addresses import wallet_address
from actors.records.credit_layout import Resolution
from actors.records.layout import RECORD, RESOLUTION, Kind, Records

CAPACITY = Capacity(segments=2, segment_map=8, keys=64, payers=4, attempts=16, profiles=8, holds=4, originals=4)
ANN, BOB = wallet_address(1, 3), wallet_address(1, 4)
FIRST = 1 << 8


class Row(NamedTuple):
    """A record; `about`: the number of the row that it refers to."""

    kind: Kind
    wallet: int = ANN
    about: int = 0
    resolution: Resolution = Resolution.DELETED
    score: int = 600


def book() -> Book:
    made = new_book(CAPACITY)
    made.segments[1] = 1
    made.wallets["currency"] = 978
    return made


def records_of(rows: list[Row]) -> tuple[Records, NDArray[np.int64]]:
    records = np.zeros(len(rows), RECORD)
    for record, row in zip(records, rows, strict=True):
        record["kind"], record["payer"], record["reference"] = row.kind, row.wallet, FIRST + row.about
        record["points"] = row.score if row.kind == Kind.SCORE else 1
        if row.kind == Kind.DISPUTE_RESOLVED:
            record[RESOLUTION] = row.resolution
    return records, FIRST + np.arange(len(rows))


SCORED, OPENED = Row(Kind.SCORE), Row(Kind.DISPUTE_OPENED, about=0)
ENDED = Row(Kind.DISPUTE_RESOLVED, about=1)


@pytest.mark.parametrize(
    ("rows", "deleted"),
    [
        ([SCORED, OPENED, ENDED], True),
        ([SCORED, OPENED, ENDED._replace(resolution=Resolution.CORRECTED)], False),
        ([SCORED, OPENED, Row(Kind.SCORE), ENDED], False),
        ([SCORED, OPENED, Row(Kind.SCORE, BOB), ENDED], True),
        ([Row(Kind.SCORE, BOB), OPENED, ENDED], False),
        ([SCORED, Row(Kind.ORDER_OVERDUE), ENDED], False),
    ],
    ids=["newest", "corrected", "newer since", "another's newer", "another's", "nothing opened"],
)
def test_only_a_wallets_newest_score_is_deleted(rows: list[Row], deleted: bool) -> None:
    records, addresses = records_of(rows)
    scores = DeletedScores(CAPACITY).as_scores(book(), records, addresses)
    last = records[-1]
    assert (last["kind"] == Kind.SCORE, last["points"] == 0) == (deleted, deleted)
    assert scores.tolist() == [at for at, row in enumerate(rows) if row.kind == Kind.SCORE]


@pytest.mark.parametrize("cut", [1, 2])
def test_what_earlier_pages_said_counts_in_later_ones(cut: int) -> None:
    records, addresses = records_of([SCORED, OPENED, ENDED])
    known, here = DeletedScores(CAPACITY), book()
    for part in (slice(0, cut), slice(cut, 3)):
        places = known.as_scores(here, records[part], addresses[part])
        known.replayed(here, records[part], addresses[part], places)
    assert records["kind"].tolist() == [Kind.SCORE, Kind.DISPUTE_OPENED, Kind.SCORE] and records["points"][2] == 0


def test_a_dispute_ends_once() -> None:
    records, addresses = records_of([SCORED, OPENED, ENDED, ENDED])
    DeletedScores(CAPACITY).as_scores(book(), records, addresses)
    assert records["kind"].tolist()[2:] == [Kind.SCORE, Kind.DISPUTE_RESOLVED]
