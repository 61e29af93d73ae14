"""Six hundred loans of which some are lost, and a card trained on them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
from click.testing import CliRunner, Result

from switch.cli.train import train_command


def made_loans() -> pa.Table:
    rng = np.random.default_rng(5)
    income, sex = rng.gamma(2.0, 1_500.0, 600).round(), rng.choice(["f", "m"], 600)
    city = np.where(rng.random(600) < 0.1, np.array(None, object), rng.choice(["north", "sea"], 600))
    bad = rng.random(600) < 1 / (1 + np.exp(0.0008 * income - 1 - (city == "sea")))
    return pa.table({"income": income, "city": city, "sex": sex, "outcome": np.where(bad, "lost", "paid")})


def train(loans: pa.Table, folder: Path, *more: str) -> Result:
    source = folder / "loans.csv"
    pv.write_csv(loans, source)
    arguments = ["--input", str(source), "--target", "outcome", "--bad", "lost", "--output", str(folder / "card.json")]
    return CliRunner().invoke(train_command, [*arguments, "--method", "logistic", *more])
