"""Records of an export are the events that the journal's records are, for all that features look at."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.credit_features.accumulate import Events, events_of
from actors.credit_features.source import ExportedEvents, exported_scores
from actors.export.columns import Columns
from actors.export.export import MANIFEST, Exported, Manifest
from actors.export.reader import Export
from actors.records.addresses import record_address, wallet_address
from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.ids import encode_wallets
from actors.records.layout import FLAG_IMPORTED, FLAG_REMOTE, FLAG_REVIEW, FLAG_SUSPENSE, Kind, Records, WalletStatus
from actors.records.secret import Secret
from rules.vocabulary.encodings import COUNTRIES, Channel, Label, WalletKind
from tests.journal_rows import NOON, record

SECRET = Secret.of(bytes(range(16)))
ANN, SHOP = int(wallet_address(3, 5)), int(wallet_address(3, 6))
PAYMENTS = (Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.REFUND)


def export(folder: Path, records: Records, group: int = 7) -> Export:
    """Of shard 1, in row groups of some rows."""
    addresses = record_address(1, 1, 0) + np.arange(len(records))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(Manifest(shards={"1": Exported(block=9, hash="00")})))
    file = folder / "day=2026-11-24" / "shard=1" / "blocks-000000000001-000000000001.parquet"
    file.parent.mkdir(parents=True)
    table = Columns(SECRET).table(records, addresses, np.zeros(len(records), np.int64))
    pq.write_table(table, file, row_group_size=group)
    return Export(folder)


def read(folder: Path, records: Records) -> Events:
    pieces = list(ExportedEvents(export(folder, records), 1))
    return Events(*(np.concatenate([piece[at] for piece in pieces]) for at in range(len(Events._fields))))


def payments(count: int) -> Records:
    rng = np.random.default_rng(3)
    made = []
    for _ in range(count):
        kind = Kind(int(rng.choice(PAYMENTS)))
        fields = {
            "payer": int(rng.choice([ANN, SHOP, 1_024])),
            "payee": int(rng.choice([ANN, SHOP, 1_024])),
            "amount": int(rng.integers(1, 2**53)),
            "effective_time": NOON - int(rng.integers(0, 10**10)),
            "flags": int(rng.choice([0, FLAG_REMOTE, FLAG_IMPORTED, FLAG_REVIEW])),
            "reference": int(rng.integers(1, 2**40)) if kind in (Kind.CAPTURE, Kind.REFUND) else 0,
        }
        if kind in (Kind.TRANSFER, Kind.HOLD):
            fields |= {"label": int(rng.choice(list(Label))), "channel": int(rng.choice(list(Channel)))}
            fields |= {"country": int(rng.choice([0, *COUNTRIES])), "device": int(rng.choice([0, 7, 2**32 - 1]))}
            fields["code"] = int(rng.choice([0, Code.DECLINED, Code.INSUFFICIENT_FUNDS]))
        made.append(record(kind, **fields))
    return np.concatenate(made)


def test_payments_are_the_events_of_their_records(tmp_path: Path) -> None:
    records = payments(60)
    found, wanted = read(tmp_path, records), events_of(records, record_address(1, 1, 0) + np.arange(60))
    for name in Events._fields:
        given, expected = getattr(found, name), getattr(wanted, name)
        if name == "flags":
            expected = expected & (FLAG_REMOTE | FLAG_SUSPENSE | FLAG_REVIEW)
        assert given.tolist() == expected.tolist() and given.dtype == expected.dtype, name


@pytest.mark.parametrize(
    ("kind", "fields", "names"),
    [
        (Kind.WALLET_OPENED, {"payee": ANN, "label": int(WalletKind.MERCHANT), "decision": 3}, "payee label state"),
        (Kind.WALLET_STATUS, {"payee": ANN, "label": 1, "channel": int(WalletStatus.FROZEN)}, "payee channel"),
        (Kind.WALLET_TIER, {"payee": ANN, "label": 1, "decision": 255}, "payee state"),
        (Kind.PROFILE, {"payee": ANN, "label": 2, "channel": 1, "decision": 4}, "payee label"),
        (
            Kind.LEG,
            {"payer": SHOP, "payee": ANN, "amount": 5, "decision": int(Kind.REFUND), "flags": FLAG_SUSPENSE},
            "payer payee amount state flags",
        ),
        (
            Kind.DISPUTE_RESOLVED,
            {"payer": ANN, "reference": 77, "decision": int(Resolution.CORRECTED)},
            "payer reference state",
        ),
        (Kind.ORDER_COMPLETED, {"payer": ANN, "reference": 77, "amount": 500}, "payer reference amount"),
    ],
)
def test_other_records_say_what_features_look_at(
    tmp_path: Path, kind: Kind, fields: dict[str, int], names: str
) -> None:
    payment = record(Kind.TRANSFER, payer=ANN, payee=SHOP, amount=1)
    records = np.concatenate([payment, record(kind, **fields), payment])
    found, wanted = read(tmp_path, records), events_of(records, np.arange(3))
    for name in ("kind", "time", *names.split()):
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist(), name


def test_ids_are_those_of_wallets_that_were_opened_in_any_order(tmp_path: Path) -> None:
    wallets = wallet_address(3, 0) + np.arange(20)
    shuffled = np.random.default_rng(1).permutation(wallets)
    opened = np.concatenate([record(Kind.WALLET_OPENED, payee=int(each), label=1) for each in shuffled])
    exported = ExportedEvents(export(tmp_path, opened), 1)
    assert sum(len(events.kind) for events in exported) == 20
    np.testing.assert_array_equal(exported.ids(wallets), encode_wallets(SECRET, wallets))
    assert exported.ids(wallets[:0]).shape == (0, 16)


def test_scores_are_those_published_by_then(tmp_path: Path) -> None:
    records = np.concatenate(
        [
            payments(10),
            record(Kind.SCORE, payer=ANN, points=600, record_time=NOON - 5),
            record(Kind.SCORE, payer=SHOP, points=700, record_time=NOON),
            record(Kind.SCORE, payer=ANN, points=650, record_time=NOON + 1),
            record(Kind.DATA_ERASED, payer=SHOP, record_time=NOON + 2),
        ]
    )
    exported = export(tmp_path, records)
    for time, expected in ((NOON - 6, {}), (NOON, {ANN: 600, SHOP: 700}), (NOON + 2, {ANN: 650})):
        found = exported_scores(exported, 1, time)
        shown = dict(zip(found.wallets.tolist(), found.scores.tolist(), strict=True))
        assert {wallet: score for wallet, score in shown.items() if score} == expected
