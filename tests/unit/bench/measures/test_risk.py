"""What the figures on the simulated month rest on: columns that a decision saw, a clean split, and packs that do not see the balance."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.measures import risk
from bench.workload.mobile_money import Month, NoData, month_file, read_month
from models.scorecard import Characteristic, Scorecard
from rules.vocabulary.columns import COLUMN_COUNT, COLUMNS, INDEX, NULL
from tests.excerpts import write_paysim

CARD = Scorecard(
    name="c",
    version=1,
    characteristics=(Characteristic(feature="count_7d", reason="R", edges=(5,), points=(0, 400), missing=0),),
)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return read_month(write_paysim(tmp_path_factory.mktemp("log") / "log.parquet", rows=3_000))


def column(month: Month, name: str) -> NDArray[np.int64]:
    return month.columns[:, INDEX[name]]


def test_every_row_of_the_log_has_the_columns_of_its_decision(month: Month) -> None:
    assert month.columns.shape == (len(month.step), COLUMN_COUNT)
    cash_in = column(month, "payer_kind") > 2
    assert cash_in.any() and (column(month, "count_7d")[cash_in] == NULL).all()
    assert (column(month, "hour") == month.step % 24).all()
    assert (np.diff(column(month, "effective_time")) >= 0).all()


def test_a_fraud_takes_the_balance_of_the_moment_and_its_mule_takes_it_on(month: Month) -> None:
    transfer = month.is_fraud & (column(month, "label") == 0)
    assert transfer.sum() >= 5
    spare = column(month, "payer_credits") - column(month, "payer_debits") - column(month, "amount")
    assert (np.abs(spare[transfer]) < 100).mean() > 0.8, "the balance before this very payment, rounded"
    mules = np.flatnonzero(month.is_fraud & (column(month, "label") == 3))
    assert (column(month, "payer_credited")[mules] == month.amount[mules]).all()
    assert (column(month, "payer_credited_ago_s")[mules] <= 3_600).all()
    assert (column(month, "count_7d")[mules] == 0).all()


def test_the_split_leaves_out_cash_ins_and_steps_of_fraud_alone_and_no_time_is_on_both_sides(month: Month) -> None:
    only_fraud = int(np.unique(month.step)[5])
    month = month.rows((month.step != only_fraud) | month.is_fraud)
    lone = month.rows(np.flatnonzero(month.is_fraud)[:1])
    lone.step[:] = 700
    parts = (month, lone)
    month = Month(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in Month.__struct_fields__})
    halves = risk.halves_of(month)
    assert halves.early.step.max() < halves.late.step.min() <= halves.late.step.max() < 700
    for half in (halves.early, halves.late):
        assert (column(half, "payer_kind") <= 2).all()
        assert not {step for step in half.step.tolist() if half.is_fraud[half.step == step].all()}


@pytest.mark.parametrize("name", ["hour", "payer", "payee_age_days", "is_fraud", "payer_balance_after_minor"])
def test_no_card_is_trained_on_what_no_decision_may_see(month: Month, name: str) -> None:
    with pytest.raises(ValueError, match=f"no card may see {name}"):
        risk.training_table(month, ("count_7d", name))


def test_all_that_cards_are_trained_on_are_columns_of_decisions_and_none_tells_of_the_balance() -> None:
    trained_on = {*risk.CURRENCY_FREE, *risk.IN_MONEY}
    assert trained_on <= set(COLUMNS) - set(risk.NO_TABLE) - set(risk.BALANCE)


def test_a_pack_without_the_balance_decides_the_same_whatever_the_balance_is(month: Month) -> None:
    hidden, seen = (risk.pack_with(CARD, with_balance=known) for known in (False, True))
    assert {rule.id for rule in seen.pack.rules} - {rule.id for rule in hidden.pack.rules} == {"drain", "pass-through"}
    others = month.columns.copy()
    rng = np.random.default_rng(5)
    for name in risk.BALANCE:
        others[:, INDEX[name]] = rng.integers(0, 2**40, len(others))
    assert hidden.decide(others).tobytes() == hidden.decide(month.columns).tobytes()
    assert seen.decide(others).tobytes() != seen.decide(month.columns).tobytes()


def test_the_queue_begins_with_what_the_pack_itself_would_stop(month: Month) -> None:
    found = risk.queue_of(month, risk.pack_with(CARD, with_balance=True))
    assert found.reviewed == int(0.005 * len(month.step))
    assert found.score_max is not None and found.score_max < -risk.STRICTER // 2, "these alone fill it here"


def test_without_the_file_it_is_said_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDPAY_DATA_SETS", str(tmp_path))
    with pytest.raises(NoData, match=f"is not in {tmp_path}"):
        month_file()
