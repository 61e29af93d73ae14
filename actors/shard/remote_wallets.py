"""What a shard knows of the wallets of others, and how it comes to know it.

A profile is asked once, becomes a record here, and is renewed by what travels on the channel. An answer that a change overtook on
the way is thrown away, and asked again when next needed. So is a profile that gave way to another in a full table, and one that found
no room there because the batch under way needs all.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import profile_row, store_profile
from actors.ledger.ledger import Ledger
from actors.records.addresses import owned, segment_of
from actors.records.layout import OPENED, PROFILE, RECORD, TIER, WALLET_KIND, WALLET_STATE, Kind, Records, joined
from actors.shard.messages import AskProfiles, Output, Profiles

ASK_MAX: Final = 8_192
"""Wallets in one question."""
ASKING_MAX: Final = 65_536
"""Wallets asked for at a time, as many as a batch can name; payments to further ones are deferred until answers have come."""


class RemoteWallets:
    """Asks for profiles and files the answers."""

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self._asking: set[int] = set()
        self._overtaken: set[int] = set()

    def want(self, payees: NDArray[np.int64], ledger: Ledger, stamp: int) -> list[Output]:
        """Ask for those of these wallets that are unknown here, live elsewhere and are not being asked for."""
        by_owner: dict[int, list[int]] = {}
        for payee in payees.tolist():
            owner = int(ledger.book.owners[segment_of(payee)]) - 1
            if not owned(payee) or owner < 0 or owner == self.shard or payee in self._asking:
                continue
            row = int(profile_row(ledger.book, payee))
            if row < 0 or ledger.book.profiles[row]["kind"] == 0:
                by_owner.setdefault(owner, []).append(payee)
        outputs: list[Output] = []
        for owner, wanted in by_owner.items():
            asked = wanted[: min(ASK_MAX, ASKING_MAX - len(self._asking))]
            if asked:
                self._asking.update(asked)
                outputs.append(AskProfiles(shard=owner, stamp=stamp, addresses=np.array(asked, np.int64)))
        return outputs

    def answered(self, message: Profiles, ledger: Ledger) -> Records:
        """PROFILE records (n,) to make of an answer; wallets that do not exist are noted in memory only."""
        asked = [int(a) for a in message.addresses]
        overtaken = {a for a in asked if a in self._overtaken}
        self._asking.difference_update(asked)
        self._overtaken.difference_update(asked)
        if message.wallets is None:
            return np.zeros(0, RECORD)
        known = []
        for address, wallet in zip(asked, message.wallets, strict=True):
            if address in overtaken:
                continue
            if wallet["currency"] == 0:
                _note_absent(ledger, address, message.stamp)
            else:
                known.append(_record(address, wallet))
        return joined(known, RECORD)

    def changed(self, changes: Records, ledger: Ledger) -> Records:
        """PROFILE records (n,) for changes of wallets, read from another shard's journal, that matter here: of wallets that are known,
        and of those that may have been, since a replay could know them still as they were."""
        kept = []
        for change in changes:
            payee = int(change["payee"])
            if payee in self._asking:
                self._overtaken.add(payee)
            row = int(profile_row(ledger.book, payee))
            known = row >= 0 and bool(ledger.book.profiles[row]["kind"] != 0)
            if not known and not ledger.gave_up_profiles:
                continue
            record = np.zeros(1, RECORD)
            record["kind"] = Kind.PROFILE
            for name in ("payee", "currency", "label", "channel", "decision"):
                record[name] = change[name]
            record[OPENED] = ledger.book.profiles[row]["opened"] if known else 0
            kept.append(record)
        return joined(kept, RECORD)


def _record(address: int, wallet: np.void) -> Records:
    record = np.zeros(1, RECORD)
    record["kind"] = Kind.PROFILE
    record["payee"] = address
    record["currency"] = wallet["currency"]
    record[WALLET_KIND] = wallet["kind"]
    record[WALLET_STATE] = wallet["status"]
    record[TIER] = wallet["tier"]
    record[OPENED] = wallet["opened"]
    return record


def _note_absent(ledger: Ledger, address: int, stamp: int) -> None:
    profile = np.zeros(1, PROFILE)
    profile["address"] = address
    profile["opened"] = stamp
    store_profile(ledger.book, profile[0])
