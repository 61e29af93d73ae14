"""`shardpay rules backtest` on the export of a switch that has worked: what was live changes nothing, another pack says what it would."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from actors.database.connection import SQL, connect
from actors.export.export import FORMAT, Job, export
from rules.builtin import DOCUMENT
from switch.cli.main import cli
from tests.front_door import RunningSwitch, running_switch

STRICT = """
name: strict
fallback: approve
rules:
  - {id: large, when: amount >= 500, action: decline, reason: LARGE}
  - {id: again, when: payee_seen > 0, action: review, reason: AGAIN}
  - {id: quiet, when: payer_credited == 1000, action: decline, reason: QUIET, mode: shadow}
"""


async def backtest(pack: Path, lake: Path, *options: str) -> Result:
    arguments = ["rules", "backtest", str(pack), "--input", str(lake), "--workers", "1", *options]
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


async def report(pack: Path, lake: Path, *options: str) -> Any:
    result = await backtest(pack, lake, "--json", *options)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)["report"]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.yaml"
    path.write_text(STRICT)
    return path


async def _pay(switch: RunningSwitch) -> list[str]:
    """Eight funded users on two shards; each pays its neighbour 100, 200 ... then once more 600. Ids of the latter."""
    bank = await switch.wallet("external")
    users = [await switch.wallet() for _ in range(8)]
    for user in users:
        await switch.pay(bank, user, 1_000)
    for number, user in enumerate(users):
        await switch.pay(user, users[number - 1], 100)
    large = [await switch.pay(user, users[number - 1], 600) for number, user in enumerate(users)]
    return [paid.json["id"] for paid in large if paid.status == 201]


async def test_a_pack_is_tried_on_everything_that_happened(database_url: str, tmp_path: Path, pack: Path) -> None:
    lake = tmp_path / "lake"
    async with running_switch(database_url) as switch:
        large = await _pay(switch)
        await export(Job(url=database_url, output=lake))
    live = tmp_path / "live.yaml"
    live.write_text(DOCUMENT.text)
    same = await report(live, lake)
    assert (same["attempts"], same["changed"]) == (24, 0)

    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{identity},{i % 2}\n" for i, identity in enumerate(large)))
    reported = await report(pack, lake, "--labels", str(labels))
    rules = {rule["id"]: rule for rule in reported["rules"]}
    assert (rules["large"]["hits"], rules["again"]["hits"], rules["quiet"]["live"]) == (16, 8, False)
    assert rules["again"]["not_evaluated"] == 8, "an operator wallet has no windows"
    assert rules["quiet"]["hits"] > 0
    assert reported["changed"] == 16 and reported["labels"]["now"]["recall"] == 1.0
    assert reported["labels"]["now"]["flagged"] == len(large)
    assert {"rules": ["large", "again"], "attempts": 8} in reported["overlaps"]
    shown = await backtest(pack, lake)
    assert shown.exit_code == 0 and "16 decided otherwise than recorded" in shown.output


async def test_histories_that_are_not_whole_are_refused(database_url: str, tmp_path: Path, pack: Path) -> None:
    whole, late = tmp_path / "whole", tmp_path / "late"
    async with running_switch(database_url) as switch:
        await _pay(switch)
        await export(Job(url=database_url, output=whole))
        await export(Job(url=database_url, output=late, since=1))
    assert "no _manifest" in (await backtest(pack, tmp_path)).output
    assert "exported with --since" in (await backtest(pack, late)).output
    first = sorted(whole.glob("day=*/shard=*/*.parquet"))[0]
    table = pq.read_table(first)
    place = table["record"].to_pylist().index("transfer")
    pq.write_table(pa.concat_tables([table[:place], table[place + 1 :]]), first)
    assert "contradicts the ones before it" in (await backtest(pack, whole)).output
    manifest = whole / "_manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', '"format": 2'))
    assert "export into another folder" in (await backtest(pack, whole)).output


async def test_a_pack_that_does_not_check_is_told_at_its_place(tmp_path: Path, pack: Path) -> None:
    pack.write_text(STRICT.replace("payee_seen > 0", "payee_sen > 0"))
    result = await backtest(pack, tmp_path)
    assert result.exit_code == 1 and "payee_sen" in result.output


def _without_became(found: Any) -> Any:
    """A report but for what became of the payments."""
    parts = {name: [{**each, "became": None} for each in found[name]] for name in ("decisions", "rules")}
    return {**found, **parts}


async def test_a_pack_is_tried_on_the_switchs_own_journal(database_url: str, tmp_path: Path, pack: Path) -> None:
    """The answer over HTTP is that of the command on an export; by time, by labels, by name, and with its refusals."""
    async with running_switch(database_url, shards=2) as switch:
        large = await _pay(switch)
        await export(Job(url=database_url, output=tmp_path / "lake"))

        named = [await switch.call("GET", f"/v1/transfers/{identity}") for identity in large]
        labels = [{"id": identity, "label": i % 2 == 1} for i, identity in enumerate(large)]
        by_id = reported = await _tried(switch, text=pack.read_text(), labels=labels)
        file = tmp_path / "labels.csv"
        file.write_text("id,label\n" + "".join(f"{each['id']},{each['label']:d}\n" for each in labels))
        assert sum(decided["became"]["fraud"] for decided in reported["decisions"]) == len(large) // 2
        of_export = await report(pack, tmp_path / "lake", "--labels", str(file))
        assert _without_became(reported) == _without_became(of_export), "an export does not say what was refunded"
        assert by_id["labels"]["attempts"] == len(large) and by_id["labels"]["now"]["recall"] == 1.0

        payer = named[0].json["payer"]
        key = {"Idempotency-Key": "named by its key"}
        body = {"payer": payer, "payee": named[0].json["payee"], "amount": 7, "currency": "EUR"}
        assert (await switch.call("POST", "/v1/transfers", body, headers=key)).status == 201
        keyed = [{"wallet": payer, "idempotency_key": key["Idempotency-Key"], "label": True}]
        unknown = [{"wallet": payer, "idempotency_key": "never seen", "label": True}]
        by_key = await _tried(switch, text=pack.read_text(), labels=keyed + unknown)
        assert (by_key["labels"]["attempts"], by_key["labels"]["now"]["amounts_true"]) == (1, {"EUR": 7})

        file = tmp_path / "keys.csv"
        rows = [f"{each['wallet']},{each['idempotency_key']},true\n" for each in keyed + unknown]
        file.write_text("wallet,idempotency_key,label\n" + "".join(rows))
        options = ("--url", switch.base, "--key", switch.key, "--labels", str(file))
        arguments = ["rules", "backtest", str(pack), "--json", *options]
        commanded = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
        assert commanded.exit_code == 0, commanded.output
        assert msgspec.json.decode(commanded.stdout)["report"] == by_key

        at = named[len(large) // 2].json["effective_at"]
        before = await _tried(switch, text=pack.read_text(), to=at)
        after = await _tried(switch, text=pack.read_text(), **{"from": at})
        assert 0 < before["attempts"] and 0 < after["attempts"]
        assert before["attempts"] + after["attempts"] == reported["attempts"] + 1

        newest = await _tried(switch, text=pack.read_text(), last=after["attempts"])
        assert newest == after, "the newest are those since the oldest of them"
        everything = await _tried(switch, text=pack.read_text())
        assert await _tried(switch, text=pack.read_text(), last=100_000) == everything
        assert (await _tried(switch, text=pack.read_text(), last=1))["attempts"] == 1
        arguments = ["rules", "backtest", str(pack), "--json", "--url", switch.base, "--key", switch.key]
        commanded = await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, "--last", str(after["attempts"])])
        assert commanded.exit_code == 0, commanded.output
        assert msgspec.json.decode(commanded.stdout)["report"] == newest

        live = await _tried(switch, name="default")
        assert (live["attempts"], live["changed"]) == (reported["attempts"] + 1, 0)

        for body, code in (
            ({}, "invalid_field"),
            ({"name": "default", "text": "x"}, "invalid_field"),
            ({"name": "nobody"}, "rule_pack_not_found"),
            ({"text": pack.read_text().replace("payee_seen", "payee_sen")}, "invalid_rule_pack"),
            ({"name": "default", "from": "yesterday"}, "invalid_field"),
            ({"name": "default", "from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, "invalid_field"),
            ({"name": "default", "last": 5, "to": "2026-01-02T00:00:00Z"}, "invalid_field"),
            ({"name": "default", "last": 5, "from": "2026-01-02T00:00:00Z"}, "invalid_field"),
            ({"name": "default", "last": 0}, "invalid_field"),
            ({"name": "default", "last": 100_001}, "invalid_field"),
            ({"name": "default", "labels": [{"label": True}]}, "invalid_field"),
            ({"name": "default", "labels": [{"id": large[0][:-1] + "x", "label": True}]}, "invalid_field"),
        ):
            assert (await switch.call("POST", "/v1/rule-packs/backtest", body)).json["code"] == code
        session = await connect(database_url, name="another front door's backtest")
        try:
            assert await session.fetchval(SQL["backtest_lock"])
            busy = await switch.call("POST", "/v1/rule-packs/backtest", {"name": "default"})
            assert (busy.status, busy.json["code"], busy.json["retryable"]) == (503, "backtest_running", True)
        finally:
            await session.close()


async def _tried(switch: RunningSwitch, **body: Any) -> Any:
    answer = await switch.call("POST", "/v1/rule-packs/backtest", body)
    assert answer.status == 200, answer.json
    return answer.json["report"]


def test_a_backtest_of_no_time_at_all_is_bad_usage(tmp_path: Path) -> None:
    pack = tmp_path / "pack.yaml"
    pack.write_text(STRICT)
    turned = ("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
    result = CliRunner().invoke(cli, ["rules", "backtest", str(pack), "--url", "http://127.0.0.1:9", *turned])
    assert result.exit_code == 2 and "--to is a time after --from" in result.output
    of_both = ("--url", "http://127.0.0.1:9", "--last", "5", "--to", "2026-01-02T00:00:00Z")
    for options in (of_both, ("--input", str(tmp_path), "--last", "5")):
        result = CliRunner().invoke(cli, ["rules", "backtest", str(pack), *options])
        assert result.exit_code == 2 and "--last goes with --url" in result.output
    result = CliRunner().invoke(cli, ["rules", "backtest", str(pack), "--url", "http://127.0.0.1:9", "--last", "0"])
    assert result.exit_code == 2
