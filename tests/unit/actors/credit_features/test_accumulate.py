"""What one pass keeps of each wallet, added up by hand; whatever order and pieces records come in."""

from typing import Any

import numpy as np
import pytest

from actors.credit_features.accounts import (
    COUNTRY,
    DEVICE,
    INCOME,
    PAIR_COUNT,
    Accounts,
    new_accounts,
    with_pairs,
    with_segments,
)
from actors.credit_features.accumulate import accumulate, end_nights, events_of
from actors.records.addresses import wallet_address
from actors.records.codes import Code
from actors.records.layout import FLAG_REMOTE, FLAG_REVIEW, FLAG_SUSPENSE, Kind, Records, WalletStatus
from models.credit.feature import DAY_MS
from rules.vocabulary.encodings import Channel, Label, WalletKind
from tests.journal_rows import NOON, record

SEGMENT = 7
ANN, BOB = int(wallet_address(SEGMENT, 0)), int(wallet_address(SEGMENT, 1))
FAR, OUTSIDE = int(wallet_address(9, 4)), 1024
TODAY = NOON // DAY_MS


def at(kind: Kind, days: float, **fields: int) -> Records:
    return record(kind, effective_time=NOON - round(days * DAY_MS), **fields)


OPENED = [at(Kind.WALLET_OPENED, 200, payee=wallet, label=int(WalletKind.USER), decision=1) for wallet in (ANN, BOB)]


def passed(*records: Records, pieces: int = 1) -> Accounts:
    accounts = with_segments(new_accounts(), np.array([SEGMENT], np.int64))
    joined = np.concatenate([*OPENED, *records])
    for part in np.array_split(joined, pieces):
        accounts = with_pairs(accounts, len(part))
        accumulate(accounts, events_of(part, np.arange(len(part), dtype=np.int64)), NOON)
    end_nights(accounts, NOON)
    return accounts


def kept(accounts: Accounts, wallet: int, *names: str) -> list[Any]:
    row = accounts.rows[wallet - ANN]
    return [row[name].item() for name in names]


def pairs_of(accounts: Accounts, wallet: int) -> dict[int, tuple[int, ...]]:
    found = accounts.pairs[: accounts.meta[PAIR_COUNT]]
    mine = found[found["row"] == wallet - ANN]
    names = ["payments", "credits", "paid", "received"]
    return {int(pair["subject"]): tuple(int(pair[name]) for name in names) for pair in mine}


def test_a_wallet_is_what_its_records_say_of_it() -> None:
    changes = [
        at(Kind.WALLET_TIER, 100, payee=ANN, decision=3),
        at(Kind.WALLET_STATUS, 9, payee=ANN, channel=int(WalletStatus.FROZEN)),
        at(Kind.WALLET_STATUS, 8, payee=ANN, channel=int(WalletStatus.OPEN)),
        at(Kind.WALLET_TIER, -1, payee=ANN, decision=9),
    ]
    accounts = passed(*changes)
    assert kept(accounts, ANN, "kind", "tier", "tier_changes", "status", "freezes", "currency") == [1, 3, 1, 1, 1, 978]
    assert kept(accounts, ANN, "opened", "tier_time") == [NOON - 200 * DAY_MS, NOON - 100 * DAY_MS]
    assert kept(accounts, BOB, "tier", "tier_changes", "freezes") == [1, 0, 0]


def test_money_moves_on_both_sides_and_months_are_of_thirty_days() -> None:
    days = (0, 29.9, 30, 359.9, 360)
    accounts = passed(*(at(Kind.TRANSFER, each, payer=ANN, payee=BOB, amount=10) for each in days))
    assert kept(accounts, ANN, "balance", "largest") == [-50, 10] and kept(accounts, BOB, "balance") == [50]
    assert accounts.amounts[0, [0, 1, 11]].tolist() == [20, 10, 10] and accounts.counts[0].sum() == 4
    assert accounts.amounts[1, [INCOME, INCOME + 1, INCOME + 11]].tolist() == [20, 10, 10]
    assert kept(accounts, ANN, "first", "last_payment") == [NOON - 360 * DAY_MS, NOON]
    assert pairs_of(accounts, ANN) == {BOB: (3, 0, 30, 0)} and pairs_of(accounts, BOB) == {ANN: (0, 3, 0, 30)}


@pytest.mark.parametrize(
    ("fields", "left", "came"),
    [
        ({"kind": Kind.TRANSFER}, 7, 7),
        ({"kind": Kind.CAPTURE}, 7, 7),
        ({"kind": Kind.TRANSFER, "code": int(Code.DECLINED)}, 0, 0),
        ({"kind": Kind.TRANSFER, "flags": FLAG_REMOTE}, 7, 0),
        ({"kind": Kind.HOLD}, 0, 0),
        ({"kind": Kind.VOID}, 0, 0),
        ({"kind": Kind.REFUND}, 7, 7),
        ({"kind": Kind.LEG, "decision": int(Kind.TRANSFER)}, 0, 7),
        ({"kind": Kind.LEG, "decision": int(Kind.TRANSFER), "flags": FLAG_SUSPENSE}, 0, 0),
    ],
)
def test_only_what_moved_money_moves_it(fields: dict[str, int], left: int, came: int) -> None:
    kind = Kind(fields.pop("kind"))
    accounts = passed(at(kind, 3, payer=ANN, payee=BOB, amount=7, **fields))
    assert [*kept(accounts, ANN, "balance"), *kept(accounts, BOB, "balance")] == [-left, came]


def test_a_refund_is_no_payment_and_no_income() -> None:
    refund = at(Kind.REFUND, 3, payer=ANN, payee=BOB, amount=7)
    leg = at(Kind.LEG, 3, payer=FAR, payee=BOB, amount=5, decision=int(Kind.REFUND))
    accounts = passed(refund, leg)
    assert kept(accounts, BOB, "refunds", "first", "balance") == [12, 0, 12]
    assert not accounts.counts.any() and accounts.meta[PAIR_COUNT] == 0


def test_attempts_of_the_last_half_year_count_however_they_ended() -> None:
    fields = {"payer": ANN, "payee": BOB, "amount": 10, "device": 5, "country": 133, "channel": int(Channel.POS)}
    accounts = passed(
        at(Kind.TRANSFER, 0.5, **fields),
        at(Kind.TRANSFER, 2.5, **fields, code=int(Code.DECLINED)),
        at(Kind.TRANSFER, 5, **fields, code=int(Code.INSUFFICIENT_FUNDS)),
        at(Kind.HOLD, 5, **fields, flags=FLAG_REVIEW),
        at(Kind.CAPTURE, 5, **fields),
        at(Kind.TRANSFER, 180, **fields),
    )
    names = ("attempts", "asked", "declined", "by_rules", "uncovered", "reviewed", "at_night", "at_weekend", "channels")
    assert kept(accounts, ANN, *names) == [4, 40, 2, 1, 10, 1, 2, 1, 1 << Channel.POS]
    assert pairs_of(accounts, ANN)[DEVICE | 5][0] == pairs_of(accounts, ANN)[COUNTRY | 133][0] == 4


def test_amounts_by_kind_are_those_that_were_paid() -> None:
    labels = ((Label.PAYMENT, 5), (Label.TRANSFER, 7), (Label.CASH_OUT, 11), (Label.FEE, 13))
    accounts = passed(
        *(at(Kind.TRANSFER, 9, payer=ANN, payee=OUTSIDE, amount=amount, label=int(label)) for label, amount in labels)
    )
    assert kept(accounts, ANN, "purchases", "transfers", "cash", "largest") == [5, 7, 11, 13]
    assert kept(accounts, ANN, "kinds") == [sum(1 << label for label, _ in labels)]
    assert pairs_of(accounts, ANN) == {}, "a wallet of the operator is no counterparty"


def test_nights_stand_at_the_balance_until_the_day_of_the_next_change() -> None:
    accounts = passed(
        at(Kind.TRANSFER, 100, payer=OUTSIDE, payee=ANN, amount=10),
        at(Kind.TRANSFER, 30, payer=ANN, payee=OUTSIDE, amount=15),
        at(Kind.TRANSFER, 10, payer=OUTSIDE, payee=ANN, amount=5),
    )
    names = ("nights", "night_sum", "night_min", "empty_nights", "overdrawn_nights", "balance")
    assert kept(accounts, ANN, *names) == [90, 60 * 10 - 20 * 5, -5, 30, 20, 0]
    assert kept(accounts, BOB, *names) == [90, 0, 0, 90, 0, 0]


@pytest.mark.parametrize("ago", [0, 1, 63, 64, 89, 90])
def test_days_with_a_payment_are_bits_of_two_words(ago: int) -> None:
    accounts = passed(at(Kind.TRANSFER, ago, payer=ANN, payee=BOB, amount=1))
    low, high = kept(accounts, ANN, "days_low", "days_high")
    assert low | high << 64 == (1 << ago if ago < 90 else 0)


def test_records_in_pieces_give_what_all_at_once_give_and_what_is_later_gives_nothing() -> None:
    rng = np.random.default_rng(3)
    made = []
    for _ in range(200):
        payer, payee = rng.choice([ANN, BOB, FAR, OUTSIDE], 2, replace=False).tolist()
        kind = Kind(int(rng.choice([Kind.TRANSFER, Kind.CAPTURE, Kind.REFUND, Kind.HOLD])))
        made.append(at(kind, float(rng.integers(0, 400)), payer=payer, payee=payee, amount=int(rng.integers(1, 99))))
    whole, cut = passed(*made), passed(*made, pieces=13)
    later = passed(*made, *(at(Kind.TRANSFER, -1, payer=ANN, payee=BOB, amount=5) for _ in range(9)))
    for other in (cut, later):
        assert whole.rows[:2].tobytes() == other.rows[:2].tobytes()
        assert whole.amounts[:2].tobytes() == other.amounts[:2].tobytes()
        assert pairs_of(whole, ANN) == pairs_of(other, ANN) and pairs_of(whole, BOB) == pairs_of(other, BOB)
    assert TODAY == whole.rows[0]["day"]
