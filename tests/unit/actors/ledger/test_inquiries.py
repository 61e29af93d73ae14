"""Inquiries that come together: each is answered, recorded and counted as if it came alone, and a replay ends with the same tables."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.ledger.inquiries import DAY, credit_key
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_QUESTION, CREDIT_REQUEST, InquiryResult
from actors.records.layout import (
    ACCOUNT,
    CAUSE,
    CREDIT_PREVIOUS,
    DISPUTED,
    GRANTED,
    HOME,
    RESULT_OF_INQUIRY,
    SCENARIO_VERSION,
    SCORE_SEEN,
    Kind,
)
from actors.records.layout import SCENARIO as SCENARIO_FIELD
from actors.shard import messages as m
from tests.unit.actors.shard.one_shard import DAY_MS, MERCHANT, SCENARIO, OneShard

NOBODY = 12_345_678
UNCHANGED = -1


def inquiries(*stated: dict[str, int]) -> Any:
    """CREDIT_REQUEST rows with what each states, and a key each."""
    rows = np.zeros(len(stated), CREDIT_REQUEST)
    rows["op"], rows["caller"], rows["account"], rows["scenario"] = Kind.INQUIRY, 1, MERCHANT, SCENARIO
    rows["seen"], rows["key_lo"], rows["digest"] = UNCHANGED, np.arange(1, len(rows) + 1), 5
    for row, fields in zip(rows, stated, strict=True):
        for name, value in fields.items():
            row[name] = value
        row["home"] = row["home"] or row["holder"] or NOBODY
    return rows


def sent(shard: OneShard, rows: Any) -> Any:
    return shard.ask(lambda ref: m.Credit(ref=ref, rows=rows, details={}))


def tables(shard: OneShard) -> dict[str, bytes]:
    arrays = shard.core.ledger.snapshot().arrays
    return {name: array.tobytes() for name, array in arrays.items() if name.startswith("credit.")}


def recorded(shard: OneShard) -> list[Any]:
    return [record for record in shard.records() if record["kind"] == Kind.INQUIRY]


def with_consent(shard: OneShard) -> tuple[int, int]:
    """A holder, and the record of the consent to be asked about."""
    holder = shard.wallet()
    made = shard.credit(Kind.CONSENT_GRANTED, holder, expiry=shard.now + 3 * DAY_MS)
    return holder, int(made["address"])


def test_a_record_keeps_what_its_request_says() -> None:
    shard = OneShard()
    holder, consent = with_consent(shard)
    stated = {"kind": InquiryResult.NO, "cause": 3, "standing": 1, "granted": 11, "amount": 12, "expiry": 13}
    stated |= {"points": 640, "reasons": 5, "version": 2, "reference": consent, "key_hi": 9, "digest": 0}
    (result,) = sent(shard, inquiries({"holder": holder, **stated}))
    (record,) = recorded(shard)
    assert (result["code"], result["replayed"], result["record_time"]) == (0, 0, record["record_time"])
    assert record["record_time"] == record["effective_time"] == shard.core.ledger.record_time
    assert (record["payer"], record[HOME], record[ACCOUNT], record["caller"]) == (holder, holder, MERCHANT, 1)
    assert (record[SCENARIO_FIELD], record[SCENARIO_VERSION], record["reference"]) == (SCENARIO, 2, consent)
    assert (record["amount"], record[GRANTED], record["expiry"], record["reasons"]) == (12, 11, 13, 5)
    assert (record[RESULT_OF_INQUIRY], record[CAUSE], record[SCORE_SEEN], record[DISPUTED]) == (2, 3, 640, 1)
    assert (record["digest"], record[CREDIT_PREVIOUS]) == (1, consent), "a digest is never 0"
    assert shard.core.ledger.key_address(int(record["key_hi"]), int(record["key_lo"])) == result["address"]
    assert shard.state(holder)["credit"]["head"] == result["address"]


def test_what_comes_first_in_a_call_is_seen_by_what_follows() -> None:
    shard = OneShard()
    holder, consent = with_consent(shard)
    yes = {"holder": holder, "kind": InquiryResult.YES, "reference": consent}
    rows = inquiries(
        {**yes, "seen": consent},
        {**yes, "seen": consent},
        {**yes, "key_lo": 1},
        {"holder": holder, "open_max": 1},
        {"holder": holder, "open_max": 2},
        {"holder": NOBODY},
        {"holder": holder, "kind": InquiryResult.NO, "reference": consent + 1},
        {**yes, "account": 8},
        {**yes, "writer": 1},
        {**yes, "writer": 2},
        {**yes, "account": 8, "reference": 0},
    )
    results = sent(shard, rows)
    deferred, enough = Code.DEFERRED, Code.TOO_MANY_DECISIONS
    codes = [0, deferred, 0, enough, 0, Code.WALLET_NOT_FOUND, deferred, deferred, 0, deferred, deferred]
    assert results["code"].tolist() == codes
    assert results["replayed"].tolist() == [0, 0, 1, *[0] * 8]
    assert results["address"][2] == results["address"][0]
    assert (results["record_time"][[1, 6, 7, 9]] == shard.core.ledger.record_time).all(), "from then on it is late"
    first, second, third = recorded(shard)
    heads = [record[CREDIT_PREVIOUS] for record in (first, second, third)]
    assert heads == [consent, results["address"][0], results["address"][4]]


@pytest.mark.parametrize("rows", [1, 49, 50, 51, 120])
def test_addresses_follow_blocks_whatever_came_before_in_the_turn(rows: int) -> None:
    shard = OneShard()
    holder = shard.wallet()
    asked = inquiries(*[{"holder": holder}] * rows)
    consents = asked[:1].copy()
    consents["op"], consents["expiry"], consents["key_lo"] = Kind.CONSENT_GRANTED, shard.now + DAY_MS, 1_000
    results = sent(shard, np.concatenate([consents, asked]))
    assert not results["code"].any()
    stored = {int(address): record for address, record in zip(results["address"][1:], recorded(shard), strict=True)}
    assert len(stored) == rows and shard.state(holder)["credit"]["head"] == results["address"][-1]
    assert [record[CREDIT_PREVIOUS] for record in stored.values()] == results["address"][:-1].tolist()
    before = tables(shard)
    shard.restarted()
    assert tables(shard) == before


def test_a_new_day_begins_with_its_first_record_and_not_with_what_is_refused() -> None:
    shard = OneShard()
    holder = shard.wallet()
    sent(shard, inquiries({"holder": holder}))
    day = int(shard.core.ledger.credit.meta[DAY])
    shard.wait(DAY_MS)
    refused = inquiries({"holder": NOBODY, "key_lo": 5})
    assert sent(shard, refused)["code"] == Code.WALLET_NOT_FOUND and shard.core.ledger.credit.meta[DAY] == day
    rows = inquiries(*[{"holder": holder, "open_max": 2, "key_lo": key} for key in (10, 11, 12)])
    assert sent(shard, rows)["code"].tolist() == [0, 0, Code.TOO_MANY_DECISIONS]
    assert shard.core.ledger.credit.meta[DAY] == day + 1
    before = tables(shard)
    shard.restarted()
    assert tables(shard) == before, "a replay comes to the new day in the middle of its records"


def test_a_replay_ends_at_the_first_record_that_does_not_fit() -> None:
    shard = OneShard()
    holder, other = shard.wallet(), shard.wallet()
    results = sent(shard, inquiries(*[{"holder": each} for each in (holder, other, holder, holder)]))
    records, addresses = np.array(recorded(shard)), results["address"].copy()
    for at, wrong in (
        (0, {CREDIT_PREVIOUS: 9}),
        (2, {CREDIT_PREVIOUS: 0}),
        (3, {"payer": NOBODY}),
        (1, {"payer": holder}),
    ):
        spoiled = records.copy()
        for name, value in wrong.items():
            spoiled[name][at] = value
        replica = OneShard()
        assert (replica.wallet(), replica.wallet()) == (holder, other)
        ledger = replica.core.ledger
        assert ledger.credit.replay(ledger.book, spoiled, addresses) == at
        assert ledger.credit.replay(ledger.book, records[at:], addresses[at:]) == len(records) - at


def test_live_consents_are_those_of_the_holder_account_and_scenario_that_have_not_ended() -> None:
    shard = OneShard()
    holder, _ = with_consent(shard)
    credit, now = shard.core.ledger.credit, shard.now
    asked = [(holder, MERCHANT, SCENARIO), (holder, 8, SCENARIO), (holder, MERCHANT, 4), (NOBODY, MERCHANT, SCENARIO)]
    questions = np.zeros(len(asked), CREDIT_QUESTION)
    for question, (of, account, scenario) in zip(questions, asked, strict=True):
        question["holder"], question["account"], question["scenario"] = of, account, scenario
    assert credit.live_consents(questions, now).tolist() == [1, 0, 0, 0]
    end = int(credit.consents["expiry"][0])
    assert [credit.live_consents(questions[:1], at).tolist() for at in (end - 1, end)] == [[1], [0]]


ASKED = st.fixed_dictionaries(
    {
        "holder": st.sampled_from([0, 1, 2, NOBODY]),
        "kind": st.sampled_from([int(result) for result in InquiryResult]),
        "open_max": st.integers(0, 3),
        "key_lo": st.integers(1, 12),
        "account": st.sampled_from([MERCHANT, 8]),
        "writer": st.sampled_from([0, 0, 1, 2]),
        "reference": st.integers(0, 1),
    }
)


@settings(max_examples=25)
@given(st.lists(st.lists(ASKED, min_size=1, max_size=12), min_size=1, max_size=4))
def test_together_they_are_answered_as_one_by_one(calls: list[list[dict[str, int]]]) -> None:
    together, alone = OneShard(), OneShard()
    holders = {}
    for shard in (together, alone):
        (one, consent), two = with_consent(shard), shard.wallet()
        holders = {1: one, 2: two}
    for call in calls:
        stated = [
            {**row, "holder": holders.get(row["holder"], row["holder"]), "reference": consent * row["reference"]}
            for row in call
        ]
        rows = inquiries(*stated)
        found = sent(together, rows)
        each = [sent(alone, rows[at : at + 1])[0] for at in range(len(rows))]
        assert found["code"].tolist() == [result["code"] for result in each]
        assert found["replayed"].tolist() == [result["replayed"] for result in each]
    fields = ("payer", HOME, ACCOUNT, RESULT_OF_INQUIRY, "reference", "key_hi", "key_lo")
    kept = [[[record[name] for name in fields] for record in recorded(shard)] for shard in (together, alone)]
    assert kept[0] == kept[1]
    before = tables(together)
    together.restarted()
    assert tables(together) == before


def test_a_checkpoint_keeps_the_heads_of_wallets_of_whom_was_only_asked() -> None:
    shard = OneShard()
    holder = shard.wallet()
    (asked,) = sent(shard, inquiries({"holder": holder}))
    kept = shard.core.ledger.snapshot()
    shard.core.ledger.restore(kept, 0)
    assert shard.state(holder)["credit"]["head"] == asked["address"]


def test_keys_of_consents_and_counts_stay_what_checkpoints_of_earlier_versions_have() -> None:
    ledger = OneShard().core.ledger
    words = credit_key(ledger.secret, np.uint64(7), np.uint64(65_536), np.uint64(3))
    assert [int(word) for word in words] == [10_196_299_969_583_695_298, 8_316_328_730_156_931_345]


def test_an_inquiry_about_nobody_reads_and_writes_no_row() -> None:
    shard = OneShard()
    ledger = shard.core.ledger
    ledger.credit.rows["head"][-1] = 77
    assert sent(shard, inquiries({"holder": 0}))["code"] == 0
    (record,) = recorded(shard)
    assert record[CREDIT_PREVIOUS] == 0 and ledger.credit.rows["head"][-1] == 77
    record["payer"], record[CREDIT_PREVIOUS] = NOBODY, 77
    assert ledger.credit.replay(ledger.book, np.array([record]), np.array([99])) == 0, "its wallet is not here"
