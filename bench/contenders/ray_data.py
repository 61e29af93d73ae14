"""Ray Data that scores a wallet card: read, map batches, write, as its documentation has it.

With checkpoints it notes the wallets that are done, and leaves them out when it is started again.
"""

import logging
import os
import secrets
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.contenders.plain_scoring import BATCH_ROWS, score_batch
from models.scorecard import Scorecard

CHECKPOINTS: Final = ".checkpoints"
"""Beside the output: a killed run leaves them for the next."""


def ray_data(card: Scorecard, source: Path, output: Path, *, checkpoints: bool = False) -> None:
    """One run on this machine, the start of Ray included; Ray ends with this process."""
    os.environ["RAY_DATA_DISABLE_PROGRESS_BARS"] = "1"
    token = output.with_name("ray-token")  # else Ray makes one in the home folder
    token.write_text(secrets.token_hex(32))
    os.environ.setdefault("RAY_AUTH_TOKEN_PATH", str(token))
    import ray
    from ray.data.checkpoint import CheckpointConfig

    data: Any = ray.data
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    if checkpoints:
        place = output.with_name(output.name + CHECKPOINTS)
        context.checkpoint_config = CheckpointConfig("wallet", str(place), delete_checkpoint_on_success=True)
    rows = data.read_parquet(str(source))
    scored = rows.map_batches(
        partial(score_batch, card), batch_format="pyarrow", batch_size=BATCH_ROWS, zero_copy_batch=True
    )
    scored.write_parquet(str(output), compression="zstd", compression_level=1)
