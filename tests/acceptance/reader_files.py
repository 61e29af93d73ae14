"""What somebody has who tries what is written: a pack, payments and loans; a scorecard and a scenario."""

import json
import re
import shutil
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import yaml

from tests.pages import DOCS, ROOT

LOANS: Final = 400
PAYMENTS: Final = (
    {"payer": "external:jan", "payee": "cust-1", "amount": 90_000},
    {"payer": "cust-1", "payee": "merchant:shop-1", "amount": 70_000},
)


def write_files(folder: Path) -> None:
    """Before the first command."""
    pack = re.search(r"```yaml\n(.*?)```", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
    assert pack is not None
    (folder / "pack.yaml").write_text(pack[1].replace("corner-shop", "my-pack"), encoding="utf-8")
    rows = (
        {**row, "currency": "EUR", "idempotency_key": f"p{n}", "effective_at": f"2025-01-0{n + 1}T10:00:00Z"}
        for n, row in enumerate(PAYMENTS)
    )
    (folder / "payments.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    rng = np.random.default_rng(13)
    income = rng.gamma(2.0, 1_500.0, LOANS).round()
    loans = pa.table(
        {"income": income, "defaulted": (rng.random(LOANS) < 1 / (1 + np.exp(income / 2_000 - 1))).astype("i1")}
    )
    pq.write_table(loans, folder / "loans.parquet")
    pv.write_csv(loans, folder / "loans.csv")
    default = yaml.safe_load((ROOT / "rules" / "packs" / "default.yaml").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**default["card"], "name": "risk", "version": 1}), encoding="utf-8")
    shutil.copy(ROOT / "rules" / "scenarios" / "hotel.yaml", folder)
