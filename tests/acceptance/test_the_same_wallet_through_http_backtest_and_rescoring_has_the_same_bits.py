"""One file of wallets: what rescoring gives, scoring the file over again, and what the switch tells over HTTP are equal to the bit.

The switch recomputes what is published with its features, and the holder is told the same figures.
"""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from actors.rescore.inputs import prepare
from actors.rescore.job import Settings
from actors.rescore.run import Options, run
from models.credit.shipped import shipped
from models.scorecard import Scorecard
from models.table_scores import TableScorer
from switch.cli.main import cli
from tests.credit_scene import credit_scene
from tests.front_door import running_switch
from tests.rescore_files import wide_wallets
from tests.score_batches import DIMENSIONS, publish_card, publish_scores, reported, score_row, stream, with_features
from tests.unit.actors.rescore.inline_pool import InlinePool

OTHERS = 3_000
AS_OF = 1_767_225_600_000


def _rescored(wallets: list[bytes], features: pa.Table, folder: Path) -> list[dict[str, Any]]:
    table = features.add_column(0, "wallet", pa.array(wallets, pa.binary(16)))
    pq.write_table(table, folder / "features.parquet", row_group_size=500)
    prepared = prepare(folder / "features.parquet", folder / "out", shipped(), Settings(part_rows=1_024, as_of=AS_OF))
    options = Options(workers=2, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
    manifest = run(prepared, partial(InlinePool), options)
    return [row for part in manifest.parts for row in pq.read_table(folder / "out" / part.file).to_pylist()]


def _published(row: dict[str, Any], features: dict[str, Any], card: Scorecard) -> dict[str, Any]:
    """A row of the output as a team sends it."""
    reasons = [{"code": row[f"reason_{at}"], "gap": row[f"gap_{at}"]} for at in range(1, 5) if row[f"reason_{at}"]]
    subtotals = {name: row.get(f"subtotal_{name}", 0) for name in DIMENSIONS}
    wanted = {item.feature: features[item.feature] for item in card.characteristics}
    wallet = str(UUID(bytes=row["wallet"]))
    return score_row(wallet, row["score"], run=2, reasons=reasons, subtotals=subtotals, features=wanted)


async def test_the_same_wallet_has_the_same_bits_everywhere(database_url: str, tmp_path: Path) -> None:
    card = shipped()
    features = wide_wallets(card, OTHERS + 2).drop_columns(["wallet"])
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        holders = [(scene.ann_wallet, scene.ann), (scene.bob_wallet, scene.bob)]
        ids = [UUID(wallet).bytes for wallet, _ in holders] + [at.to_bytes(16) for at in range(1, OTHERS + 1)]
        rescored = _rescored(ids, features, tmp_path)

        again = TableScorer(card).score(features)
        for name in again.column_names:
            assert again.column(name).to_pylist() == [row[name] for row in rescored], name

        # First all of them as the command sends them: the switch has two of these wallets.
        command = ["rescore", "publish", str(tmp_path / "out"), "--run", "1", "--url", switch.base, "--json"]
        for _ in range(2):
            sent = await asyncio.to_thread(CliRunner(env={"SHARDPAY_API_KEY": switch.key}).invoke, cli, command)
            codes = json.loads(sent.stdout)["codes"]
            assert codes == {"ok": 2, "wallet_not_found": OTHERS} and sent.exit_code == 1, sent.output
        for row, (wallet, key) in zip(rescored, holders, strict=False):
            assert (await scene.get(f"/v1/wallets/{wallet}/credit", key)).json["score"] == row["score"]

        known = features.slice(0, 2).to_pylist()
        rows = [_published(row, each, card) for row, each in zip(rescored, known, strict=False)]
        assert reported(await publish_scores(switch, stream(rows, with_features(card)))) == [("ok", False)] * 2
        for row, (wallet, key) in zip(rescored, holders, strict=False):
            shown = (await scene.get(f"/v1/wallets/{wallet}/credit", key)).json
            computed = (await scene.post(f"/v1/wallets/{wallet}/credit/what-if", {"changes": {}}, key)).json
            for over_http in (shown, computed):
                assert (over_http["score"], over_http["band"]) == (row["score"], row["band"])
                assert over_http["subtotals"] == {name: row[f"subtotal_{name}"] for name in DIMENSIONS}
                given = [(reason["code"], reason["gap"]) for reason in over_http["reasons"]]
                assert given == [(row[f"reason_{at}"], row[f"gap_{at}"]) for at in range(1, len(given) + 1)]
