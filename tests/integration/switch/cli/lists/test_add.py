"""`shardpay lists`: entries come, are shown and go, whatever characters a value has; a refusal is one line."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli.main import cli
from tests.front_door import RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        made = await lists(running, "create", "stolen", "--type", "device")
        assert made.output == "stolen holds values of the type device\n"
        yield running


async def lists(switch: RunningSwitch, *arguments: str) -> Any:
    options = ["--url", switch.base, "--key", switch.key]
    return await asyncio.to_thread(CliRunner().invoke, cli, ["lists", *arguments, *options])


async def test_entries_come_are_shown_and_go(switch: RunningSwitch) -> None:
    value = "phone/1 ?#%ü"
    added = await lists(switch, "add", "stolen", value, "--reason", "reported", "--expires-at", "2099-01-31T00:00:00Z")
    assert (added.exit_code, added.output) == (0, f"{value} is on stolen, which 1 of 1 scorers know\n"), added.output
    shown = await lists(switch, "show", "stolen")
    assert shown.output == f"{value}  until 2099-01-31T00:00:00.000Z  tests: reported\n"
    every = json.loads((await lists(switch, "show", "--json")).output)
    assert [(each["name"], each["entries"]) for each in every] == [("stolen", 1)]
    removed = await lists(switch, "remove", "stolen", value)
    assert (removed.exit_code, removed.output) == (0, f"{value} is off stolen, which 1 of 1 scorers know\n")
    assert (await lists(switch, "show", "stolen")).output == "nothing\n"
    again = await lists(switch, "remove", "stolen", value)
    assert again.exit_code == 1 and "Traceback" not in again.output
    refused = await lists(switch, "add", "nothing", "x", "--reason", "why")
    assert refused.exit_code == 1 and "make this one" in refused.output + refused.stderr, refused.output


async def test_a_scorer_that_does_not_know_yet_is_exit_code_1(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> Any:
        raise TimeoutError

    monkeypatch.setattr(switch.scorer, "activate", away)
    added = await lists(switch, "add", "stolen", "x", "--reason", "reported", "--json")
    assert added.exit_code == 1 and json.loads(added.output)["scorers"]["active"] == 0
    assert (await lists(switch, "remove", "stolen", "x")).exit_code == 1
