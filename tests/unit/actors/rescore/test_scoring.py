"""Every row has the figures of the scorer that answers requests, whatever type its columns are of."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore.job import Settings
from actors.rescore.output import Output
from actors.rescore.page import write_report
from actors.rescore.report import ReportInputs
from actors.rescore.scoring import Columns
from models.credit.score import WalletScorer
from models.scorecard import Characteristic, Scorecard
from tests.oracle import oracle_card
from tests.rescore_files import wallets_table, write_wallets
from tests.unit.actors.rescore.jobs import CARD, SMALL, columns, prepared, rescore


def test_every_row_has_the_figures_of_the_scorer_that_answers_requests(tmp_path: Path) -> None:
    source = write_wallets(tmp_path / "in", 1_500, 2, 400)
    manifest = rescore(prepared(source, tmp_path / "out"))
    table = pa.concat_tables([wallets_table(1_500, at) for at in range(2)])
    scored = columns(tmp_path / "out", manifest)
    scorer = WalletScorer(CARD)
    assert scored.column("wallet").to_pylist() == table.column("wallet").to_pylist()
    for record, row in zip(table.to_pylist(), scored.to_pylist(), strict=True):
        alone = scorer.score(record)
        assert (row["score"], row["band"], row["not_available"]) == (alone.score, alone.band, alone.cause)
        assert {name: row[f"subtotal_{name}"] for name in alone.subtotals} == alone.subtotals
        reasons = [(row[f"reason_{at}"], row[f"gap_{at}"]) for at in range(1, 5)]
        given = [(reason.code, reason.gap) for reason in alone.reasons]
        assert reasons == given + [(None, None)] * (4 - len(given))
    assert scored.column_names == ["wallet", *Columns(CARD, SMALL, causes=True).names]
    assert manifest.scored + manifest.bad + manifest.not_available == manifest.rows == 3_000
    assert sum(manifest.tally.histogram) == sum(manifest.tally.bands) == manifest.scored
    assert all(part.rows <= 1_024 for part in manifest.parts)


def test_scores_only_are_the_same_scores_checked_too_and_the_report_has_no_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.rescore.self_check.ONE_IN", 10)
    source = write_wallets(tmp_path / "in", 1_500, 2, 400)
    whole = rescore(prepared(source, tmp_path / "whole"))
    job = prepared(source, tmp_path / "only", msgspec.structs.replace(SMALL, scores_only=True))
    only = rescore(job)
    names = ["wallet", "score", "band", "not_available", "card", "as_of"]
    scored = columns(tmp_path / "only", only)
    assert scored.column_names == names and scored.equals(columns(tmp_path / "whole", whole).select(names))
    nothing = {"first": [[0] * len(CARD.reasons)] * len(CARD.bands or ()), "named": [0] * len(CARD.reasons)}
    expected = msgspec.structs.replace(whole.tally, gaps=nothing["named"], **nothing)
    assert only.tally == expected and only.tally.checked == whole.tally.checked > 0
    made = write_report(CARD, Output(job.job.output), only, ReportInputs())
    page = (tmp_path / "only" / "report.html").read_text()
    assert made.reasons == [] and "Reasons were not asked for" in page


def test_a_card_that_is_not_one_for_wallets_scores_every_row(tmp_path: Path) -> None:
    item = Characteristic(feature="kind", reason="K", categories=(("a",), ("b",)), points=(5, 9), missing=1, unknown=2)
    card = Scorecard(name="plain", version=3, base=10, characteristics=(item,))
    kinds = ["a", "b", None, "c", ""] * 40
    pq.write_table(pa.table({"id": range(200), "kind": pa.array(kinds, pa.large_string())}), tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id", keep=("kind",)), card))
    scored = columns(tmp_path / "out", manifest)
    assert "not_available" not in scored.column_names and "band" not in scored.column_names
    assert scored.column("score").to_pylist()[:5] == [15, 19, 11, 12, 12]
    assert scored.column("kind").to_pylist() == kinds
    assert manifest.tally.unknown == {"kind": 80}


def numbers(kind: pa.DataType) -> pa.Array:
    return pa.array([None, 0, 1, 2, 3] * 20).cast(kind)


TAKEN = {
    "int8": numbers(pa.int8()),
    "uint64": pa.array([None, 0, 1, 2, 2**64 - 1] * 20, pa.uint64()),
    "float": numbers(pa.float32()),
    "double with NaN": pa.array([float("nan"), 0.0, 1.0, 2.0, float("inf")] * 20),
    "decimal": pa.array([None, *map(Decimal, ("0.49", "0.51", "2.00", "3.00"))] * 20, pa.decimal128(9, 2)),
    "boolean": pa.array([None, False, True, True, True] * 20),
    "dictionary of numbers": numbers(pa.int64()).dictionary_encode(),
    "nothing known": pa.nulls(100),
}


@pytest.mark.parametrize("name", TAKEN)
def test_columns_of_numbers_of_every_type_are_scored_as_the_oracle_does(tmp_path: Path, name: str) -> None:
    table = wallets_table(100, 1).set_column(1, "late", TAKEN[name])
    pq.write_table(table, tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(min_days=0, min_payments=0)))
    document = msgspec.to_builtins(CARD)
    for record, row in zip(table.to_pylist(), columns(tmp_path / "out", manifest).to_pylist(), strict=True):
        plain = {each: float(value) if isinstance(value, Decimal) else value for each, value in record.items()}
        assert row["score"] == oracle_card.score(document, plain)["score"]


def test_decimals_are_scored_as_the_floats_nearest_to_them(tmp_path: Path) -> None:
    item = Characteristic(feature="rate", reason="R", scale=10, edges=(59,), points=(0, 10), missing=5)
    card = Scorecard(name="plain", version=1, characteristics=(item,))
    rates = [Decimal(cents) / 100 for cents in range(20_000)]
    table = pa.table({"id": range(20_000), "rate": pa.array(rates, pa.decimal128(18, 2))})
    pq.write_table(table, tmp_path / "in.parquet")
    manifest = rescore(prepared(tmp_path / "in.parquet", tmp_path / "out", Settings(wallet="id"), card))
    scores = columns(tmp_path / "out", manifest).column("score").to_pylist()
    assert scores == [oracle_card.score(msgspec.to_builtins(card), {"rate": float(rate)})["score"] for rate in rates]
