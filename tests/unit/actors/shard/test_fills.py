"""An operator gets an alert before a table is full, once, and again when it filled anew."""

import pytest

from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.shard.fills import ENDS, Fill, FillWatch

CAPACITY = Capacity(segments=10, segment_map=16, keys=100, payers=10, attempts=800, profiles=10, holds=10, originals=10)
IDLE = {"queued_rows": Fill(0, 1), "backlog": Fill(0, 1)}


def watch(used: int, monkeypatch: pytest.MonkeyPatch) -> tuple[FillWatch, Ledger]:
    ledger = Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), CAPACITY)
    fill(ledger, used, monkeypatch)
    return FillWatch(), ledger


def fill(ledger: Ledger, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "fills", lambda: dict.fromkeys([*ENDS, "profiles", "originals"], (used, 10)))


def test_each_table_is_told_of_once_at_80_percent_and_again_after_it_was_emptier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables, ledger = watch(7, monkeypatch)
    assert not tables.look(ledger, **IDLE) and not tables.warnings
    fill(ledger, 8, monkeypatch)
    shown = [alert.text for alert in tables.look(ledger, **IDLE)]
    assert [text.split()[3] for text in shown] == list(ENDS) and all("80 %" in text for text in shown)
    fill(ledger, 7, monkeypatch)
    assert not tables.look(ledger, **IDLE) and len(tables.warnings) == len(ENDS)
    fill(ledger, 9, monkeypatch)
    assert not tables.look(ledger, **IDLE) and "90 %" in tables.warnings[0]
    fill(ledger, 6, monkeypatch)
    assert not tables.look(ledger, **IDLE) and not tables.warnings
    fill(ledger, 10, monkeypatch)
    assert len(tables.look(ledger, **IDLE)) == len(ENDS)


def test_every_table_of_the_ledger_is_measured() -> None:
    ledger = Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), CAPACITY)
    tables = FillWatch()
    assert not tables.look(ledger, queued_rows=Fill(3, 4), backlog=Fill(1, 4))
    ratios = {name: fill.ratio for name, fill in tables.fills.items()}
    names = ("keys", "holds", "payers", "attempts", "profiles", "originals", "consents", "orders", "cases")
    empty = dict.fromkeys(("segment_map", *names), 0.0)
    assert ratios == {"wallets": 0.1, **empty, "queue": 0.75, "backlog": 0.25}
    assert set(ENDS) < set(ratios)
    assert Fill(0, 0).ratio == 1.0
