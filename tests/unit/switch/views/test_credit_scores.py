"""A published score as its holder sees it: the band that it reaches, what costs most, or why there is none and nothing else."""

from typing import Any

import numpy as np
import pytest
from msgspec import UNSET

from actors.records.credit_layout import DIMENSIONS, SCORE
from actors.records.layout import RECORD
from models.credit.score import Cause
from models.credit.shipped import shipped
from models.credit.wallet_card import BANDS
from switch.views.credit_scores import score_answer, score_of

CARD = shipped("wallet")


def published(**fields: Any) -> Any:
    row = np.zeros(1, SCORE)[0]
    for name, value in fields.items():
        row[name] = value
    return row


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.name)
def test_a_band_begins_with_its_lowest_score(band: Any) -> None:
    assert score_answer(published(score=band.low), CARD).band == band.name
    below = score_answer(published(score=band.low - 1), CARD).band if band is not BANDS[0] else None
    assert below != band.name


def test_reasons_are_the_cards_words_with_their_gaps_and_no_more_than_there_are() -> None:
    size = published()["reasons"].size
    numbers = [2, 1, len(CARD.reasons) + 1, *[0] * size][:size]
    gaps = [30, 20, 10, *[0] * size][:size]
    shown = score_answer(published(score=500, reasons=numbers, gaps=gaps, subtotals=[100] * 5), CARD)
    assert shown.reasons is not UNSET
    assert [(each.code, each.gap) for each in shown.reasons] == [(CARD.reasons[1], 30), (CARD.reasons[0], 20)]
    assert shown.subtotals == dict.fromkeys(DIMENSIONS, 100) and shown.card == "wallet@1"


def test_without_a_score_its_cause_is_told_and_nothing_that_it_would_be_made_of() -> None:
    for cause in Cause:
        if cause:
            none = score_answer(published(cause=int(cause), score=0, subtotals=[1] * 5), CARD)
            assert (none.score, none.band, none.na_cause) == (None, None, cause.code)
            assert none.subtotals is none.reasons is UNSET


def test_a_card_that_is_not_known_leaves_its_label_and_its_reasons_out() -> None:
    shown = score_answer(published(score=500, reasons=1, gaps=3), None, "id")
    assert (shown.card, shown.reasons, shown.id, shown.score) == (UNSET, [], "id", 500)


def test_a_record_of_the_journal_is_the_score_that_its_bytes_are() -> None:
    row = np.zeros(1, SCORE)
    row["run"], row["score"], row["holder"], row["as_of"] = 7, 655, 1_234, 99
    row["subtotals"] = (150, 140, 130, 120, 115)
    raw = np.frombuffer(row.tobytes(), RECORD)[0]
    back = score_of(dict(zip(RECORD.names or (), raw.item(), strict=True)))
    assert back.tobytes() == row.tobytes()
