"""`shardpay labels put-file` reads all of a file before it sends anything, in pieces that the switch takes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli.main import cli
from switch.http import schema
from tests.front_door import RunningSwitch, running_switch
from tests.published_packs import payers


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def put_file(switch: RunningSwitch, file: Path, *more: str) -> Any:
    arguments = ["labels", "put-file", str(file), "--url", switch.base, "--key", switch.key, *more]
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


async def test_labels_go_in_pieces_and_what_is_wrong_is_one_line(
    switch: RunningSwitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LABELS_MAX", 2)
    _, (payer,) = await payers(switch)
    shop = await switch.wallet()
    ids = [(await switch.pay(payer, shop, 10)).json["id"] for _ in range(5)]
    file = tmp_path / "labels.csv"
    file.write_text("id,label\n" + "".join(f"{each},{place % 2}\n" for place, each in enumerate(ids)))
    done = await put_file(switch, file)
    assert (done.exit_code, done.output) == (0, "5 payments are labelled, 2 of them fraud\n")
    assert json.loads((await put_file(switch, file, "--json")).output) == {"labels": 5, "fraud": 2}
    listed = (await switch.call("GET", "/v1/labels")).json["data"]
    assert [(each["id"], each["label"]) for each in listed] == [
        (each, place % 2 == 1) for place, each in enumerate(ids)
    ]
    file.write_text(f"id,label\n{ids[0]},maybe\n")
    wrong = await put_file(switch, file)
    assert wrong.exit_code == 1 and "row 1: the label 'maybe'" in wrong.output
    file.write_text("id,label\n00003000-0f18-86a7-a655-811d7f69def9,1\n")
    refused = await put_file(switch, file)
    assert refused.exit_code == 1 and "labels[0].id" in refused.output
    file.write_text(f"id,label\n{ids[0]},0\n{ids[1]},0\n{ids[2]},0\n00003000-0f18-86a7-a655-811d7f69def9,1\n")
    part_way = await put_file(switch, file)
    assert part_way.exit_code == 1 and "the first 2 of 4 payments are labelled, the others are not" in part_way.stderr
