"""What was exported comes back as records that say the same, of every kind and in the order of the journal."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.export.columns import LEFT_OUT, Columns
from actors.export.export import MANIFEST, Exported, Goal, Manifest
from actors.export.reader import Export, Unreadable
from actors.records.addresses import record_address
from actors.records.credit_layout import Resolution
from actors.records.layout import FLAG_REVIEW, FLAG_SCORED, RECORD, RESOLUTION, SCORE_SEEN, Kind, Records
from actors.records.secret import Secret
from rules.vocabulary.encodings import Channel, Label
from tests.journal_rows import NOON, record

COLUMNS = Columns(Secret.of(bytes(range(16))))
NOT_EXPORTED = ("key_hi", "key_lo", "digest", "caller", "payer_prev", "payee_prev", "payer_lag", "payee_lag")
"""Replay and decisions do without."""
PAYMENT = {
    "payer": 65_536, "payee": 65_537, "amount": 5, "payer_posted": 7, "payer_held": 1, "payee_posted": 9, "label": Label.CASH_IN,
    "channel": Channel.POS, "country": 133, "device": 2**32 - 1, "decision": 2, "points": -3, "reasons": 2**32 - 1, "pack": 4,
}  # fmt: skip


def table(*records: Records, seen: int = 0) -> Any:
    joined = np.concatenate(records)
    return COLUMNS.table(joined, record_address(1, 3, 0) + np.arange(len(joined)), np.full(len(joined), seen))


def folder(place: Path, *tables: Any, since: int | None = None, block: int = 9) -> Path:
    """An export of shard 1 with one file a table, each of one block."""
    manifest = Manifest(since=since, shards={"1": Exported(block=block, hash="00")})
    (place / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    for number, rows in enumerate(tables, 1):
        path = place / f"day=2026-11-2{number}" / "shard=1" / f"blocks-{number:012}-{number:012}.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(rows, path)
    return place


def read(place: Path) -> Records:
    return np.concatenate([rows.records for rows in Export(place).rows(1)])


def test_a_payment_comes_back_whole(tmp_path: Path) -> None:
    written = record(Kind.TRANSFER, **PAYMENT, flags=FLAG_SCORED)
    assert read(folder(tmp_path, table(written))).tobytes() == written.tobytes()


@pytest.mark.parametrize("flag", [1 << bit for bit in range(7)])
def test_every_flag_comes_back(tmp_path: Path, flag: int) -> None:
    kind = Kind.LEG if flag == 2 else Kind.CAPTURE if flag == 32 else Kind.TRANSFER
    assert read(folder(tmp_path, table(record(kind, payer=65_536, payee=65_537, flags=flag))))["flags"] == flag


@pytest.mark.parametrize("kind", [Kind.WALLET_OPENED, Kind.WALLET_STATUS, Kind.WALLET_TIER, Kind.PROFILE])
def test_a_record_of_a_wallet_says_what_replay_needs(tmp_path: Path, kind: Kind) -> None:
    fields = {"payee": 131_073, "label": 2, "effective_time": NOON - 9}
    fields |= {"amount": -500} if kind == Kind.WALLET_OPENED else {}
    fields |= {"channel": 2} if kind in (Kind.WALLET_STATUS, Kind.PROFILE) else {}
    fields |= {"decision": 255} if kind != Kind.WALLET_STATUS else {}
    payment = record(Kind.TRANSFER, payer=65_536, payee=65_537, amount=1)
    written = np.concatenate([payment, record(kind, **fields), payment])
    assert read(folder(tmp_path, table(written))).tobytes() == written.tobytes()


def test_holds_legs_and_what_refers_come_back(tmp_path: Path) -> None:
    money = {"payer": 65_536, "payee": 65_537, "amount": 5, "reference": record_address(1, 2, 0)}
    kinds = (Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.REFUND, Kind.APPROVAL, Kind.LEG)
    hold = {"payer": 65_536, "payee": 65_537, "expiry": NOON + 5}
    holds = [record(Kind.HOLD, **hold), record(Kind.HOLD, **hold, flags=FLAG_REVIEW, payee_lag=60)]
    written = np.concatenate([*holds, *(record(kind, **money) for kind in kinds)])
    assert read(folder(tmp_path, table(written))).tobytes() == written.tobytes()


def test_any_records_come_back_with_addresses_and_what_their_features_saw(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    records = np.zeros(500, RECORD)
    records["kind"] = chance.choice([int(kind) for kind in Kind if kind not in LEFT_OUT], 500)
    records["currency"], records["record_time"] = 978, NOON
    records["payer"], records["payee"] = chance.integers(1, 2**36, (2, 500))
    addresses, seen = record_address(1, 3, 0) + np.arange(500), chance.integers(0, 3, 500)
    written = COLUMNS.table(records, addresses, seen)
    (rows,) = Export(folder(tmp_path, written)).rows(1)
    assert (rows.addresses.tolist(), rows.seen.tolist()) == (addresses.tolist(), seen.tolist())
    assert (
        COLUMNS.table(rows.records, rows.addresses, rows.seen)
        .drop_columns("caller")
        .equals(written.drop_columns("caller"))
    )
    assert not any(rows.records[name].any() for name in NOT_EXPORTED)


def test_files_come_in_the_order_of_blocks_and_none_beyond_the_manifest(tmp_path: Path) -> None:
    parts = [table(record(Kind.TRANSFER, payer=65_536, payee=65_537, amount=amount)) for amount in (1, 2, 3)]
    assert read(folder(tmp_path, *parts, block=2))["amount"].tolist() == [1, 2]


def test_an_export_of_the_version_before_is_read_as_one_without_lists(tmp_path: Path) -> None:
    written = table(record(Kind.TRANSFER, **PAYMENT, flags=FLAG_SCORED))
    place = folder(tmp_path, written.drop_columns("controls"))
    manifest = msgspec.json.decode((place / MANIFEST).read_bytes())
    (place / MANIFEST).write_bytes(msgspec.json.encode({**manifest, "format": 4}))
    export = Export(place)
    (rows,) = export.rows(1)
    assert rows.controls.tolist() == [0] and COLUMNS.table(rows.records, rows.addresses, rows.seen).equals(written)
    assert export.controls()[1] == [] and export.labels()[0].tolist() == []


def test_a_history_without_its_begin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="--since: what happened before is missing"):
        Export(folder(tmp_path, since=NOON))


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"1": 9}, None),
        ({"0": 0, "1": 9}, None),
        ({"1": 10}, "shard 1 is not there up to block 10"),
        ({"0": 3, "1": 9}, "shard 0 is not there up to block 3"),
    ],
)
def test_a_folder_whose_last_export_did_not_end_is_refused(
    tmp_path: Path, goal: dict[str, int], words: str | None
) -> None:
    manifest = Manifest(goal=Goal(at_ms=NOON, shards=goal), shards={"1": Exported(block=9, hash="00")})
    (tmp_path / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    if words is None:
        assert (Export(tmp_path).shards, Export(tmp_path).at_ms) == ([1], NOON)
        return
    with pytest.raises(Unreadable, match=f"did not end: {words}; run it again"):
        Export(tmp_path)


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="has no _manifest"):
        Export(tmp_path)
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(Unreadable, match="is not the manifest"):
        Export(tmp_path)
    (tmp_path / MANIFEST).write_text('{"format": 1}')
    with pytest.raises(Unreadable, match="format 1, 4 to 6 is needed"):
        Export(tmp_path)


def test_scores_and_what_deletes_them_come_back(tmp_path: Path) -> None:
    score = record(Kind.SCORE, payer=65_536, points=640)
    deleted = record(Kind.DISPUTE_RESOLVED, payer=65_536, reference=700, decision=Resolution.DELETED)
    found = read(folder(tmp_path, table(score, deleted)))
    assert found[SCORE_SEEN][0] == 640 and found[RESOLUTION][1] == Resolution.DELETED
