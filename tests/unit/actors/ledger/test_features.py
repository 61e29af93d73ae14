"""A row of columns says what is so before the payment, by names; a record gives the row that its request gave."""

from datetime import UTC, datetime

import numpy as np
import pytest

from actors.ledger.book import READ_AHEAD
from actors.ledger.features import recorded_columns
from actors.records.layout import Kind
from rules.vocabulary.columns import COLUMN_COUNT, FURTHER_PAYER_COLUMNS, INDEX, NULL, PAYER_COLUMNS, WINDOW_COLUMNS
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import DAY, EUR, START, Both, named_columns
from tests.unit.actors.ledger.small_world import EXTERNAL, act, opening, pay

PAYER, PAYEE = 1 << 16, (1 << 16) + 1
REMOTE = 2 << 16
OF_USERS = (*PAYER_COLUMNS, *WINDOW_COLUMNS, *FURTHER_PAYER_COLUMNS, "payee_seen", "saturated")


@pytest.fixture
def both() -> Both:
    """PAYER of tier 1 got 5,000 and then 700; a day went by."""
    world = Both(scored=True)
    act(world, opening(3, EXTERNAL, EUR, 0, 0), opening(1, 0, EUR, 1, -40), opening(2, 0, EUR, 0, 0))
    act(world, pay(EXTERNAL, PAYER, 5_000), pay(EXTERNAL, PAYER, 700))
    world.learn(address=REMOTE, opened=START - 3 * DAY, currency=EUR, status=1, kind=2, tier=9)
    world.advance(START + DAY + 7_000)
    return world


def columns_of(world: Both, row: Row) -> dict[str, int | None]:
    """Of the last row of a batch of one."""
    world.batch([{**row, **world.fresh_key()}])
    return named_columns(world.features[-1][-1])


def test_what_the_request_says_is_in_its_columns(both: Both) -> None:
    found = columns_of(both, pay(PAYER, PAYEE, 12, label=3, channel=2, country=276, device=99))
    stated = {"amount": 12, "label": 3, "channel": 2, "country": 276, "device": 99, "currency": EUR, "hold": 0}
    assert {name: found[name] for name in stated} == stated
    assert (found["payer"], found["payee"], found["effective_time"]) == (PAYER, PAYEE, both.now)
    plain = columns_of(both, pay(PAYER, PAYEE, 12))
    assert plain["country"] is None and plain["device"] is None, "0 is none"
    held = columns_of(both, {**pay(PAYER, PAYEE, 12), "op": int(Kind.HOLD), "expires_in_s": 60})
    assert held["hold"] == 1


def test_what_the_payer_is_before_the_payment(both: Both) -> None:
    first = columns_of(both, pay(PAYER, PAYEE, 300))
    known = {"payer_age_days": 1, "payer_tier": 1, "payer_available": 5_740, "payer_day_total": 0, "payer_kind": 1}
    known |= {"payer_credits": 5_700, "payer_debits": 0, "payer_credited": 700, "payer_credited_ago_s": 86_407}
    assert {name: first[name] for name in known} == known and first["payer_score"] is None
    second = columns_of(both, pay(PAYER, PAYEE, 1))
    assert (second["payer_available"], second["payer_day_total"], second["payer_debits"]) == (5_440, 300, 300)
    both.advance(both.now + DAY)
    assert columns_of(both, pay(PAYER, PAYEE, 1))["payer_day_total"] == 0, "another day"


def test_what_the_payee_is_here_and_on_another_shard(both: Both) -> None:
    here, there = columns_of(both, pay(PAYER, PAYEE, 1)), columns_of(both, pay(PAYER, REMOTE, 1))
    assert [here[f"payee_{name}"] for name in ("kind", "tier", "age_days")] == [2, 0, 1]
    assert [there[f"payee_{name}"] for name in ("kind", "tier", "age_days")] == [2, 9, 4]


def test_an_operators_wallet_has_no_columns_of_users(both: Both) -> None:
    found = columns_of(both, pay(EXTERNAL, PAYER, 1))
    assert {name for name in OF_USERS if found[name] is not None} == set()
    assert found["payer_kind"] == WalletKind.EXTERNAL and found["payee_kind"] == WalletKind.USER


@pytest.mark.parametrize("ago_ms", [0, 1, 3_600_000, 5 * 3_600_000, DAY - 1])
def test_hour_and_weekday_are_those_of_the_calendar_in_utc(both: Both, ago_ms: int) -> None:
    found = columns_of(both, pay(PAYER, PAYEE, 1, effective_time=both.now - ago_ms))
    then = datetime.fromtimestamp((both.now - ago_ms) / 1000, UTC)
    assert (found["hour"], found["weekday"]) == (then.hour, then.isoweekday())


def test_a_wallet_that_opened_after_the_time_of_a_payment_is_of_no_age(both: Both) -> None:
    found = columns_of(both, pay(PAYER, PAYEE, 1, effective_time=START - 20 * DAY))
    assert (found["payer_age_days"], found["payee_age_days"], found["payer_credited_ago_s"]) == (0, 0, 0)


def test_rows_of_a_batch_see_each_other_as_attempts_and_not_as_money(both: Both) -> None:
    count = READ_AHEAD + 3
    rows = [{**pay(PAYER, PAYEE, 2), **both.fresh_key()} for _ in range(count)]
    both.batch(rows)
    found = both.features[-1]
    assert found.shape == (count, COLUMN_COUNT)
    assert found[:, INDEX["count_1h"]].tolist()[:5] == [0, 1, 2, 3, 4]
    assert set(found[:, INDEX["payer_available"]].tolist()) == {5_740}
    both.check_all()


def test_a_record_of_wallets_that_the_journal_does_not_have_has_no_columns(both: Both) -> None:
    act(both, pay(PAYER, PAYEE, 5), pay(PAYER, REMOTE, 5))
    out = np.zeros(COLUMN_COUNT, np.int64)
    for index in (0, 1):
        record = both.journal[-1][0][index].copy()
        assert recorded_columns(both.ledger.book, record, out)
        for name in ("payer", "payee"):
            changed = record.copy()
            changed[name] = (3 << 16) + 77
            assert not recorded_columns(both.ledger.book, changed, out), name
    assert NULL not in out[[INDEX["amount"], INDEX["payee_kind"]]]
