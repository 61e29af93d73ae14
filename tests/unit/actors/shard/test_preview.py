"""A preview is what the payment itself would have been, and leaves nothing behind."""

from typing import Any

import numpy as np
import pytest

from actors.ledger.admission import Channels
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import record_address, wallet_address
from actors.records.codes import Code
from actors.records.layout import REQUEST, Kind, Requests, WalletStatus
from actors.shard import messages as m
from actors.shard.preview import Preview
from rules.vocabulary.encodings import WalletKind
from tests.unit.actors.shard.one_shard import EUR, SMALL, START, OneShard

BANK = 1024


@pytest.fixture
def shard() -> OneShard:
    return OneShard()


def payment(shard: OneShard, payer: int, payee: int, amount: int, **columns: int) -> Requests:
    rows = np.zeros(1, REQUEST)
    rows["op"], rows["payer"], rows["payee"], rows["amount"] = Kind.TRANSFER, payer, payee, amount
    rows["currency"], rows["caller"], rows["key_lo"] = EUR, 1, shard.key()
    for name, value in columns.items():
        rows[name] = value
    return rows


def previewed(shard: OneShard, rows: Requests) -> Any:
    found = shard.ask(lambda ref: m.TryOut(ref=ref, row=rows))
    if not isinstance(found, Preview):
        return found[0]
    return found.decided(None)[0] if found.code == Code.OK else found.refused(0)[0]


def made(shard: OneShard, rows: Requests) -> Any:
    return shard.ask(lambda ref: m.Submit(ref=ref, rows=rows.copy(), details={}))[0]


CASES: dict[str, dict[str, int]] = {
    "paid": {},
    "all of it": {"amount": 100},
    "more than there is": {"amount": 101},
    "nothing": {"amount": 0},
    "held": {"op": Kind.HOLD, "expires_in_s": 60},
    "held for nothing": {"op": Kind.HOLD, "expires_in_s": 0},
    "another currency": {"currency": 840},
    "to oneself": {"payee": -1},
    "to nobody": {"payee": wallet_address(1, 60_000)},
    "from nobody": {"payer": wallet_address(1, 60_000)},
    "of tomorrow": {"effective_time": START + 86_400_000},
    "after what nobody saw": {"after": record_address(0, 9_999, 0)},
}


@pytest.mark.parametrize("case", CASES)
def test_a_preview_says_what_the_payment_becomes(shard: OneShard, case: str) -> None:
    payer, payee = shard.wallet(balance=100), shard.wallet()
    columns = dict(CASES[case])
    if columns.get("payee") == -1:
        columns["payee"] = payer
    rows = payment(shard, payer, payee, 40)
    for name, value in columns.items():
        rows[name] = value
    before = len(shard.blocks)
    expected = previewed(shard, rows)
    assert len(shard.blocks) == before, "nothing is recorded"
    assert previewed(shard, rows) == expected
    result = made(shard, rows)
    names = ("code", "address", "record_time", "effective_time") if result["address"] else ("code", "address")
    assert [int(expected[name]) for name in names] == [int(result[name]) for name in names]


@pytest.mark.parametrize(
    ("who", "status"),
    [(who, status) for who in (0, 1) for status in (WalletStatus.FROZEN, WalletStatus.CLOSED, WalletStatus.OPEN)],
)
def test_the_standing_of_both_wallets_counts(shard: OneShard, who: int, status: WalletStatus) -> None:
    wallets = shard.wallet(balance=50 * (status != WalletStatus.CLOSED)), shard.wallet()
    shard.pay(op=Kind.WALLET_STATUS, kind=status, payee=wallets[who])
    rows = payment(shard, *wallets, 40)
    assert previewed(shard, rows)["code"] == made(shard, rows)["code"]


def test_a_key_that_was_used_is_not_seen_by_the_excerpt_and_no_money_moves(shard: OneShard) -> None:
    payer, payee = shard.wallet(balance=100), shard.wallet()
    before = shard.core.ledger.snapshot().arrays
    for _ in range(5):
        assert previewed(shard, payment(shard, payer, payee, 100))["code"] == Code.OK
    after = shard.core.ledger.snapshot().arrays
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], name)


def test_what_a_pack_sees_is_what_it_would_see_of_the_payment_after_any_number_before(shard: OneShard) -> None:
    """Of a ledger that counts attempts: rings of none, of a few, moved to more room, and full."""
    ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(16)), SMALL)
    ledger.book = shard.core.ledger.book
    payer, payee = shard.wallet(balance=10**6), shard.wallet()
    channels, other = Channels(np.zeros(1, np.int64), np.zeros(1, np.int64)), shard.wallet(balance=10**6)
    first = record_address(0, 500, 0)
    for number in range(80):
        ledger.advance(ledger.record_time + 1_000)
        for pays in (other, payer):
            rows = payment(shard, pays, payee, 1 + number % 7)
            preview = Preview(ledger, rows, channels, first)
            admitted = ledger.going_on(rows, ledger.admit(rows, channels, first - 1))
            np.testing.assert_array_equal(preview.columns, ledger.columns(admitted), f"payment {number}")
            applied = ledger.apply(admitted, None, first)
            assert preview.decided(None) == applied.results and preview.payers.tolist() == [pays]
            first = record_address(0, first // 256 % 2**44 + 1, 0)


def test_a_refused_preview_names_the_code_and_what_it_waits_for(shard: OneShard) -> None:
    payer = shard.wallet(balance=100)
    channels = Channels(np.zeros(1, np.int64), np.zeros(1, np.int64))
    preview = Preview(shard.core.ledger, payment(shard, payer, payer, 5), channels, record_address(0, 500, 0))
    (refused,) = preview.refused(77)
    assert preview.code == refused["code"] == Code.SAME_WALLET and refused["record_time"] == 77
    with pytest.raises(AssertionError, match="let through"):
        preview.decided(None)


def test_an_operators_wallet_pays_what_it_does_not_have(shard: OneShard) -> None:
    payee = shard.wallet(balance=1)
    assert previewed(shard, payment(shard, BANK, payee, 10**9))["code"] == Code.OK
    assert shard.core.ledger.wallets(np.array([BANK]))["kind"][0] == WalletKind.EXTERNAL
