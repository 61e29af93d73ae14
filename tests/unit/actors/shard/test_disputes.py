"""Disputes of entries and reviews of decisions: clocks, answers, and what comes back only with notice."""

from typing import Any

import pytest

from actors.audit.credit import CreditCheck
from actors.records.blocks import addresses_of, records_of
from actors.records.codes import Code
from actors.records.credit_layout import InquiryResult, Resolution
from actors.records.layout import RESOLUTION, Kind
from tests.unit.actors.shard.one_shard import DAY_MS, OneShard


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def opened(shard: OneShard, holder: int, kind: Kind = Kind.DISPUTE_OPENED) -> int:
    said: dict[str, Any] = {"reference": 77, "expiry": shard.now + 30 * DAY_MS}
    made = shard.credit(kind, holder, **said)
    assert made["code"] == 0
    return int(made["address"])


def audited(shard: OneShard) -> list[tuple[int, str]]:
    check = CreditCheck()
    wrong: list[tuple[int, str]] = []
    for block in shard.blocks:
        records = records_of(block.data)
        wrong += check.wrong(records, addresses_of(0, block.number, len(records)))
    return wrong


def test_a_dispute_is_forwarded_and_resolved(shard: OneShard) -> None:
    holder = shard.wallet()
    dispute = opened(shard, holder)
    assert shard.state(holder)["credit"]["disputed"] == 1
    forwarded = {"reference": dispute, "expiry": shard.now + 20 * DAY_MS}
    assert shard.credit(Kind.DISPUTE_FORWARDED, holder, **forwarded)["code"] == 0
    assert shard.credit(Kind.DISPUTE_FORWARDED, holder, **forwarded)["code"] == Code.CASE_NOT_OPEN
    resolved = {"reference": dispute, "kind": Resolution.KEPT}
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder + 1, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.CREDIT_REVIEW_RESOLVED, holder, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, reference=dispute, kind=9)["code"] == Code.INVALID_REQUEST
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **resolved)["code"] == 0
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **resolved)["code"] == Code.CASE_NOT_OPEN
    assert shard.state(holder)["credit"]["disputed"] == 0
    assert audited(shard) == []


def test_a_dispute_that_nobody_answers_in_time_is_resolved_for_the_holder(shard: OneShard) -> None:
    holder = shard.wallet()
    dispute = opened(shard, holder)
    shard.credit(Kind.DISPUTE_FORWARDED, holder, reference=dispute, expiry=shard.now + 20 * DAY_MS)
    shard.restarted()
    shard.wait(20 * DAY_MS - 1)
    assert shard.state(holder)["credit"]["disputed"] == 1
    shard.wait(1)
    assert shard.state(holder)["credit"]["disputed"] == 0
    record = shard.records()[shard.records()["kind"] == Kind.DISPUTE_RESOLVED][0]
    assert (record[RESOLUTION], record["reference"]) == (Resolution.DELETED, dispute)
    head = int(shard.state(holder)["credit"]["head"])
    assert shard.credit(Kind.DISPUTE_REINSERTED, holder, reference=dispute)["code"] == Code.INVALID_REQUEST
    assert shard.credit(Kind.DISPUTE_REINSERTED, holder, reference=dispute, seen=head)["code"] == 0
    assert audited(shard) == []


def test_a_review_waits_for_an_analyst_however_late(shard: OneShard) -> None:
    holder = shard.wallet()
    review = opened(shard, holder, Kind.CREDIT_REVIEW_OPENED)
    shard.wait(31 * DAY_MS)
    said = {"reference": review, "kind": Resolution.OVERTURNED}
    assert shard.credit(Kind.DISPUTE_RESOLVED, holder, **said)["code"] == Code.CASE_NOT_OPEN
    assert shard.credit(Kind.CREDIT_REVIEW_RESOLVED, holder, **said)["code"] == 0
    assert audited(shard) == []


def test_a_merchant_asks_so_often_a_day_whoever_it_asks_about(shard: OneShard) -> None:
    holder = shard.wallet()
    for home, who in ((holder, holder), (12_345_678, 0)):
        for _ in range(3):
            assert shard.credit(Kind.INQUIRY, who, home=home, open_max=3)["code"] == 0
        shard.restarted()
        said = {"home": home, "open_max": 3, "kind": InquiryResult.NOT_AVAILABLE}
        assert shard.credit(Kind.INQUIRY, who, **said)["code"] == Code.TOO_MANY_DECISIONS
        assert shard.credit(Kind.INQUIRY, who, **{**said, "open_max": 4})["code"] == 0
        assert shard.credit(Kind.INQUIRY, who, **said, account=8)["code"] == 0
    shard.wait(DAY_MS)
    assert shard.credit(Kind.INQUIRY, holder, home=holder, open_max=3)["code"] == 0
