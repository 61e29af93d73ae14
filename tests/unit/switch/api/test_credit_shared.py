"""What calls of credit share: a repeat is known by its body, ids say what they are of, and a wallet in use is not closed."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_STATE
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import RECORD, Kind, WalletStatus
from actors.records.secret import Secret
from actors.rpc.interface import ShardUnavailable
from actors.stores.api_keys import Principal
from rules.vocabulary.encodings import WalletKind
from switch.api.credit_shared import (
    body_hash,
    credit_row,
    holder_shard,
    is_holder,
    own_wallet,
    record_named,
    recorded,
    refuse_while_owed,
    wallet_address,
)
from switch.problems.table import ProblemError
from switch.views.credit_records import CreditDetails, CreditRecord

SECRET = Secret.of(bytes(range(16)))
NOON = 1_795_521_600_000
ADDRESS = 70_001
WHO = Principal(5, frozenset({"holder"}))


def code_of(error: pytest.ExceptionInfo[ProblemError]) -> str:
    return error.value.code


def test_bodies_differ_by_what_stands_where_and_are_never_zero() -> None:
    bodies = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", None), ("a", "b", 0), ("a", "b", ""), ("a", ["b"]), ()]
    assert len({body_hash(*each) for each in bodies}) == len(bodies)
    assert all(0 < body_hash(*each) < 2**64 for each in bodies)
    assert body_hash({"a": 1, "b": 2}) == body_hash({"b": 2, "a": 1}), "the order of keys says nothing"


def test_a_row_is_its_callers_under_its_key() -> None:
    row: Any = credit_row(Kind.INQUIRY, WHO, bytes(range(16)), 99)
    assert (row["op"], row["caller"], row["account"], row["digest"], row["seen"]) == (Kind.INQUIRY, 5, 5, 99, -1)
    other: Any = credit_row(Kind.INQUIRY, WHO, bytes(16), 99)
    assert (row["key_hi"], row["key_lo"]) != (other["key_hi"], other["key_lo"])


def services(**more: Any) -> Any:
    async def owner_of(address: int) -> int:
        return 1 if address == ADDRESS else -1

    async def holds(principal: Principal, address: int) -> bool:
        return address == ADDRESS

    return SimpleNamespace(
        secret=SECRET, topology=SimpleNamespace(owner_of=owner_of), access=SimpleNamespace(holds=holds), **more
    )


async def test_a_wallet_is_looked_for_on_its_shard_and_nowhere_else() -> None:
    assert await holder_shard(services(), ADDRESS) == 1
    for address in (0, -1, ADDRESS + 1):
        with pytest.raises(ProblemError) as missing:
            await holder_shard(services(), address)
        assert code_of(missing) == "wallet_not_found"


async def test_what_is_no_id_is_refused_by_its_field_and_whose_it_is_not_is_not_found() -> None:
    assert wallet_address(services(), encode_wallet(SECRET, ADDRESS)) == ADDRESS
    for text in ("", "ann", "x" * 36):
        with pytest.raises(ProblemError) as wrong:
            wallet_address(services(), text, "payee")
        assert (code_of(wrong), wrong.value.errors[0].field) == ("invalid_field", "payee")
    assert await own_wallet(services(), WHO, encode_wallet(SECRET, ADDRESS)) == ADDRESS
    for text in (encode_wallet(SECRET, ADDRESS + 1), "00000000-0000-8000-8000-000000000000"):
        with pytest.raises(ProblemError) as foreign:
            await own_wallet(services(), WHO, text)
        assert code_of(foreign) == "wallet_not_found"


@pytest.mark.parametrize(
    ("kind", "currency", "holder"),
    [
        (WalletKind.USER, 978, True),
        (WalletKind.MERCHANT, 978, True),
        (WalletKind.USER, 0, False),
        (WalletKind.EXTERNAL, 978, False),
        (WalletKind.FEE, 978, False),
    ],
)
def test_only_people_and_merchants_have_credit(kind: WalletKind, currency: int, holder: bool) -> None:
    assert is_holder({"kind": int(kind), "currency": currency}) is holder


class Reader:
    def __init__(self, paying: int = 0, own: int = 0, status: WalletStatus = WalletStatus.OPEN) -> None:
        self._row = np.zeros(1, CREDIT_STATE)
        self._row["paying"], self._row["credit"]["open"], self._row["wallet"]["status"] = paying, own, int(status)

    async def read(self, asked: Any) -> Any:
        return self._row


class Away:
    async def read(self, asked: Any) -> Any:
        raise ShardUnavailable(True)


@pytest.mark.parametrize(
    ("readers", "code"),
    [
        ([Reader(), Reader()], None),
        ([Reader(), Reader(paying=2)], "wallet_has_orders"),
        ([Reader(own=1), Reader()], "wallet_has_orders"),
        ([Reader(own=1, status=WalletStatus.CLOSED), Reader(paying=1)], None),
        ([Reader(), Away()], "timeout"),
    ],
)
async def test_a_wallet_with_orders_on_any_shard_is_not_closed(readers: list[Any], code: str | None) -> None:
    shared: Any = SimpleNamespace(credit_readers=readers)
    if code is None:
        await refuse_while_owed(shared, ADDRESS)
        return
    with pytest.raises(ProblemError) as refused:
        await refuse_while_owed(shared, ADDRESS)
    assert code_of(refused) == code


def found(digest: int, address: int = 100) -> CreditRecord:
    record: dict[str, Any] = dict.fromkeys(RECORD.names or (), 0)
    return CreditRecord(address, record | {"digest": digest, "record_time": NOON}, CreditDetails())


class History:
    def __init__(self, *records: CreditRecord) -> None:
        self._records = records

    async def many(self, addresses: list[int]) -> list[CreditRecord]:
        return list(self._records)

    async def one(self, address: int, *kinds: Kind) -> CreditRecord | None:
        return self._records[0]._replace(address=address) if self._records else None


def answered(code: Code = Code.OK) -> Any:
    return SimpleNamespace(code=int(code), address=100, replayed=False)


async def test_a_key_that_was_used_for_something_else_is_a_mismatch() -> None:
    right = services(credit_history=History(found(7)))
    assert (await recorded(right, answered(), 7)).address == 100
    for history, answer, code in (
        (History(found(8)), answered(), "idempotency_mismatch"),
        (History(), answered(), "idempotency_mismatch"),
        (History(found(7)), answered(Code.CONSENTS_FULL), "consents_full"),
    ):
        with pytest.raises(ProblemError) as refused:
            await recorded(services(credit_history=history), answer, 7)
        assert code_of(refused) == code


async def test_an_id_names_a_record_only_with_the_time_at_which_it_was_made() -> None:
    history = services(credit_history=History(found(7)))
    right = transfer_id(SECRET, NOON, 100)
    assert (await record_named(history, right, "consent_not_found")).address == 100
    assert (await record_named(history, right.upper(), "consent_not_found")).address == 100
    for text in (transfer_id(SECRET, NOON + 1, 100), "nothing", ""):
        with pytest.raises(ProblemError) as missing:
            await record_named(history, text, "consent_not_found")
        assert code_of(missing) == "consent_not_found"
