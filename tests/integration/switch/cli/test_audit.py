"""`shardpay audit`: exit code 0 of a journal that is whole, 1 with what differs of one that is not."""

import json
from pathlib import Path

from actors.database.connection import connect
from tests.front_door import running_switch
from tests.integration.switch.cli.running import run
from tests.payments import funded


async def test_a_whole_journal_passes_and_a_changed_byte_fails(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        _, user = await funded(switch)
        assert (await switch.pay(user, await switch.wallet(), 7)).status == 201
        good, as_json = (
            await run("audit", "--database", database_url),
            await run("audit", "--json", "--database", database_url),
        )
        assert good.exit_code == as_json.exit_code == 0, good.output
        report = json.loads(as_json.stdout)
        assert report["differences"] == [] and f"{report['transfers']:,}" in good.stdout
        connection = await connect(database_url, name="test")
        changed = "UPDATE journal SET records = set_byte(records, 200, get_byte(records, 200) # 1) WHERE shard = 0 AND block = 1"
        await connection.execute(changed)
        bad, as_json = (
            await run("audit", "--database", database_url),
            await run("audit", "--json", "--database", database_url),
        )
        await connection.execute(changed)
        await connection.close()
        assert bad.exit_code == as_json.exit_code == 1
        assert "shard 0 block 1" in bad.stdout and json.loads(as_json.stdout)["differences"]


async def test_a_database_that_is_not_there_is_one_line_and_not_made(tmp_path: Path) -> None:
    done = await run("audit", "--data", tmp_path)
    assert done.exit_code == 1 and "there is no database in" in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
