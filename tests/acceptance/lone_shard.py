"""One shard as a process of its own, driven through its standard input: what the process prints is what it answers.

Usage: python -m tests.acceptance.lone_shard URL WRITER. Lines in: "pay KEY PAYEE AMOUNT" (from the external wallet), "read WALLET",
"open KEY". Lines out: "ready", then one answer a line in order of completion; it ends with exit code 70 when the shard dies.
"""

import asyncio
import os
import sys
from typing import NoReturn

import numpy as np

from actors.journal.postgres import PostgresJournal
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import Writer
from actors.records.ids import key_bytes, key_words
from actors.records.layout import REQUEST, Kind, Requests
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.host import ShardHost
from actors.shard.in_process import SMALL, InlineScorer
from actors.stores.topology import SegmentStore, cluster_facts
from rules.vocabulary.encodings import WalletKind

EXTERNAL = 1024
CURRENCY = 978


def _halt(reason: str) -> NoReturn:
    print(f"died: {reason}", file=sys.stderr, flush=True)
    os._exit(70)


async def make_host(url: str, writer: int) -> ShardHost:
    """A host of shard 0 of a database with one shard."""
    facts = await cluster_facts(url, 1)
    ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=facts.secret), SMALL)
    core = ShardCore(ShardConfig(shard=0, shards=1), ledger, Writer(0, 1, writer, bytes(16)))
    journal = PostgresJournal(url, shard=0, writer=writer)
    return ShardHost(core, journal=journal, peers={}, scorer=InlineScorer(), segments=SegmentStore(url), halt=_halt)


def row(command: str, words: list[str]) -> Requests:
    """A REQUEST row for "open" or "pay"."""
    rows = np.zeros(1, REQUEST)
    rows["key_hi"], rows["key_lo"] = key_words(key_bytes(words[0]))
    rows["caller"], rows["currency"] = 1, CURRENCY
    if command == "open":
        external = words[0] == "external"
        rows["op"] = Kind.WALLET_OPENED
        rows["kind"] = WalletKind.EXTERNAL if external else WalletKind.USER
        rows["payee"] = EXTERNAL if external else 0
    else:
        rows["op"], rows["payer"] = Kind.TRANSFER, EXTERNAL
        rows["payee"], rows["amount"] = int(words[1]), int(words[2])
    return rows


async def submit(host: ShardHost, command: str, words: list[str]) -> tuple[int, int]:
    """Send a row until it is tried; gives code and address."""
    while True:
        result = (await host.submit(row(command, words), {}))[0]
        if int(result["code"]) not in (1, 3):
            return int(result["code"]), int(result["address"])
        await asyncio.sleep(0.01)


async def _answer(host: ShardHost, line: str) -> None:
    command, *words = line.split()
    if command == "read":
        wallet = (await host.wallets(np.array([int(words[0])], np.int64)))[0]
        print("balance", int(wallet["credits"]) - int(wallet["debits"]), flush=True)
    else:
        print(command, words[0], *(await submit(host, command, words)), flush=True)


async def _main(url: str, writer: int) -> None:
    host = await make_host(url, writer)
    life = asyncio.create_task(host.run())
    while not host.ready:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    tasks = set()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        tasks.add(asyncio.create_task(_answer(host, line.decode())))
    await asyncio.gather(*tasks)
    life.cancel()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
