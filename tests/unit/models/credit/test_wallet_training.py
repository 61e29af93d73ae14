"""The shipped wallet cards are what training gives of made-up people, and their history on file is as an import's."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bench.workload.wallet_cards import START_MS, features_of, trained_cards
from models.credit.catalogue import FEATURES
from models.credit.feature import DIMENSIONS
from models.credit.population.year import Population, population_of
from models.credit.score import DAYS, PAYMENTS, WalletScorer
from models.credit.shipped import FOLDER, SHIPPED, shipped
from models.credit.wallet_card import checked
from models.credit.wallet_training import UNUSED, Trained, train_wallet_card
from models.credit.what_if import WhatIf
from models.scorecard import canonical, parse
from tests.pages import blocks

pytestmark = pytest.mark.long

PEOPLE = 1_500
HASHES = {
    "wallet": "864e17f46869e3fc02b82a3be066478ef45679b1359c63e671c782454d82584b",
    "wallet-without-relations": "3ca0950ca6d0cb0e1cc3fb80aae2364a88c58fdfdb0aecaef4cc3da345fb6694",
}
"""Of the cards that fewer people give."""


@pytest.fixture(scope="module")
def made() -> Iterator[Population]:
    yield population_of(PEOPLE, 42, START_MS)


@pytest.fixture(scope="module")
def features(made: Population) -> Iterator[pa.Table]:
    yield features_of(made)


def trained(made: Population, features: pa.Table, leave_out: tuple[str, ...]) -> Trained:
    best = -made.people.column("chance").to_numpy()
    return train_wallet_card(features, made.people.column("defaulted"), leave_out=leave_out, best=best)


@pytest.mark.parametrize("name", SHIPPED)
def test_fewer_people_give_a_card_to_the_byte(made: Population, features: pa.Table, name: str) -> None:
    found = trained(made, features, SHIPPED[name])
    assert hashlib.sha256(canonical(found.card)).hexdigest() == HASHES[name]
    assert found.rows == int((WalletScorer(found.card).score_table(features).causes == 0).sum())
    assert found.auc_of_best is not None and 0.6 < found.auc < found.auc_of_best
    assert sum(rows for rows, _ in found.bands.values()) == found.rows


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_card_is_trained_again_to_the_byte(name: str) -> None:
    found = trained_cards()[name]
    assert (FOLDER / f"{name}.json").read_bytes() == canonical(found.card)
    assert found.share_of_best is not None and found.share_of_best > 0.8


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_scores_every_wallet_and_knows_only_the_catalogue(features: pa.Table, name: str) -> None:
    card = shipped(name)
    catalogue = {feature.name: feature.dimension for feature in FEATURES}
    for item in card.characteristics:
        assert item.feature not in UNUSED and catalogue[item.feature] == item.dimension
    assert set(card.dimensions) == set(DIMENSIONS) - set(SHIPPED[name])
    scorer = WalletScorer(card)
    scores = scorer.score_table(features)
    known = scores.causes == 0
    assert known.sum() > 0.9 * PEOPLE and (~known).sum() > 0
    assert (scores.rows.subtotals.sum(axis=0) == scores.rows.totals).all()
    assert 350 <= scores.rows.totals[known].min() and scores.rows.totals[known].max() <= 950
    record = features.slice(int(np.flatnonzero(known)[0]), 1).to_pylist()[0]
    for lift in WhatIf(scorer).lifts(record):
        assert scorer.score({**record, lift.feature: lift.value}).score == lift.score


def test_a_better_chance_is_a_better_score(made: Population, features: pa.Table) -> None:
    scores = WalletScorer(shipped()).score_table(features)
    known = scores.causes == 0
    known_scores, chances = scores.rows.totals[known], -made.people.column("chance").to_numpy()[known]
    ranks = [np.argsort(np.argsort(each)).astype(np.float64) for each in (known_scores, chances)]
    assert np.corrcoef(ranks[0], ranks[1])[0, 1] > 0.6


def test_the_page_trains_a_card_that_rescoring_takes(
    made: Population, features: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From files as `shardpay features` writes them, with a merchant among the wallets."""
    ids = [uuid.UUID(int=number) for number in range(PEOPLE)]
    kinds = pa.array(["merchant", *["user"] * (PEOPLE - 1)]).dictionary_encode()
    table = features.append_column("wallet", pa.array([each.bytes for each in ids], pa.uuid())).append_column(
        "kind", kinds
    )
    (tmp_path / "features-2026-06").mkdir()
    pq.write_table(table, tmp_path / "features-2026-06" / "0.parquet")
    bad = made.people.column("defaulted").to_pylist()
    (tmp_path / "defaulted.txt").write_text("".join(f"{each}\n" for each, yes in zip(ids, bad, strict=True) if yes))
    (text,) = [each.text for each in blocks("credit.md") if "train_wallet_card" in each.text]
    monkeypatch.chdir(tmp_path)
    exec(compile(text, "credit.md", "exec"), {})
    card = parse((tmp_path / "ours.json").read_bytes())
    checked(card)
    people = table.filter(pc.field("kind") == "user")
    expected = train_wallet_card(people, pa.array([int(each) for each in bad[1:]])).card
    assert (card.name, card.version) == ("ours", 1) and card.characteristics == expected.characteristics


@pytest.mark.parametrize("name", [DAYS, PAYMENTS])
def test_features_that_do_not_say_how_much_is_known_are_refused(
    made: Population, features: pa.Table, name: str
) -> None:
    with pytest.raises(ValueError, match=name):
        train_wallet_card(features.drop_columns([name]), made.people.column("defaulted"))
    with pytest.raises(KeyError):
        shipped("nobody")
