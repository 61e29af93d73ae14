"""Payments of two spans are counted by points and by bin as a pencil counts them, and parts add up to the whole."""

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from actors.backtest.population import Population, PopulationCount
from actors.ledger.rebuilding import Rebuilt
from actors.records.layout import RECORD
from models.scorecard import Characteristic, Scorecard
from models.statistics import psi
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL

DIVIDED_MS = 1_000
CHANNELS = list(CODES["channel"])
CARD = Scorecard(
    name="c",
    version=2,
    characteristics=(
        Characteristic(feature="amount", reason="LARGE", edges=(100, 1_000), points=(30, 10, -20), missing=0),
        Characteristic(
            feature="channel",
            reason="CHANNEL",
            categories=((CHANNELS[0],), tuple(CHANNELS[1:3])),
            points=(7, 3),
            missing=-5,
            unknown=1,
        ),
    ),
)


def attempts(seed: int, rows: int) -> Rebuilt:
    """Amounts around the edges, channels known, unknown to the card and missing, times around the divide."""
    draw = np.random.default_rng(seed)
    columns = np.zeros((rows, COLUMN_COUNT), np.int64)
    columns[:, INDEX["amount"]] = draw.choice([1, 99, 100, 101, 999, 1_000, 5_000], rows)
    columns[:, INDEX["channel"]] = draw.choice([*CODES["channel"].values(), NULL], rows)
    columns[:, INDEX["effective_time"]] = draw.integers(DIVIDED_MS - 50, DIVIDED_MS + 50, rows)
    return Rebuilt(np.zeros(rows, RECORD), np.arange(rows), columns)


def by_hand(columns: NDArray[np.int64]) -> tuple[list[Any], list[Any]]:
    """Of each row: its span with its points, and its span with its two bins."""
    scores, bins = [], []
    codes = {number: text for text, number in CODES["channel"].items()}
    for row in columns:
        amount, channel = int(row[INDEX["amount"]]), codes.get(int(row[INDEX["channel"]]))
        one = 0 if amount < 100 else 1 if amount < 1_000 else 2
        other = 3 if channel is None else 0 if channel == CHANNELS[0] else 1 if channel in CHANNELS[1:3] else 2
        span = int(row[INDEX["effective_time"]] >= DIVIDED_MS)
        scores.append((span, (30, 10, -20)[one] + (7, 3, 1, -5)[other]))
        bins.append((span, one, other))
    return scores, bins


def counted(*parts: Rebuilt, card: Scorecard = CARD) -> Population:
    count = PopulationCount(card, DIVIDED_MS)
    for part in parts:
        count.add(part)
    return count.found()


@pytest.mark.parametrize("seed", range(3))
def test_bars_and_bins_are_those_of_a_pencil(seed: int) -> None:
    given = attempts(seed, 300)
    scores, bins = by_hand(given.columns)
    found = counted(given)
    assert (found.card, found.before + found.since) == ("c@2", 300)
    assert found.before == sum(span == 0 for span, _ in scores)
    bars = found.distribution
    for at, bar in enumerate(bars):
        below = bars[at + 1].low if at + 1 < len(bars) else CARD.best + 1
        for span, rows in enumerate((bar.before, bar.since)):
            assert rows == sum(each == span and bar.low <= points < below for each, points in scores)
    for place, each in enumerate(found.characteristics):
        for at, bin in enumerate(each.bins):
            for span, rows in enumerate((bin.before, bin.since)):
                assert rows == sum(row[0] == span and row[1 + place] == at for row in bins), (each.feature, at)
        assert sum(bin.before for bin in each.bins) == found.before
    assert [bin.what for bin in found.characteristics[1].bins] == [None, None, "any other", "not known"]


def test_categories_that_a_card_calls_an_error_are_counted_apart_from_what_is_missing() -> None:
    amount, channel = CARD.characteristics
    refusing = msgspec.structs.replace(
        CARD, characteristics=(amount, msgspec.structs.replace(channel, unknown="error"))
    )
    given = attempts(1, 300)
    found, named = counted(given, card=refusing).characteristics[1], counted(given).characteristics[1]
    assert [(bin.what, bin.before, bin.since) for bin in found.bins] == [
        (bin.what, bin.before, bin.since) for bin in named.bins
    ]
    assert [bin.points for bin in found.bins] == [7, 3, -5, -5] and found.psi == named.psi


def test_psi_is_of_the_counts_and_there_is_none_of_one_span() -> None:
    given = attempts(1, 200)
    found = counted(given)
    sides = [np.array([(bar.before, bar.since)[side] for bar in found.distribution]) for side in (0, 1)]
    assert found.psi is not None and found.psi > 0
    assert found.psi == pytest.approx(psi(*sides))
    given.columns[:, INDEX["effective_time"]] = DIVIDED_MS
    alone = counted(given)
    assert (alone.before, alone.psi) == (0, None)
    assert [each.psi for each in alone.characteristics] == [None, None]


def test_counts_of_parts_add_up_to_the_counts_of_the_whole() -> None:
    parts = [attempts(seed, 50) for seed in range(3)]
    joined = np.concatenate([part.columns for part in parts])
    whole = Rebuilt(np.zeros(150, RECORD), np.arange(150), joined)
    empty = Rebuilt(np.zeros(0, RECORD), np.arange(0), np.zeros((0, COLUMN_COUNT), np.int64))
    assert counted(*parts, empty) == counted(whole)


def test_a_card_that_does_not_score_payments_is_refused() -> None:
    wallets = Scorecard(
        name="w",
        version=1,
        characteristics=(Characteristic(feature="income", reason="R", edges=(), points=(1,), missing=0),),
    )
    with pytest.raises(ValueError, match="no feature is named 'income'"):
        PopulationCount(wallets, 0)
