"""What `after` may name: a transfer that posted, of the payer or the payee.

It was not declined, and one of them took part in it.

A shard waits until it has seen what `after` names, and knows no more of it than its place. So the front door reads the records, those of a
batch by one statement. What is not there, the shard refuses; what concerns others is to a bound account as if it were not there.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.layout import REQUEST, Records, Requests
from switch.problems.table import AFTER_DECLINED_NUMBER, AFTER_UNRELATED_NUMBER, NUMBERS, FieldError, ProblemError
from switch.views.statement import History

_POSSIBLE: Final = (
    "Name a transfer that was posted and in which the payer or the payee took part, or leave `after` out."
)


async def check_after(history: History, bound: bool, row: bytes, named: str) -> None:
    """Raise ProblemError when the payment in this REQUEST row may not follow the transfer `named`. `bound`: its caller's account is."""
    rows = np.frombuffer(row, REQUEST)
    if rows["after"][0] == 0:
        return
    records = await history.records(rows["after"])
    code = int(_codes(rows, records, bound)[0])
    if code == 0:
        return
    if code == Code.AFTER_NOT_FOUND:
        raise ProblemError(NUMBERS[code])
    what = (
        f"was declined ({NUMBERS[int(records['code'][0])]})"
        if code == AFTER_DECLINED_NUMBER
        else "is between other wallets"
    )
    text = f"the transfer {named} {what}"
    raise ProblemError(NUMBERS[code], f"after: {text}. {_POSSIBLE}", errors=(FieldError("after", text),))


async def after_codes(history: History, bound: bool, rows: Requests) -> NDArray[np.uint16]:
    """Per REQUEST row (n,) the number of what is wrong with its `after`, 0 for nothing."""
    codes = np.zeros(len(rows), np.uint16)
    named = np.flatnonzero(rows["after"] > 0)
    if len(named):
        addresses, where = np.unique(rows["after"][named], return_inverse=True)
        records = await history.records(addresses)
        codes[named] = _codes(rows[named], records[where], bound)
    return codes


def _codes(rows: Requests, records: Records, bound: bool) -> NDArray[np.uint16]:
    """Numbers for REQUEST rows (n,) and the records (n,) that they name, zeros where there is none."""
    there = records["kind"] != 0
    pays, paid = records["payer"], records["payee"]
    own = (pays == rows["payer"]) | (pays == rows["payee"])
    related = own | (paid == rows["payer"]) | (paid == rows["payee"])
    declined = records["code"] != 0
    codes = np.select([there & ~related, there & declined], [AFTER_UNRELATED_NUMBER, AFTER_DECLINED_NUMBER])
    if bound:
        hidden = (codes == AFTER_UNRELATED_NUMBER) | ((codes == AFTER_DECLINED_NUMBER) & (pays != rows["payer"]))
        codes[hidden] = Code.AFTER_NOT_FOUND
    return codes.astype(np.uint16)
