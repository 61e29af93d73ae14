"""The process that tries a pack on the journal never outlives who started it, nor the time it is given."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from actors.backtest.live import CHILDREN, LiveBacktest, LiveBacktester, Response
from actors.ledger.bounds import Capacity
from actors.scoring.pack_compiler import LINE_BYTES_MAX

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[4]
PACK = "name: p\nfallback: approve\nrules:\n  - {id: one, when: amount > 5, action: decline, reason: BIG}\n"


def tried(url: str) -> LiveBacktest:
    capacity = Capacity()
    return LiveBacktest(url=url, secret=bytes(16), shards=1, capacity=capacity, text=PACK, files={}, card=None)


async def test_it_ends_with_the_standard_input_that_its_parent_holds() -> None:
    server = await asyncio.start_unix_server(lambda reader, writer: None, path := f"/tmp/.s.PGSQL.{os.getpid()}")
    try:
        child = await CHILDREN.start(LINE_BYTES_MAX)
        assert child is not None
        asked = msgspec.msgpack.encode(tried(f"postgresql://nobody@/none?host=/tmp&port={os.getpid()}"))
        child.writer.write(len(asked).to_bytes(8, "little") + asked)
        await child.writer.drain()
        child.writer.write_eof()
        async with asyncio.timeout(60):
            assert await child.reader.read() == b""
        child.end()
    finally:
        server.close()
        os.unlink(path)


@pytest.mark.parametrize(("timeout_s", "failure"), [(0.0, "too_large"), (60.0, "unavailable")])
async def test_what_went_wrong_is_told(timeout_s: float, failure: str) -> None:
    stated = await LiveBacktester(timeout_s).run(tried("postgresql://nobody@127.0.0.1:1/none"))
    assert stated.failure == failure


async def test_there_is_one_at_a_time() -> None:
    tester = LiveBacktester(60.0)
    test = tried("postgresql://nobody@127.0.0.1:1/none")
    first, second = await asyncio.gather(tester.run(test), tester.run(test))
    assert (first.failure, second) == ("unavailable", Response(failure="busy"))


async def test_whoever_is_expected_finds_the_process_that_waits() -> None:
    CHILDREN.close()
    tester = LiveBacktester(60.0)
    tester.get_ready()
    waiting = CHILDREN.waits
    assert waiting is not None
    assert (await tester.run(tried("postgresql://nobody@127.0.0.1:1/none"))).failure == "unavailable"
    assert CHILDREN.waits == waiting


KERNELS = (
    "actors.ledger.rebuilding._rebuild",
    "models.card_rows.score_rows",
    "rules.decisions.pack._combine",
    "rules.backtest.counts._count",
)


def test_copies_find_every_kernel_loaded() -> None:
    code = (
        "from pydoc import locate; from actors.backtest.live import prepare; prepare();"
        f"print(*(len(locate(name).overloads) for name in {KERNELS}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["1"] * len(KERNELS)
