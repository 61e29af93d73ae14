"""Where records that are not durable yet leave a wallet's chain."""

import numpy as np
import pytest

from actors.ledger.chains import leaves_at
from actors.records.addresses import record_address
from actors.records.layout import RECORD, Kind

FIRST = int(record_address(0, 9, 0))
PAYER, PAYEE = 65_600, 65_601
PAYMENTS = {Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.REFUND, Kind.APPROVAL}


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
def test_a_chain_goes_on_at_the_side_on_which_the_wallet_is(kind: Kind) -> None:
    records = np.zeros(2, RECORD)
    records["kind"], records["payer"], records["payee"] = kind, PAYER, PAYEE
    records["payer_prev"], records["payee_prev"] = [FIRST - 10, FIRST], [FIRST - 20, FIRST]
    payers = FIRST - 10 if kind in PAYMENTS else FIRST - 20
    assert int(leaves_at(records, FIRST, PAYER, FIRST + 1)) == payers
    assert int(leaves_at(records, FIRST, PAYEE, FIRST + 1)) == FIRST - 20
    assert int(leaves_at(records, FIRST, PAYER, FIRST - 1)) == FIRST - 1
