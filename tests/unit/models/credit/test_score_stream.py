"""The stream of scores says of each wallet what the scorer says, with the features that it is of."""

import uuid
from typing import Any

import pyarrow as pa
import pytest

from models.credit.feature import DIMENSIONS
from models.credit.score import WalletScorer
from models.credit.score_stream import score_columns, score_stream
from models.credit.wallet_card import without
from tests.unit.models.credit.wallets import RECORD, small_card

IDS = [uuid.UUID(int=at + 1).bytes for at in range(5)]
CHANGES: list[dict[str, Any]] = [{}, {"late": None}, {"wallet_age_days": 3}, {"payments_360d": None}, {"buffer": 2}]
ROWS = [{**RECORD, "friends": 1, **change} for change in CHANGES]


def features(rows: list[dict[str, Any]] = ROWS, kind: pa.DataType | None = None) -> pa.Table:
    ids = pa.array(IDS[: len(rows)], pa.binary(16))
    column = ids if kind is None else pa.ExtensionArray.from_storage(pa.uuid(), ids)
    names = list(ROWS[0])
    return pa.table({"wallet": column, **{name: pa.array([row[name] for row in rows], pa.int64()) for name in names}})


@pytest.mark.parametrize("without_relations", [False, True])
def test_each_row_is_what_the_scorer_says_of_the_wallet(without_relations: bool) -> None:
    card = without(small_card(), "relations") if without_relations else small_card()
    scorer = WalletScorer(card)
    found = score_columns(scorer, features(), 7, 1_700_000_000_000).to_pylist()
    for row, record, wallet in zip(found, ROWS, IDS, strict=True):
        alone = scorer.score(record)
        assert (row["wallet"], row["score"], row["na_cause"]) == (wallet, alone.score, alone.cause)
        reasons = [(each["code"], each["gap"]) for each in row["reasons"]]
        assert reasons == [(each.code, each.gap) for each in alone.reasons]
        wanted = None if alone.score is None else {name: alone.subtotals.get(name, 0) for name in DIMENSIONS}
        assert row["subtotals"] == wanted
        assert row["features"] == {name: record[name] for name in scorer.evaluator.features}
        assert (row["run"], row["card"]) == (7, f"{card.name}@{card.version}")
        assert row["as_of"].timestamp() == 1_700_000_000
    assert [row["na_cause"] for row in found] == [None, None, "few_days", "few_payments", None]


def test_the_stream_has_the_columns_and_ids_are_bytes_whatever_they_came_as() -> None:
    scorer = WalletScorer(small_card())
    streams = [score_stream(scorer, features(kind=kind), 1, 5) for kind in (None, pa.uuid())]
    assert streams[0] == streams[1]
    table = pa.ipc.open_stream(streams[0]).read_all()
    assert table == score_columns(scorer, features(), 1, 5) and table["wallet"].type == pa.binary(16)


def test_a_stream_of_nobody_has_its_columns() -> None:
    scorer = WalletScorer(small_card())
    table = pa.ipc.open_stream(score_stream(scorer, features([]), 1, 5)).read_all()
    assert table.num_rows == 0 and table.column_names == score_columns(scorer, features(), 1, 5).column_names


@pytest.mark.parametrize("gone", ["late", "wallet_age_days"])
def test_a_feature_that_is_not_there_is_named(gone: str) -> None:
    with pytest.raises(ValueError, match=gone):
        score_stream(WalletScorer(small_card()), features().drop_columns([gone]), 1, 5)
