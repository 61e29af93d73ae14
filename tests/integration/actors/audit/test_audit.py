"""An audit of a journal as it was written finds nothing, and finds each byte that was changed since."""

import asyncio
import secrets

import asyncpg
import numpy as np
import pytest

from actors.audit.audit import AuditReport, audit_database, render
from actors.journal.postgres import PostgresJournal
from actors.records.credit_layout import CREDIT_REQUEST
from actors.records.layout import RECORD, REQUEST, Kind, Requests
from actors.shard.host import ShardHost
from actors.shard.in_process import SMALL, LocalSwitch
from actors.stores.topology import SegmentStore, cluster_facts
from bench.workload.direct import lone_shard, open_wallets
from bench.workload.payments import payment_rows
from rules.vocabulary.encodings import WalletKind
from tests.conftest import new_database

HEADER_BYTES = 88


async def _write(url: str) -> None:
    async with lone_shard(url, SMALL) as switch:
        await switch.start()
        host, rng = switch.hosts[0], np.random.default_rng(4)
        addresses = await open_wallets(host, 300, rng)
        results = await host.submit(payment_rows(addresses, 8_000, rng), {0: b"\xc0"})
        assert not results["code"].any()


async def _change(url: str, block: int, byte: int) -> None:
    connection = await asyncpg.connect(url)
    flipped = "set_byte(records, $2, get_byte(records, $2) # 1)"
    await connection.execute(f"UPDATE journal SET records = {flipped} WHERE block = $1", block, byte)
    await connection.close()


async def test_an_honest_journal_has_no_difference(database_url: str) -> None:
    await _write(database_url)
    report = await audit_database(database_url)
    assert report.differences == []
    assert (report.transfers, report.wallets) == (8_000, 300)
    assert report.records >= 8_300 and not any(report.sums.values())


@pytest.mark.parametrize(
    ("block", "byte", "says"),
    [
        (100, HEADER_BYTES + RECORD.itemsize * 3 + 24, "block 100 record 3"),
        (100, 40, "block 100: it does not carry the hash"),
        (100, 16, "block 100: it says it is block"),
        (100, 24, "block 100: it was written by a process that had not opened"),
    ],
)
async def test_a_changed_byte_is_found(database_url: str, block: int, byte: int, says: str) -> None:
    await _write(database_url)
    await _change(database_url, block, byte)
    differences = (await audit_database(database_url)).differences
    assert any(says in each for each in differences), differences


async def test_changed_details_are_found(database_url: str) -> None:
    await _write(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE journal SET details = details || '\\x00' WHERE details IS NOT NULL")
    await connection.close()
    assert any("its details are not" in each for each in (await audit_database(database_url)).differences)


# Every table that follows from the journal, over two shards.

EUR, BANK = 978, 1024
TEMPLATE = "audited"


def _row(**columns: int) -> Requests:
    rows = np.zeros(1, REQUEST)
    rows["key_hi"], rows["caller"], rows["currency"] = secrets.randbits(62), 1, EUR
    for name, value in columns.items():
        rows[name] = value
    return rows


async def _done(host: ShardHost, rows: Requests) -> int:
    """The address in the result of one row that is done."""
    while True:
        (result,) = await host.submit(rows.copy(), {})
        if result["code"] not in (1, 3):
            assert not result["code"], result
            return int(result["address"])


async def _wallet(host: ShardHost, balance: int) -> int:
    address = await _done(host, _row(op=Kind.WALLET_OPENED, kind=WalletKind.USER))
    await _done(host, _row(op=Kind.TRANSFER, payer=BANK, payee=address, amount=balance))
    return address


async def _fill(url: str) -> None:
    """Payments on and between two shards, holds, captures and refunds, a payment of the past, a wallet with an anchor, an order."""
    facts = await cluster_facts(url, 2)
    journals = [PostgresJournal(url, shard=shard, writer=secrets.randbits(63)) for shard in range(2)]
    segments = SegmentStore(url)
    switch = LocalSwitch(journals=list(journals), segments=segments, secret=facts.secret, scored=False)
    await switch.start()
    here, there = switch.hosts
    for host in switch.hosts:
        await _done(host, _row(op=Kind.WALLET_OPENED, kind=WalletKind.EXTERNAL, payee=BANK))
    ann, bob, far = await _wallet(here, 5_000), await _wallet(here, 5_000), await _wallet(there, 5_000)
    await _done(here, _row(op=Kind.TRANSFER, payer=ann, payee=far, amount=30))
    held = await _done(here, _row(op=Kind.HOLD, payer=ann, payee=bob, amount=40, expires_in_s=3_600))
    captured = await _done(here, _row(op=Kind.CAPTURE, payer=ann, payee=bob, after=held, amount=15))
    await _done(here, _row(op=Kind.REFUND, payer=bob, payee=ann, after=captured, amount=5))
    await _done(here, _row(op=Kind.TRANSFER, payer=BANK, payee=ann, amount=7, effective_time=1_600_000_000_000))
    for host, other in ((here, bob), (there, far)):
        rows = np.concatenate([_row(op=Kind.TRANSFER, payer=other, payee=BANK, amount=1) for _ in range(300)])
        assert not (await host.submit(rows, {}))["code"].any()
    consent = np.zeros(1, CREDIT_REQUEST)
    consent["op"], consent["holder"], consent["home"], consent["seen"] = Kind.CONSENT_GRANTED, ann, ann, -1
    consent["account"], consent["scenario"], consent["caller"], consent["key_lo"] = 7, 3, 1, 9
    consent["digest"], consent["expiry"] = 5, 2**50
    assert not (await here.credit(consent, {}))["code"].any()
    while not (await there.wallets(np.array([far])))["credits"][0] >= 5_030:
        pass  # each look is a turn of the loop
    await switch.stop()
    for journal in journals:
        await journal.close()
    await segments.close()


@pytest.fixture(scope="module")
def filled(postgres_url: str, migrated: str) -> str:
    """The name of a database that each test gets a copy of."""

    async def make() -> None:
        administrator = await asyncpg.connect(postgres_url)
        await administrator.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE {migrated}")
        await administrator.close()
        await _fill(postgres_url.replace("/postgres?", f"/{TEMPLATE}?"))

    asyncio.run(make())
    return TEMPLATE


async def _after(postgres_url: str, template: str, *statements: str) -> AuditReport:
    async with new_database(postgres_url, template) as url:
        connection = await asyncpg.connect(url)
        for statement in statements:
            assert not (await connection.execute(statement)).endswith(" 0"), f"{statement} changes nothing"
        await connection.close()
        return await audit_database(url)


async def test_two_shards_and_all_tables_agree(postgres_url: str, filled: str) -> None:
    report = await _after(postgres_url, filled)
    assert report.differences == [] and not any(report.sums.values())
    assert (report.shards, report.legs, report.holds, report.captures, report.refunds) == (2, 1, 1, 1, 1)
    assert report.in_transit == 0 and report.wallets == 5 and "no difference" in render(report)
    assert "EUR: balances and credits in transit sum to 0" in render(report)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM reference WHERE target = (SELECT min(target) FROM reference)", "table reference: the row"),
        ("INSERT INTO reference VALUES (1, 2)", "table reference: the row (1, 2)"),
        ("UPDATE anchor SET chain_time = chain_time + 1 WHERE shard = 1", "table anchor: the row"),
        ("DELETE FROM anchor WHERE shard = 0", "table anchor: the row"),
        ("UPDATE late SET amount = amount + 1", "table late: the row"),
        ("DELETE FROM late_sum", "table late_sum: the row"),
        ("INSERT INTO review VALUES (5, 7, 0)", "table review: the row (5, 7, 0)"),
        ("INSERT INTO suspended VALUES (5, 7)", "table suspended: the row (5, 7)"),
        ("DELETE FROM credit", "table credit: the row"),
        ("UPDATE credit SET account = 8", "table credit: the row"),
    ],
)
async def test_a_table_that_does_not_follow_from_the_journal_is_named_with_the_row(
    postgres_url: str, filled: str, statement: str, says: str
) -> None:
    differences = (await _after(postgres_url, filled, statement)).differences
    assert len(differences) == 1 and says in differences[0]


async def test_a_credit_that_was_not_fetched_yet_is_in_transit_and_one_that_is_gone_is_named(
    postgres_url: str, filled: str
) -> None:
    legs = f"(SELECT min(block) FROM journal WHERE shard = 1 AND get_byte(records, {HEADER_BYTES}) = {int(Kind.LEG)})"
    cut = f"DELETE FROM journal WHERE shard = 1 AND block >= {legs}"
    report = await _after(postgres_url, filled, cut, "DELETE FROM anchor WHERE shard = 1")
    assert report.differences == [] and report.in_transit == 1 and not any(report.sums.values())
    report = await _after(postgres_url, filled, "DELETE FROM journal WHERE shard = 0 AND block > 1")
    assert any("names block" in each and "another hash" in each for each in report.differences)
    assert any("has no transfer that fits" in each for each in report.differences)
    assert any("sum to 30, not to zero" in each or "not to zero" in each for each in report.differences)


async def test_a_table_of_segments_that_is_shorter_than_the_journal_is_no_crash(postgres_url: str, filled: str) -> None:
    report = await _after(
        postgres_url, filled, "DELETE FROM segment WHERE segment = (SELECT max(segment) FROM segment)"
    )
    assert any("pays a wallet that no other shard has" in each for each in report.differences), report.differences
