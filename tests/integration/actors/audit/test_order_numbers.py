"""Merchants' numbers are compared with the orders of the journal; what a request or a crash leaves for a while is no difference."""

import asyncpg
import msgspec
import numpy as np
import pytest

from actors.audit.audit import audit_database
from actors.records.addresses import record_address, slot_of, wallet_address
from actors.records.blocks import credit_entries, is_indexed
from actors.records.credit_layout import FIRST_CREDIT, InquiryResult, OrderState
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    CREDIT_PREVIOUS,
    FLAG_IMPORTED,
    GRANTED,
    ORDER_STATE,
    RESULT_OF_INQUIRY,
    SCENARIO,
    Kind,
)
from actors.stores.topology import cluster_facts
from rules.vocabulary.encodings import WalletKind
from tests.journal_rows import NOON, journal, record

HOLDER, MERCHANT = int(wallet_address(1, 0)), int(wallet_address(1, 1))
OPENED = 3


def at(slot: int) -> int:
    return int(record_address(0, 1, slot))


CONSENT, ONE, TWO, FIRST, SECOND, PAST = (at(slot) for slot in range(OPENED, OPENED + 6))


async def _fill(url: str) -> asyncpg.Connection:
    """Two receipts, an order on each and one of the past, with their numbers."""
    await cluster_facts(url, 1)
    yes = {"reference": CONSENT, RESULT_OF_INQUIRY: InquiryResult.YES, GRANTED: 100, "expiry": NOON + 9_000}
    order = {"amount": 80, CONFIRM_BY: NOON + 90, "expiry": NOON + 200, ORDER_STATE: OrderState.CREATED}
    past = {"flags": FLAG_IMPORTED, "effective_time": NOON - 9, "expiry": NOON - 5, ORDER_STATE: OrderState.CONFIRMED}
    rows = [
        record(Kind.OPEN, key_hi=7),
        *(
            record(Kind.WALLET_OPENED, key_hi=wallet, payee=wallet, label=int(WalletKind.USER))
            for wallet in (HOLDER, MERCHANT)
        ),
        record(Kind.CONSENT_GRANTED, expiry=NOON + 9_000),
        *[record(Kind.INQUIRY, **yes)] * 2,
        *(record(Kind.ORDER_CREATED, reference=receipt, **order) for receipt in (ONE, TWO)),
        record(Kind.ORDER_CREATED, amount=80, **past),
    ]
    records = np.concatenate(rows)
    for slot in range(OPENED, len(records)):
        for name, value in {"payer": HOLDER, "payee": MERCHANT, ACCOUNT: 1, SCENARIO: 9}.items():
            records[name][slot] = value
        records[CREDIT_PREVIOUS][slot] = at(slot - 1) if slot > OPENED else 0
    details = {
        slot_of(each): msgspec.msgpack.encode({"number": f"A-{n}"}) for n, each in ((4, FIRST), (5, SECOND), (6, PAST))
    }
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO account (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'one'), (2, 'two')")
    await connection.execute("INSERT INTO segment (segment, shard) VALUES (1, 0)")
    blocks = [(0, *block[:3]) for block in journal(0, [records], details=details)]
    await connection.copy_records_to_table("journal", columns=["shard", "block", "records", "details"], records=blocks)
    indexed = np.flatnonzero((records["kind"] >= FIRST_CREDIT) & is_indexed(records))
    entries = credit_entries(records[indexed], np.array([at(slot) for slot in indexed.tolist()]))
    await connection.copy_records_to_table(
        "credit", columns=["wallet", "record", "kind", "about", "account"], records=entries
    )
    numbers = [(1, "A-4", ONE, FIRST), (1, "A-5", TWO, SECOND), (1, "A-6", -77, PAST)]
    await connection.copy_records_to_table(
        "order_number", columns=["account", "number", "receipt", "record"], records=numbers
    )
    return connection


async def _differences(url: str, *statements: str) -> list[str]:
    connection = await _fill(url)
    for statement in statements:
        assert not (await connection.execute(statement)).endswith(" 0"), f"{statement} changes nothing"
    await connection.close()
    return (await audit_database(url)).differences


@pytest.mark.parametrize(
    ("why", "statement"),
    [
        (
            "the request died before it told of its order",
            f"UPDATE order_number SET record = NULL WHERE record = {FIRST}",
        ),
        ("so did an import", f"UPDATE order_number SET record = NULL WHERE record = {PAST}"),
        ("the order is not made yet", "INSERT INTO order_number VALUES (2, 'A-4', 900, NULL)"),
        ("the holder's details were erased", "UPDATE order_number SET number = 'an id' WHERE number = 'A-4'"),
        (
            "another request took the number of a slow one",
            f"UPDATE order_number SET receipt = 900, record = NULL WHERE record = {FIRST}",
        ),
        (
            "another number, never an order, has the receipt of a slow request",
            f"UPDATE order_number SET number = 'B', record = NULL WHERE record = {FIRST}",
        ),
    ],
)
async def test_what_requests_and_crashes_leave_is_no_difference(database_url: str, why: str, statement: str) -> None:
    assert await _differences(database_url, statement) == [], why


async def test_numbers_as_they_were_taken_are_no_difference(database_url: str) -> None:
    assert await _differences(database_url) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (f"DELETE FROM order_number WHERE receipt = {ONE}", f"no row of order {FIRST} on receipt {ONE}"),
        ("DELETE FROM order_number", f"no row of order {FIRST}"),
        (f"UPDATE order_number SET record = {SECOND} WHERE receipt = {ONE}", f"row (1, 'A-4', {ONE}, {SECOND})"),
        (f"UPDATE order_number SET record = {CONSENT} WHERE receipt = {ONE}", f"row (1, 'A-4', {ONE}, {CONSENT})"),
        (f"UPDATE order_number SET record = {PAST} WHERE receipt = {ONE}", f"row (1, 'A-4', {ONE}, {PAST})"),
        (f"UPDATE order_number SET record = {FIRST} WHERE receipt = -77", f"row (1, 'A-6', -77, {FIRST})"),
        ("UPDATE order_number SET account = 2 WHERE number = 'A-6'", f"row (2, 'A-6', -77, {PAST})"),
        ("INSERT INTO order_number VALUES (1, 'A-7', 900, 901)", "row (1, 'A-7', 900, 901)"),
    ],
)
async def test_a_row_that_is_lost_or_points_elsewhere_is_named(database_url: str, statement: str, says: str) -> None:
    (difference,) = await _differences(database_url, statement)
    assert difference.startswith("table order_number: ") and says in difference
