"""A wallet's chain within records that are not durable yet: where it leaves them."""

from actors.records.addresses import count_before
from actors.records.layout import Kind
from models.jit import kernel

_TRANSFER = int(Kind.TRANSFER)
_LAST = int(Kind.APPROVAL)


@kernel
def leaves_at(records, first, wallet, address):
    """Address of the newest record of a wallet's chain before `records` (n,), which lie at `first` (slot 0 of a block) and on; 0 when its
    chain begins in them. `address`: its newest record in them."""
    while address >= first:
        place = address - first
        record = records[count_before(place)]
        pays = _TRANSFER <= record["kind"] <= _LAST and record["payer"] == wallet
        address = record["payer_prev"] if pays else record["payee_prev"]
    return address
