"""What `after` may name: one row for each way in which a transfer is another's, was declined, or is not there."""

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.layout import RECORD, REQUEST, Kind, Records, Requests
from switch.api.after import after_codes, check_after
from switch.problems.table import AFTER_DECLINED_NUMBER, AFTER_UNRELATED_NUMBER, ProblemError
from switch.views.statement import History

PAYER, PAYEE, OTHER, STRANGER = 70_001, 70_002, 70_003, 70_004
POSTED, DECLINED, OTHERS, OTHERS_DECLINED, MINE_AS_PAYEE, PAID_BY_PAYEE, NOWHERE = 11, 12, 13, 14, 15, 16, 17
JOURNAL = {
    POSTED: (PAYER, OTHER, 0),
    DECLINED: (PAYER, PAYEE, int(Code.INSUFFICIENT_FUNDS)),
    OTHERS: (OTHER, STRANGER, 0),
    OTHERS_DECLINED: (OTHER, STRANGER, int(Code.INSUFFICIENT_FUNDS)),
    MINE_AS_PAYEE: (OTHER, PAYER, int(Code.INSUFFICIENT_FUNDS)),
    PAID_BY_PAYEE: (PAYEE, STRANGER, 0),
}
UNRELATED, REFUSED, HIDDEN = int(AFTER_UNRELATED_NUMBER), int(AFTER_DECLINED_NUMBER), int(Code.AFTER_NOT_FOUND)


class Journal:
    """Records by address; keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def records(self, addresses: NDArray[np.int64]) -> Records:
        self.asked.append(addresses.tolist())
        found = np.zeros(len(addresses), RECORD)
        for record, address in zip(found, addresses.tolist(), strict=True):
            if address in JOURNAL:
                record["kind"] = Kind.TRANSFER
                record["payer"], record["payee"], record["code"] = JOURNAL[address]
        return found


def payments(*named: int) -> Requests:
    rows = np.zeros(len(named), REQUEST)
    rows["payer"], rows["payee"], rows["after"] = PAYER, PAYEE, named
    return rows


async def codes(bound: bool, *named: int) -> list[int]:
    return cast(list[int], (await after_codes(cast(History, Journal()), bound, payments(*named))).tolist())


@pytest.mark.parametrize(
    ("named", "code", "bound"),
    [
        (POSTED, 0, 0),
        (PAID_BY_PAYEE, 0, 0),
        (NOWHERE, 0, 0),
        (DECLINED, REFUSED, REFUSED),
        (MINE_AS_PAYEE, REFUSED, HIDDEN),
        (OTHERS, UNRELATED, HIDDEN),
        (OTHERS_DECLINED, UNRELATED, HIDDEN),
    ],
)
async def test_what_concerns_others_is_to_a_bound_account_as_if_it_were_not_there(
    named: int, code: int, bound: int
) -> None:
    assert await codes(False, named) == [code] and await codes(True, named) == [bound]


async def test_a_batch_reads_each_record_once_and_rows_without_after_none() -> None:
    journal = Journal()
    rows = payments(0, OTHERS, POSTED, OTHERS, -5)
    found = await after_codes(cast(History, journal), False, rows)
    assert found.tolist() == [0, UNRELATED, 0, UNRELATED, 0] and journal.asked == [[POSTED, OTHERS]]


@pytest.mark.parametrize(
    ("named", "problem", "why"),
    [
        (DECLINED, "after_declined", "was declined (insufficient_funds)"),
        (OTHERS, "after_unrelated", "is between other wallets"),
    ],
)
async def test_a_payment_is_told_what_is_wrong_with_the_transfer_it_names(named: int, problem: str, why: str) -> None:
    with pytest.raises(ProblemError) as raised:
        await check_after(cast(Any, Journal()), False, payments(named).tobytes(), "its-id")
    assert raised.value.code == problem
    assert [(error.field, error.message) for error in raised.value.errors] == [("after", f"the transfer its-id {why}")]


async def test_a_bound_account_learns_nothing_of_a_transfer_of_others() -> None:
    with pytest.raises(ProblemError) as raised:
        await check_after(cast(Any, Journal()), True, payments(OTHERS).tobytes(), "its-id")
    assert raised.value.code == "after_not_found" and raised.value.errors == ()


async def test_a_payment_that_names_none_reads_nothing() -> None:
    journal = Journal()
    await check_after(cast(Any, journal), True, payments(0).tobytes(), "")
    assert journal.asked == []
