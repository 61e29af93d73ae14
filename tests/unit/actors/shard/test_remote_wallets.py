"""What is known of wallets of other shards: asked for once, in bounded numbers, and never older than a change that was read meanwhile."""

from typing import Any

import numpy as np
import pytest

from actors.ledger.book import profile_row
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.layout import RECORD, WALLET, Kind, Records, WalletRows, WalletStatus
from actors.shard import messages as m
from actors.shard.remote_wallets import RemoteWallets

SMALL = Capacity(segments=1, segment_map=8, keys=100, payers=4, attempts=64, profiles=40, originals=1)
MINE, THEIRS, OTHERS, NOBODYS = (1 << 16, 2 << 16, 3 << 16, 4 << 16)
EUR = 978


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(LedgerConfig(shard=0, shards=3, secret=bytes(16)), SMALL)
    ledger.book.owners[1:4] = [1, 2, 3]
    return ledger


def wallet(status: WalletStatus = WalletStatus.OPEN, opened: int = 7, currency: int = EUR) -> WalletRows:
    row = np.zeros(1, WALLET)
    row["currency"], row["kind"], row["tier"], row["status"], row["opened"] = currency, 1, 2, int(status), opened
    return row


def change(address: int, status: WalletStatus) -> Records:
    record = np.zeros(1, RECORD)
    record["kind"], record["payee"], record["currency"], record["label"] = Kind.WALLET_STATUS, address, EUR, 1
    record["channel"], record["decision"] = int(status), 2
    return record


def asked(remote: RemoteWallets, ledger: Ledger, *payees: int) -> dict[int, list[int]]:
    outputs = remote.want(np.array(payees, np.int64), ledger, 5)
    assert all(isinstance(output, m.AskProfiles) and output.stamp == 5 for output in outputs)
    return {output.shard: output.addresses.tolist() for output in outputs if isinstance(output, m.AskProfiles)}


def answer(remote: RemoteWallets, ledger: Ledger, addresses: list[int], *wallets: WalletRows) -> Any:
    rows = np.concatenate(wallets) if wallets else None
    records = remote.answered(
        m.Profiles(shard=1, stamp=5, addresses=np.array(addresses, np.int64), wallets=rows), ledger
    )
    for record in records:
        assert ledger.learn(record)
    return records


def known(ledger: Ledger, address: int) -> tuple[int, ...]:
    row = int(profile_row(ledger.book, np.int64(address)))
    names = ("opened", "currency", "status", "kind", "tier")
    return () if row < 0 else tuple(int(ledger.book.profiles[row][name]) for name in names)


def test_wallets_of_others_that_are_not_known_are_asked_for_once(ledger: Ledger) -> None:
    remote = RemoteWallets(0)
    payees = (5, MINE, THEIRS, THEIRS + 1, OTHERS, NOBODYS)
    assert asked(remote, ledger, *payees) == {1: [THEIRS, THEIRS + 1], 2: [OTHERS]}
    assert asked(remote, ledger, *payees) == {}
    answer(remote, ledger, [THEIRS, THEIRS + 1], wallet(), wallet(currency=0))
    assert known(ledger, THEIRS) == (7, EUR, WalletStatus.OPEN, 1, 2)
    assert known(ledger, THEIRS + 1) == (5, 0, 0, 0, 0), "there was none at that time"
    assert asked(remote, ledger, *payees) == {1: [THEIRS + 1]}
    answer(remote, ledger, [THEIRS + 1])  # it could not be asked
    assert asked(remote, ledger, *payees) == {1: [THEIRS + 1]}


def test_the_first_wallet_that_is_known_is_not_asked_for_again(ledger: Ledger) -> None:
    remote = RemoteWallets(0)
    assert asked(remote, ledger, THEIRS) == {1: [THEIRS]}
    answer(remote, ledger, [THEIRS], wallet())
    assert asked(remote, ledger, THEIRS) == {}


def test_only_so_many_are_asked_for_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.remote_wallets.ASK_MAX", 3)
    monkeypatch.setattr("actors.shard.remote_wallets.ASKING_MAX", 5)
    remote = RemoteWallets(0)
    payees = range(THEIRS, THEIRS + 9)
    assert [asked(remote, ledger, *payees) for _ in range(3)] == [
        {1: [*payees[:3]]},
        {1: [*payees[3:5]]},
        {},
    ]


def test_an_answer_that_a_change_has_overtaken_says_nothing_and_those_beside_it_count(ledger: Ledger) -> None:
    remote = RemoteWallets(0)
    asked(remote, ledger, THEIRS, THEIRS + 1)
    assert len(remote.changed(change(THEIRS, WalletStatus.CLOSED), ledger)) == 0
    answer(remote, ledger, [THEIRS, THEIRS + 1], wallet(), wallet())
    assert (known(ledger, THEIRS), known(ledger, THEIRS + 1)) == ((), (7, EUR, WalletStatus.OPEN, 1, 2))
    assert asked(remote, ledger, THEIRS) == {1: [THEIRS]}
    answer(remote, ledger, [THEIRS], wallet(WalletStatus.CLOSED))
    assert known(ledger, THEIRS) == (7, EUR, WalletStatus.CLOSED, 1, 2)


def test_changes_of_wallets_that_are_known_are_kept_whatever_stands_beside_them(ledger: Ledger) -> None:
    remote = RemoteWallets(0)
    asked(remote, ledger, THEIRS)
    answer(remote, ledger, [THEIRS], wallet())
    changes = np.concatenate([change(OTHERS, WalletStatus.FROZEN), change(THEIRS, WalletStatus.CLOSED)])
    records = remote.changed(changes, ledger)
    assert [(int(r["kind"]), int(r["payee"]), int(r["effective_time"])) for r in records] == [(Kind.PROFILE, THEIRS, 7)]
    assert ledger.learn(records[0])
    assert known(ledger, THEIRS) == (7, EUR, WalletStatus.CLOSED, 1, 2)


def test_once_profiles_gave_way_a_change_of_a_wallet_that_is_not_known_is_kept_too(ledger: Ledger) -> None:
    remote = RemoteWallets(0)
    for address in range(THEIRS, THEIRS + SMALL.profiles + 1):
        asked(remote, ledger, address)
        answer(remote, ledger, [address], wallet())
    gone = next(address for address in range(THEIRS, THEIRS + 9) if not known(ledger, address))
    (record,) = remote.changed(change(gone, WalletStatus.CLOSED), ledger)
    assert (int(record["payee"]), int(record["effective_time"])) == (gone, 0), "what a replay knows of it holds no more"
