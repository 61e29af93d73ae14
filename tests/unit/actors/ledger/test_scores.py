"""Scores take effect live as in a replay, each on the chain of its wallet, and what they say is kept to the bit."""

from typing import Any

import numpy as np
import pytest

from actors.ledger.inquiries import Turn
from actors.records.addresses import record_address
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_RESULT, SCORE, SCORE_ROW
from actors.records.layout import CREDIT_PREVIOUS, RECORD, RUN, Kind
from tests.unit.actors.shard.one_shard import OneShard

SUBTOTALS = (-120, 32_767, 0, -32_768, 700)


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def records(holders: list[int], previous: list[int], runs: list[int]) -> Any:
    made = np.zeros(len(holders), RECORD)
    made["kind"], made["payer"], made[CREDIT_PREVIOUS], made[RUN] = Kind.SCORE, holders, previous, runs
    return made


def rows(holders: list[int], run: int = 1, **columns: Any) -> Any:
    made = np.zeros(len(holders), SCORE_ROW)
    made["holder"], made["run"], made["score"], made["card"], made["band"] = holders, run, 640, 9, 3
    made["subtotals"], made["reasons"], made["gaps"] = SUBTOTALS, (1, 65_535, 3, 4), (32_767, 2, 1, 1)
    for name, value in columns.items():
        made[name] = value
    return made


def publish(shard: OneShard, given: Any, run: int = 1) -> tuple[Any, Any]:
    results = np.zeros(len(given), CREDIT_RESULT)
    turn = Turn(shard.now, 0, record_address(0, 9, 0), 0)
    return shard.core.ledger.credit.publish(shard.core.ledger.book, turn, run, given, results), results


def test_scores_of_a_replay_fit_the_chains_of_their_wallets(shard: OneShard) -> None:
    one, two, away = shard.wallet(), shard.wallet(), 12_345_678
    credit, book = shard.core.ledger.credit, shard.core.ledger.book
    at = [int(record_address(0, 9, slot)) for slot in range(3)]

    def replayed(holders: list[int], previous: list[int], runs: list[int]) -> int:
        return credit.replay(book, records(holders, previous, runs), np.array(at[: len(holders)]))

    assert replayed([two], [5], [1]) == 0
    assert replayed([one, one], [0, 0], [1, 1]) == 1, "a run has each wallet once"
    assert replayed([two, away], [0, 0], [1, 1]) == 1
    assert [credit.row(book, each)["head"] for each in (one, two)] == [at[0]] * 2
    assert replayed([one, two, one], [at[0], at[0], at[0]], [2, 2, 3]) == 3
    assert [credit.row(book, each)["head"] for each in (one, two)] == [at[2], at[1]]


def test_what_a_score_says_is_in_its_record_and_in_the_row_of_its_wallet_to_the_bit(shard: OneShard) -> None:
    holder = shard.wallet()
    made, results = publish(shard, rows([holder], as_of=shard.now - 7, cause=0))
    (score,) = made.records.view(SCORE)
    assert (score["subtotals"].tolist(), score["reasons"].tolist(), score["gaps"].tolist()) == (
        list(SUBTOTALS),
        [1, 65_535, 3, 4],
        [32_767, 2, 1, 1],
    )
    kept = shard.core.ledger.credit.row(shard.core.ledger.book, holder)
    assert (kept["subtotals"].tolist(), kept["score"], kept["card"], kept["band"]) == (list(SUBTOTALS), 640, 9, 3)
    assert (kept["as_of"], kept["run"], kept["scored"], kept["head"]) == (
        shard.now - 7,
        1,
        *[results["address"][0]] * 2,
    )


def test_a_record_is_what_its_row_says_with_links_and_time_of_the_shard(shard: OneShard) -> None:
    given = rows([shard.wallet()], band=255, cause=0, as_of=shard.now - 7)
    made, _ = publish(shard, given)
    record = np.zeros(1, SCORE)
    for name in SCORE_ROW.names or ():
        record[name] = given[name]
    record["kind"], record["record_time"] = Kind.SCORE, shard.now
    assert made.records.tobytes() == record.tobytes()


def test_a_replay_of_what_was_published_leaves_the_same_rows(shard: OneShard) -> None:
    other = OneShard()
    holders = [shard.wallet() for _ in range(3)]
    assert holders == [other.wallet() for _ in range(3)]
    made, results = publish(shard, rows(holders, score=[640, 0, 700], cause=[0, 2, 0], band=[3, 0, 5]))
    credit, book = other.core.ledger.credit, other.core.ledger.book
    assert credit.replay(book, made.records, results["address"]) == 3
    for holder in holders:
        assert (
            credit.row(book, holder).tobytes() == shard.core.ledger.credit.row(shard.core.ledger.book, holder).tobytes()
        )
        assert shard.state(holder)["wallet"]["score"] == other.state(holder)["wallet"]["score"]


def test_records_are_of_the_rows_that_are_new(shard: OneShard) -> None:
    one, two = shard.wallet(), shard.wallet()
    made, results = publish(shard, rows([99_999_999, one, one, two], score=[640, 640, 640, 349]))
    assert made.rows.tolist() == [1]
    assert results["code"].tolist() == [Code.WALLET_NOT_FOUND, Code.OK, Code.OK, Code.INVALID_REQUEST]
    assert results["replayed"].tolist() == [0, 0, 1, 0] and results["address"][1] == results["address"][2]
