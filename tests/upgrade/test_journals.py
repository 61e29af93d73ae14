"""Journals that earlier versions wrote are replayed by this one, every kind of record, and come to what they came to then."""

import re
from pathlib import Path

import pytest

from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import GENESIS, Chain
from actors.records.layout import Kind
from tests.sim.switch import CAPACITY
from tests.upgrade.journals import FILE, Cluster, of_ledger, opened

HERE = Path(__file__).parent
FIRST = "0.1.0"
"""The first version had no payment credit; its backup is enough."""
NEXT = "unreleased"
"""What the next version is going to have: on its day the folder gets its number, and `tests.upgrade.journals` makes the next one."""
FOLDERS = sorted(path.parent for path in HERE.glob(f"*/{FILE}"))


def replayed(cluster: Cluster, shard: int) -> Ledger:
    """A ledger that has read a journal to its end; blocks must follow each other, and no record contradict those before."""
    config = LedgerConfig(shard=shard, shards=len(cluster.journals), secret=cluster.secret)
    ledger = Ledger(config, CAPACITY)
    for segment, owner in cluster.segments.items():
        ledger.book.owners[segment] = owner + 1
    run = Chain(shard, 0, GENESIS).extend([(number, data) for number, data, _ in cluster.journals[shard].blocks])
    assert ledger.replay(run.records, run.addresses) == len(run.records) > 0
    return ledger


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_journals_of_an_earlier_version_come_to_the_same_balances_holds_orders_cases_consents_and_scores(
    folder: Path,
) -> None:
    for cluster in opened(folder):
        for shard, journal in enumerate(cluster.journals):
            assert of_ledger(replayed(cluster, shard), journal.facts) == journal.facts


def test_each_version_since_the_first_keeps_journals_and_the_next_ones_have_every_kind_of_record() -> None:
    text = (HERE.parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert {folder.name for folder in FOLDERS} == {*released, NEXT} - {FIRST}
    assert set().union(*(cluster.kinds for cluster in opened(HERE / NEXT))) == {int(kind) for kind in Kind}


def test_journals_are_of_every_sort_of_what_they_come_to() -> None:
    facts = [journal.facts for cluster in opened(HERE / NEXT) for journal in cluster.journals]
    for name in ("wallets", "holds", "rows", "orders", "cases", "consents"):
        assert any(getattr(each, name) for each in facts), name
    assert any(row["score"] for each in facts for row in each.rows.values())
    assert any(record for each in facts for *_, record in each.consents)
