"""On the simulated mobile-money month, split by time: precision, recall and share of the fraud amount stopped at a review capacity of
0.5 %, with and without what tells of the payer's balance, are those of docs/reference/default-pack.md; and the default card
is the one trained there.

In short with an excerpt that is made here, where only their order can be told; with `-m slow` the whole month, where it is.
"""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.measures import risk
from bench.workload.mobile_money import Month, read_month
from models.scorecard import canonical, card_hash
from rules.builtin import PACK
from tests.acceptance.importing import PAYSIM, needs_data
from tests.excerpts import write_paysim
from tests.extra import needs

needs("optbinning", reason="training needs the extra train")

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "default-pack.md"
ROWS = 20_000
FEATURES = ("with balance", "without balance")
CARDS = ("as shipped", "trained on amounts too")


def _figures(folder: Path, month: Month, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What `shardpay bench risk` says of a month, in percent by case."""
    monkeypatch.setattr(risk, "read_month", lambda path: month)
    monkeypatch.setattr(risk, "month_file", lambda: folder)
    command = ["risk", "--json", "--output", str(folder / "results")]
    outcome = CliRunner().invoke(main, command, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    found = {each["case"]: each["median"] for each in json.loads(outcome.stdout)["figures"]}
    assert all(case.startswith("simulated, ") for case in found), "they are labelled as what they are"
    return found


def test_figures_of_an_excerpt_without_the_balance_are_no_better_than_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = read_month(write_paysim(tmp_path / "log.parquet", rows=ROWS))
    found = _figures(tmp_path, month, monkeypatch)
    assert len(found) == len(FEATURES) * len(CARDS) * 3
    for card in CARDS:
        for what in ("recall", "amount"):
            known, hidden = (found[f"simulated, {features}, {card}: {what}"] for features in FEATURES)
            assert 0 <= hidden <= known <= 100
    assert found["simulated, with balance, as shipped: precision"] > 50, "the queue begins with frauds"


@pytest.mark.slow
@needs_data
def test_figures_of_the_month_are_those_of_the_page_and_its_card_is_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = read_month(PAYSIM)
    trained = risk.train_card(risk.halves_of(month).early, risk.CURRENCY_FREE)
    assert PACK.card is not None and canonical(trained) == canonical(PACK.card)
    page = PAGE.read_text(encoding="utf-8")
    assert card_hash(trained) in page

    found = _figures(tmp_path, month, monkeypatch)
    stated = [
        [float(number) for number in re.findall(r"([\d.]+) %", line)] for line in page.splitlines() if "% |" in line
    ]
    order = [f"simulated, {features}, {card}: " for features in FEATURES for card in CARDS]
    for case, numbers in zip(order, [line for line in stated if len(line) == 3], strict=True):
        for what, number in zip(("precision", "recall", "amount"), numbers, strict=True):
            assert found[case + what] == pytest.approx(number, abs=0.05), case + what
