"""A run scores each wallet once, however often and in whatever pieces it is sent."""

from typing import Any

import numpy as np
import pytest

from actors.audit.credit import CreditCheck
from actors.records.addresses import slot_of
from actors.records.blocks import addresses_of, entries_of, records_of
from actors.records.codes import Code
from actors.records.credit_layout import SCORE, SCORE_ROW, ScoreRows
from actors.records.layout import Kind
from actors.shard import messages as m
from actors.shard import scores as publication
from actors.shard.scores import QUEUE_ROWS_MAX, ROWS_MAX
from tests.unit.actors.shard.one_shard import OneShard


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def scores(holders: list[int], run: Any, **columns: Any) -> ScoreRows:
    rows = np.zeros(len(holders), SCORE_ROW)
    rows["holder"], rows["run"], rows["card"], rows["band"] = holders, run, 4, 3
    rows["score"] = 600 + np.arange(len(holders))
    rows["subtotals"], rows["reasons"], rows["gaps"] = (120, 130, 140, 110, 100), (1, 2, 3, 4), (9, 8, 7, 6)
    for name, value in columns.items():
        rows[name] = value
    return rows


def published(shard: OneShard, rows: ScoreRows) -> Any:
    return shard.ask(lambda ref: m.Publish(ref=ref, rows=rows))


def test_a_score_is_what_rules_and_decisions_see(shard: OneShard) -> None:
    holder = shard.wallet()
    (result,) = published(shard, scores([holder], 1, as_of=shard.now - 5))
    state = shard.state(holder)
    assert (result["code"], state["wallet"]["score"], state["credit"]["score"]) == (0, 600, 600)
    assert state["credit"]["subtotals"].tolist() == [120, 130, 140, 110, 100]
    assert (state["credit"]["head"], state["credit"]["scored"]) == (result["address"], result["address"])
    assert (state["credit"]["card"], state["credit"]["band"], state["credit"]["as_of"]) == (4, 3, shard.now - 5)
    (record,) = [record for record in shard.records().view(SCORE) if record["kind"] == Kind.SCORE]
    assert (record["reasons"].tolist(), record["gaps"].tolist()) == ([1, 2, 3, 4], [9, 8, 7, 6])


def test_a_score_under_a_head_is_made_only_while_it_is_the_last_record(shard: OneShard) -> None:
    holders = [shard.wallet() for _ in range(2)]
    seen = published(shard, scores(holders, 1))["address"]
    published(shard, scores(holders[:1], 2))
    ask = scores(holders, 3)
    results = shard.ask(lambda ref: m.Publish(ref=ref, rows=ask, seen=seen))
    assert results["code"].tolist() == [Code.DEFERRED, Code.OK]
    again = shard.ask(lambda ref: m.Publish(ref=ref, rows=ask, seen=seen))
    assert (again["code"].tolist(), again["replayed"].tolist()) == ([Code.DEFERRED, Code.OK], [0, 1])
    assert [int(shard.state(holder)["credit"]["run"]) for holder in holders] == [2, 3]


def test_a_run_sent_again_scores_nobody_twice(shard: OneShard) -> None:
    holders = [shard.wallet() for _ in range(3)]
    first = published(shard, scores(holders[:2], 1))
    again = published(shard, scores([holders[0], holders[2], holders[1], holders[2]], 1))
    assert again["address"][[0, 2]].tolist() == first["address"].tolist()
    assert again["replayed"].tolist() == [1, 0, 1, 1] and again["address"][1] == again["address"][3]
    shard.restarted()
    assert published(shard, scores(holders, 1))["replayed"].tolist() == [1, 1, 1]
    assert shard.kinds() == [Kind.SCORE] * 3


def test_a_later_run_takes_the_place_of_an_earlier_one_and_never_the_other_way(shard: OneShard) -> None:
    holder = shard.wallet()
    published(shard, scores([holder], 2))
    assert published(shard, scores([holder], 1))["code"] == Code.RUN_SUPERSEDED
    (third,) = published(shard, scores([holder], 3, score=900))
    assert shard.state(holder)["credit"]["scored"] == third["address"]
    assert shard.state(holder)["wallet"]["score"] == 900


def test_a_wallet_without_a_score_has_the_cause(shard: OneShard) -> None:
    holder = shard.wallet()
    assert published(shard, scores([holder], 1, score=0, cause=2, subtotals=0))["code"] == 0
    state = shard.state(holder)
    assert (state["credit"]["score"], state["credit"]["cause"], state["wallet"]["score"]) == (0, 2, 0)


@pytest.mark.parametrize(
    "columns", [{"score": 349}, {"score": 951}, {"score": 0}, {"cause": 1}, {"run": 0}, {"as_of": 2**62}]
)
def test_what_is_no_score_is_refused(shard: OneShard, columns: dict[str, int]) -> None:
    holder = shard.wallet()
    rows = scores([holder], 1)
    for name, value in columns.items():
        rows[name] = value
    assert published(shard, rows)["code"] == Code.INVALID_REQUEST
    assert published(shard, scores([holder + 1], 1))["code"] == Code.WALLET_NOT_FOUND
    assert shard.kinds() == []


def test_two_runs_in_one_message_and_too_many_rows_are_refused(shard: OneShard) -> None:
    holders = [shard.wallet(), shard.wallet()]
    rows = scores(holders, 1)
    rows["run"][1] = 2
    assert published(shard, rows)["code"].tolist() == [0, Code.INVALID_REQUEST]
    assert (published(shard, scores(holders[:1] * (ROWS_MAX + 1), 1))["code"] == Code.INVALID_REQUEST).all()
    assert QUEUE_ROWS_MAX >= 2 * ROWS_MAX


def test_a_replay_and_a_checkpoint_keep_scores_between_other_records(shard: OneShard) -> None:
    holders = [shard.wallet() for _ in range(60)]
    for run in (1, 2):
        published(shard, scores(holders, run))
        shard.credit(Kind.CONSENT_GRANTED, holders[7], expiry=shard.now + 1_000)
    published(shard, scores(holders[:30], 3, score=700))
    before = {name: array.tobytes() for name, array in shard.core.ledger.snapshot().arrays.items()}
    shard.restarted()
    after = {name: array.tobytes() for name, array in shard.core.ledger.snapshot().arrays.items()}
    assert [name for name in before if name.startswith(("credit", "wallets")) and before[name] != after[name]] == []
    check = CreditCheck()
    for block in shard.blocks:
        records = records_of(block.data)
        assert list(check.wrong(records, addresses_of(0, block.number, len(records)))) == []


def test_what_stands_beside_a_score_goes_to_its_own_record_and_once(shard: OneShard) -> None:
    holders = [shard.wallet() for _ in range(3)]
    rows = scores([holders[2], holders[0], holders[2], holders[1]], 1)
    details = {0: b"\xa1c", 2: b"\xa1x", 3: b"\xa1b"}
    results = shard.ask(lambda ref: m.Publish(ref=ref, rows=rows, details=details))
    kept = {
        address: bytes(entries_of(block.details)[slot_of(address)])
        for block in shard.blocks
        for address in addresses_of(0, block.number, len(records_of(block.data))).tolist()
        if slot_of(address) in entries_of(block.details)
    }
    assert kept == {int(results["address"][0]): b"\xa1c", int(results["address"][3]): b"\xa1b"}


class Watched(OneShard):
    """What is appended together, by kinds, and how long scores rest; both are held back on demand."""

    def __init__(self) -> None:
        self.appends: list[list[int]] = []
        self.rests: list[int] = []
        self.held: list[m.Append] = []
        self.holding = self.resting = False
        super().__init__()

    def _answered_by(self, output: m.Output) -> list[m.Message]:
        if isinstance(output, m.Append):
            self.appends.append([int(kind) for block in output.blocks for kind in records_of(block.data)["kind"]])
            if self.holding:
                self.held.append(output)
                return []
        if isinstance(output, m.Pause) and output.ms:
            self.rests.append(output.ms)
            return [] if self.resting else [output.then]
        return super()._answered_by(output)

    def let_go(self) -> None:
        """Store what was held back."""
        self.holding = False
        for append in self.held:
            self.blocks += append.blocks
            self.feed(m.Stored(sequence=append.sequence, outcome="stored"))
        self.held = []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(publication, "TURN_ROWS", 2)
    monkeypatch.setattr(publication, "BESIDE_ROWS", 1)
    return Watched()


def some_wallets(shard: OneShard, count: int) -> list[int]:
    holders = [shard.wallet() for _ in range(count)]
    shard.wait(publication.BESIDE_MS)
    return holders


def test_an_append_has_one_part_of_a_message_and_the_answer_comes_with_the_last(watched: Watched) -> None:
    holders = some_wallets(watched, 5)
    watched.appends.clear()
    results = published(watched, scores(holders, 1))
    assert [len(kinds) for kinds in watched.appends] == [2, 2, 1] and not watched.rests
    assert results["address"].tolist() == [watched.state(holder)["credit"]["scored"] for holder in holders]
    assert not results["replayed"].any() and len(set(results["address"].tolist())) == 5


def test_one_part_waits_while_another_is_stored_and_no_more(watched: Watched) -> None:
    holders = some_wallets(watched, 7)
    watched.holding = True
    watched.feed(m.Publish(ref=99, rows=scores(holders, 1)))
    assert watched.core.writer.backlog == 4 and len(watched.held) == 1 and 99 not in watched.answers
    watched.let_go()
    assert (watched.answers[99]["code"] == 0).all() and watched.kinds() == [Kind.SCORE] * 7


def test_while_payments_come_parts_are_smaller_and_scores_rest_between_them(watched: Watched) -> None:
    late = publication.LATE_MS // publication.BESIDE_EVERY_MS
    holders = some_wallets(watched, late + 3)
    payer = watched.wallet(balance=100)
    watched.appends.clear()
    published(watched, scores(holders, 1))
    assert [len(kinds) for kinds in watched.appends] == [1] * (late + 3)
    assert watched.rests == [publication.BESIDE_EVERY_MS * turn for turn in (1, 2, 3)], (
        "turns that were missed are made up for"
    )
    watched.resting = True
    watched.feed(m.Publish(ref=99, rows=scores(holders, 2)))
    assert watched.pay(op=Kind.TRANSFER, payer=payer, payee=holders[0], amount=1)["code"] == 0
    assert 99 not in watched.answers, "payments go on while scores rest"
    watched.resting = False
    watched.feed(m.Rested())
    assert (watched.answers[99]["code"] == 0).all()


def test_a_message_of_which_a_part_was_stored_before_the_process_ended_is_sent_again(watched: Watched) -> None:
    holders = some_wallets(watched, 5)
    watched.holding = True
    watched.feed(m.Publish(ref=99, rows=scores(holders, 1)))
    (first,) = watched.held
    watched.blocks += first.blocks
    watched.holding = False
    watched.restarted()
    assert 99 not in watched.answers
    again = published(watched, scores(holders, 1))
    assert again["replayed"].tolist() == [1, 1, 0, 0, 0] and (again["code"] == 0).all()
    assert watched.kinds() == [Kind.SCORE] * 5


def test_all_of_a_message_is_of_the_run_of_its_first_score(watched: Watched) -> None:
    holders = some_wallets(watched, 5)
    results = published(watched, scores(holders, np.array([1, 1, 1, 2, 2])))
    assert results["code"].tolist() == [0, 0, 0, Code.INVALID_REQUEST, Code.INVALID_REQUEST]
