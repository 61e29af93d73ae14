"""An export decided again with the pack that decided it gives what was recorded, bit for bit; labels and periods choose attempts."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from actors.backtest.run import (
    ALWAYS,
    NO_LABELS,
    Backtest,
    Labels,
    PackSource,
    Period,
    decide_shard,
    history,
    recorded_decisions,
    tally_shard,
)
from actors.export.reader import Export
from actors.records.layout import Kind
from rules.backtest.counts import UNDECIDED, UNLABELLED
from rules.decisions.decision import Action
from rules.language.problems import PackError
from rules.vocabulary.columns import INDEX
from tests import small_pack
from tests.unit.actors.backtest.conftest import all_records
from tests.unit.actors.ledger.both import SMALL, START, Both

PACK = PackSource(
    text=(Path(small_pack.__file__).parent / "packs" / "small.yaml").read_text(encoding="utf-8"), number=1
)
STRICT = PackSource(
    text="name: strict\nfallback: approve\nrules: [{id: all, when: amount > 0, action: decline, reason: R}]\n", number=9
)
ATTEMPTS = (Kind.TRANSFER, Kind.HOLD)


def test_columns_of_a_history_are_those_that_decisions_saw(world: Both, folder: Path) -> None:
    test = Backtest(export=Export(folder), source=PACK, capacity=SMALL)
    assert test.shards == [1]
    found = np.concatenate([rebuilt.columns.copy() for rebuilt in history(test, 1)])
    np.testing.assert_array_equal(found, np.concatenate(world.features))


def test_the_pack_that_was_live_gives_what_was_recorded_bit_for_bit(world: Both, folder: Path) -> None:
    records = all_records(world)
    attempts = np.isin(records["kind"], ATTEMPTS)
    addresses, decided = decide_shard(Backtest(export=Export(folder), source=PACK, capacity=SMALL), 1)
    recorded = recorded_decisions(records[attempts])
    scored = recorded["flags"] == 0
    assert addresses.tolist() == np.concatenate([addresses for _, addresses in world.journal])[attempts].tolist()
    assert (~scored).sum() == 1 and decided[scored].tobytes() == recorded[scored].tobytes()
    assert len(set(recorded["action"].tolist())) > 1, "not all alike"


def test_counts_say_what_another_pack_changes(world: Both, folder: Path) -> None:
    records = all_records(world)
    recorded = recorded_decisions(records[np.isin(records["kind"], ATTEMPTS)])
    tally = tally_shard(Backtest(export=Export(folder), source=STRICT, capacity=SMALL), 1)
    before = np.where(recorded["flags"] != 0, UNDECIDED, recorded["action"])
    assert tally.actions[:, Action.DECLINE].tolist() == np.bincount(before, minlength=UNDECIDED + 1).tolist()
    assert tally.actions.sum() == len(recorded) and tally.hits.tolist() == [len(recorded)] and not tally.labels.any()


def test_a_period_is_from_its_begin_up_to_its_end_of_effective_time(world: Both, folder: Path) -> None:
    times = np.concatenate(world.features)[:, INDEX["effective_time"]]
    since, until = START + 60_000 * 3, START + 60_000 * 5
    for period, expected in (
        (Period(since, until), ((times >= since) & (times < until)).sum()),
        (Period(since), (times >= since).sum()),
        (Period(None, until), (times < until).sum()),
        (Period(until, since), 0),
        (ALWAYS, len(times)),
    ):
        test = Backtest(export=Export(folder), source=STRICT, capacity=SMALL, period=period)
        assert tally_shard(test, 1).actions.sum() == expected, period


def test_labels_are_counted_with_the_attempts_that_they_are_of(world: Both, folder: Path) -> None:
    addresses = np.concatenate([addresses for _, addresses in world.journal])
    attempts = addresses[np.isin(all_records(world)["kind"], ATTEMPTS)]
    labels = Labels(np.array([*attempts[2:5], 10**15]), np.array([1, 0, 1, 1], np.int8))
    tally = tally_shard(Backtest(export=Export(folder), source=STRICT, capacity=SMALL, labels=labels), 1)
    assert tally.labels.sum(axis=(0, 1)).tolist() == [1, 2], "of three attempts; the fourth address is of none"


def test_labels_of_two_files_are_one_and_the_first_holds() -> None:
    one = Labels(np.array([3, 5]), np.array([1, 0], np.int8))
    other = Labels(np.array([4, 5, 9]), np.array([1, 1, 0], np.int8))
    both = one.and_of(other)
    asked = np.array([3, 4, 5, 9, 1, 10])
    assert both.of(asked).tolist() == [1, 1, 0, 0, UNLABELLED, UNLABELLED]
    assert one.and_of(NO_LABELS) is one and NO_LABELS.of(asked).tolist() == [UNLABELLED] * 6


def test_a_pack_travels_as_text_and_is_compiled_where_it_arrives() -> None:
    again = msgspec.json.decode(msgspec.json.encode(STRICT), type=PackSource)
    assert again.pack().name == "strict" and again.pack().number == 9
    with pytest.raises(PackError):
        PackSource(text="name: x").pack()
