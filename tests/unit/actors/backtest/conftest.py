"""Some minutes of payments, and an export of them."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.export.columns import Columns
from actors.export.export import MANIFEST, Exported, Manifest
from actors.records.layout import Records
from actors.records.secret import Secret
from tests.unit.actors.ledger.both import EUR, START, Both
from tests.unit.actors.ledger.small_world import EXTERNAL, act, opening, pay

PAYER, PAYEE, THIEF = 1 << 16, (1 << 16) + 1, (1 << 16) + 2


@pytest.fixture(scope="module")
def world() -> Both:
    """Payments of some minutes, of which the pack declines some, and one batch that no scorer decided."""
    both = Both(scored=True)
    act(both, opening(3, EXTERNAL, EUR, 0, 0), *[opening(1, 0, EUR, 0, 0)] * 3)
    act(both, pay(EXTERNAL, PAYER, 9_990_000), pay(EXTERNAL, PAYEE, 5))
    for minute in range(8):
        both.advance(START + 60_000 * (1 + minute))
        act(both, *(pay(PAYER, PAYEE, amount) for amount in (1, 400 + minute, 2_000_000)))
    both.advance(START + 3_600_000)
    act(both, pay(PAYER, THIEF, 1_980_000))
    both.batch([{**pay(PAYER, PAYEE, 7), **both.fresh_key()}], fallback=True)
    return both


@pytest.fixture(scope="module")
def folder(world: Both, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export")
    (place / MANIFEST).write_bytes(msgspec.json.encode(Manifest(shards={"1": Exported(block=world.block, hash="00")})))
    file = place / "day=2023-11-14" / "shard=1" / "blocks-000000000001-000000000001.parquet"
    file.parent.mkdir(parents=True)
    addresses = np.concatenate([addresses for _, addresses in world.journal])
    seen = np.concatenate([np.full(len(r), s) for (r, _), s in zip(world.journal, world.seen, strict=True)])
    pq.write_table(Columns(Secret.of(bytes(16))).table(all_records(world), addresses, seen), file)
    return place


def all_records(world: Both) -> Records:
    return np.concatenate([records for records, _ in world.journal])
