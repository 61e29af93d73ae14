"""Jobs of the small card that run in this process."""

from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from actors.rescore.inputs import Prepared, prepare
from actors.rescore.job import Settings
from actors.rescore.output import Output
from actors.rescore.run import Canary, Manifest, Options, run
from actors.storage.place import folder_at
from models.scorecard import Scorecard
from tests.unit.actors.rescore.inline_pool import InlinePool
from tests.unit.models.credit.wallets import small_card

SMALL = Settings(part_rows=1_024)
CARD = small_card()


def prepared(source: Path, output: Path, settings: Settings = SMALL, card: Scorecard = CARD) -> Prepared:
    return prepare(source, output, card, settings)


def rescore(
    job: Prepared, *, max_bad: float = 0.0, stop_after: int | None = None, canary: Canary | None = None, **pool: Any
) -> Manifest:
    """Run it in this process; `stop_after`: so many looks of the driver at whether to stop."""
    looks: list[int] = []

    def stopping() -> bool:
        looks.append(1)
        return stop_after is not None and len(looks) > stop_after

    options = Options(workers=2, max_bad=max_bad, stopping=stopping, on_status=lambda _: None, canary=canary)
    return run(job, partial(InlinePool, **pool), options)


def output_at(path: Path) -> Output:
    return Output(folder_at(path))


def columns(folder: Path, manifest: Manifest) -> pa.Table:
    """All parts in their order."""
    return pa.concat_tables([pq.read_table(folder / part.file) for part in manifest.parts], promote_options="default")
