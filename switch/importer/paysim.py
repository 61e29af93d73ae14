"""PaySim: simulated mobile money, as Parquet or as the CSV that is published.

A client's limit is never stated, so it is inferred from what was declined.

A row is declined when balance - amount lies below the limit. Balances in the log are rounded numbers; what counts is what the
whole amounts add up to, as the switch will see it, so the limit is inferred from those.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.wording import counted
from switch.importer import names
from switch.importer.history import (
    HELD_BACK,
    KINDS,
    LINES_BELOW_HEADER,
    ROWS,
    History,
    ImportFileError,
    Payments,
    Place,
    WalletSpec,
    concatenated,
    content_keys,
    file_digest,
    openings,
    spread,
)
from switch.importer.text_tables import TextTable, is_parquet

NAME: Final = names.PAYSIM
CURRENCY: Final = names.PAYSIM_CURRENCY
EPOCH_MS: Final = 1_472_688_000_000
"""2016-09-01T00:00:00Z is step 0; the log has hours since its start and no date."""
STEP_MS: Final = 3_600_000
LIMITS: Final = (0, -2_500_000, -7_500_000, -15_000_000, -20_000_000)
"""The simulator's limits, minor units, the tightest first."""
EXTERNAL: Final = 0

_COLUMNS: Final = (
    "step",
    "type",
    "amount_minor",
    "payer",
    "payee",
    "payer_balance_before_minor",
    "payee_balance_before_minor",
    "is_unauthorized_overdraft",
)
_TEXT_COLUMNS: Final = {
    "step": ("step",),
    "type": ("type", "action"),
    "amount_minor": ("amount",),
    "payer": ("nameOrig",),
    "payee": ("nameDest",),
    "payer_balance_before_minor": ("oldbalanceOrg", "oldBalanceOrig"),
    "payee_balance_before_minor": ("oldbalanceDest",),
}
"""What the published CSV and the simulator's own call them."""
_TEXT_OPTIONAL: Final = {"is_unauthorized_overdraft": ("isUnauthorizedOverdraft",)}
"""Not in the published CSV, which holds no declined rows."""
NOTES_OF_A_KIND_MAX: Final = 3
_TYPES: Final = ("CASH_IN", "CASH_OUT", "DEBIT", "PAYMENT", "TRANSFER")
_CASH_IN, _CASH_OUT, _DEBIT, _PAYMENT, _TRANSFER = range(5)
_NO_UPPER: Final = 1 << 62
_NO_LOWER: Final = -(1 << 62)


class _Log(NamedTuple):
    """Columns of the file; `number`: of the row; client and other are indices of wallets, `other` that of the external wallet where the
    counterparty's balance does not move. `place`: what rows are called; `notes`: what was left out."""

    number: NDArray[np.int64]
    kind: NDArray[np.int64]
    step: NDArray[np.int64]
    amount: NDArray[np.int64]
    client: NDArray[np.int64]
    other: NDArray[np.int64]
    client_before: NDArray[np.int64]
    other_before: NDArray[np.int64]
    declined: NDArray[np.bool_]
    names: list[str]
    place: Place
    notes: tuple[str, ...]


class Floor(NamedTuple):
    """What a client may go down to, and what of its opening balance is held back until its last row to make that so."""

    floor: int
    held_back: int


def recognises(columns: set[str]) -> bool:
    """Whether a Parquet file with these columns is such a log."""
    return set(_COLUMNS) <= columns


def recognises_text(names: set[str]) -> bool:
    """Whether a text file with these columns is such a log."""
    there = {name.casefold() for name in names}
    return all(any(each.casefold() in there for each in called) for called in _TEXT_COLUMNS.values())


def read(path: Path, currency: str = CURRENCY) -> History:
    """The history in a log, whose amounts are of this currency. Raises ImportFileError."""
    log = _read_log(path)
    opening = _opening_balances(log)
    floors, notes = _floors(log, opening)
    wallets = [_wallet(name, floors[index].floor, currency) for index, name in enumerate(log.names)]
    funded = {w: int(opening[w]) - floors[w].held_back for w in range(1, len(wallets))}
    first = openings(funded, EXTERNAL, wallets)
    payments = concatenated([first, _payments(log), _held_back(floors, log)])
    digest = file_digest(f"{NAME}:{currency}", path)
    return History(
        name=NAME,
        digest=digest,
        wallets=wallets,
        payments=payments,
        keys=content_keys(NAME, wallets, payments, STEP_MS),
        keyed_by_content=True,
        slice_ms=STEP_MS,
        place=log.place,
        notes=(*log.notes, *notes),
    )


def _wallet(name: str, floor: int, currency: str) -> WalletSpec:
    kind = {"e": "external", "M": "merchant"}.get(name[0], "user")
    return WalletSpec(external_id=f"{NAME}:{name}", kind=kind, currency=currency, opened_ms=EPOCH_MS, floor=floor)


def _read_log(path: Path) -> _Log:
    table, place = _table(path)
    step = table["step"].to_numpy().astype(np.int64)
    back = np.flatnonzero(np.diff(step) < 0)
    if len(back):
        row = int(back[0])
        raise ImportFileError(f"{place.of(row + 1)}: the step goes back from {step[row]} to {step[row + 1]}")
    types = pc.fill_null(pc.index_in(table["type"].cast(pa.string()), pa.array(_TYPES)), -1).to_numpy()
    unknown = np.flatnonzero(types < 0)
    if len(unknown):
        row = int(unknown[0])
        text = table["type"][row].as_py()
        raise ImportFileError(f"{place.of(row)}: type: {text!r} is none of {', '.join(_TYPES)}")
    number = np.arange(table.num_rows)
    empty = table["amount_minor"].to_numpy() == 0
    notes = (
        (f"{counted(int(empty.sum()), 'row with an amount of 0 is', 'rows with an amount of 0 are')} left out",)
        if empty.any()
        else ()
    )
    if empty.any():
        table, types, step, number = table.filter(pa.array(~empty)), types[~empty], step[~empty], number[~empty]
    moves = (types == _PAYMENT) | (types == _TRANSFER)
    payees = table["payee"].filter(pa.array(moves))
    names = pa.concat_arrays([*table["payer"].chunks, *payees.chunks]).unique().to_pylist()
    names = ["external", *sorted(names)]
    places = pa.array(names)
    other = pc.fill_null(pc.index_in(table["payee"], places), 0).to_numpy().astype(np.int64)
    return _Log(
        number=number,
        place=place,
        notes=notes,
        kind=types.astype(np.int64),
        step=step,
        amount=table["amount_minor"].to_numpy(),
        client=pc.index_in(table["payer"], places).to_numpy().astype(np.int64),
        other=np.where(moves, other, EXTERNAL),
        client_before=table["payer_balance_before_minor"].to_numpy(),
        other_before=table["payee_balance_before_minor"].to_numpy(),
        declined=table["is_unauthorized_overdraft"].to_numpy(),
        names=names,
    )


def _table(path: Path) -> tuple[pa.Table, Place]:
    """The columns, and what rows are called."""
    if is_parquet(path):
        return pq.read_table(path, columns=list(_COLUMNS)), ROWS
    text = TextTable(path, _TEXT_COLUMNS, _TEXT_OPTIONAL)
    declined = "is_unauthorized_overdraft"
    amounts = text.cents("amount_minor")
    text.wrong("amount_minor", amounts >= 0, "an amount that is not negative")
    columns = {
        "step": text.whole("step"),
        "type": text.texts("type"),
        "amount_minor": amounts,
        "payer": text.texts("payer"),
        "payee": text.texts("payee"),
        "payer_balance_before_minor": text.cents("payer_balance_before_minor"),
        "payee_balance_before_minor": text.cents("payee_balance_before_minor"),
        declined: text.flags(declined) if declined in text else np.zeros(len(text), np.bool_),
    }
    for name in ("payer", "payee"):
        text.wrong(name, pc.not_equal(text.texts(name), "").to_numpy(), "a name")
    return pa.table(columns), LINES_BELOW_HEADER


def _opening_balances(log: _Log) -> NDArray[np.int64]:
    """The first balance seen of each wallet (w,)."""
    rows = np.arange(len(log.amount))
    moved = np.flatnonzero(log.other != EXTERNAL)
    wallet = np.concatenate([log.client, log.other[moved]])
    row = np.concatenate([rows, moved])
    before = np.concatenate([log.client_before, log.other_before[moved]])
    order = np.lexsort((row, wallet))
    seen, first = np.unique(wallet[order], return_index=True)
    opening = np.zeros(len(log.names), np.int64)
    opening[seen] = before[order][first]
    return opening


def _floors(log: _Log, opening: NDArray[np.int64]) -> tuple[list[Floor], list[str]]:
    left = _left_over(log, opening)
    spending = log.kind != _CASH_IN
    upper = np.full(len(log.names), _NO_UPPER)
    lower = np.full(len(log.names), _NO_LOWER)
    paid, refused = spending & ~log.declined, spending & log.declined
    np.minimum.at(upper, log.client[paid], left[paid])
    np.maximum.at(lower, log.client[refused], left[refused])
    floors = []
    notes: dict[str, list[str]] = {"contradicted": [], "held back": [], "unexplained": []}
    for wallet, name in enumerate(log.names):
        floor, contradiction = infer_floor(int(lower[wallet]), int(upper[wallet]), int(opening[wallet]))
        floors.append(floor)
        if contradiction:
            notes["contradicted"].append(f"{name}: {contradiction}")
        elif floor.held_back:
            notes["held back"].append(
                f"{name}: balances in the log are rounded; "
                f"{counted(floor.held_back, 'minor unit of its opening balance is', 'minor units of its opening balance are')} "
                "held back until its last row, so that its declines stay declines"
            )
        elif floor.floor not in LIMITS:
            notes["unexplained"].append(f"{name}: no limit of the simulator explains its rows, {floor.floor} does")
    return floors, [note for each in notes.values() for note in _first_of(each)]


def _first_of(notes: list[str]) -> list[str]:
    """As many notes of a kind as a person reads, and how many more there are."""
    more = len(notes) - NOTES_OF_A_KIND_MAX
    return [*notes[:NOTES_OF_A_KIND_MAX], f"and {more:,} more like the last"] if more > 0 else notes


def infer_floor(lower: int, upper: int, opening: int) -> tuple[Floor, str]:
    """The tightest floor that explains a client's rows, and a contradiction or "". Every declined row would have left at most `lower`,
    every accepted one left at least `upper`: the floor lies above the one and not above the other."""
    if lower >= upper:
        return Floor(min(upper, 0), 0), f"a row leaving {lower} was declined, one leaving {upper} was not"
    for limit in LIMITS:
        if lower < limit <= upper and limit <= opening:
            return Floor(limit, 0), ""
    if lower < min(upper, 0, opening):
        return Floor(min(upper, 0, opening), 0), ""
    if lower >= 0 and opening > lower:
        return Floor(0, lower + 1), ""
    return Floor(min(upper, 0, opening), 0), f"its opening balance of {opening} lies below what its rows allow"


def _left_over(log: _Log, opening: NDArray[np.int64]) -> NDArray[np.int64]:
    """What each row leaves its client (n,), or would have left where it was declined."""
    count = len(log.amount)
    moved = np.flatnonzero((log.other != EXTERNAL) & ~log.declined)
    change = np.where(log.kind == _CASH_IN, log.amount, np.where(log.declined, 0, -log.amount))
    wallet = np.concatenate([log.client, log.other[moved]])
    row = np.concatenate([np.arange(count), moved])
    delta = np.concatenate([change, log.amount[moved]])
    order = np.lexsort((row, wallet))
    running = np.cumsum(delta[order])
    sorted_wallet = wallet[order]
    _, first, sizes = np.unique(sorted_wallet, return_index=True, return_counts=True)
    before = np.where(first > 0, running[first - 1], 0)
    balance = np.empty(len(order), np.int64)
    balance[order] = running - np.repeat(before, sizes) + opening[sorted_wallet]
    after = balance[:count]
    return np.where(log.declined, after - log.amount, after)


def _payments(log: _Log) -> Payments:
    kinds = np.array([KINDS.index(name.lower()) for name in _TYPES], np.uint8)
    cash_in = log.kind == _CASH_IN
    return Payments(
        payer=np.where(cash_in, EXTERNAL, log.client).astype(np.int32),
        payee=np.where(cash_in, log.client, log.other).astype(np.int32),
        amount=log.amount,
        kind=kinds[log.kind],
        effective_ms=spread(EPOCH_MS + log.step * STEP_MS, STEP_MS),
        number=log.number,
        declined=log.declined,
    )


def _held_back(floors: list[Floor], log: _Log) -> Payments:
    wallets = np.array([w for w, floor in enumerate(floors) if floor.held_back], np.int32)
    end_ms = EPOCH_MS + (int(log.step[-1]) + 1) * STEP_MS if len(log.step) else EPOCH_MS
    return Payments(
        payer=np.full(len(wallets), EXTERNAL, np.int32),
        payee=wallets,
        amount=np.array([floors[w].held_back for w in wallets], np.int64),
        kind=np.full(len(wallets), KINDS.index("top_up"), np.uint8),
        effective_ms=np.full(len(wallets), end_ms, np.int64),
        number=HELD_BACK + wallets.astype(np.int64),
        declined=np.zeros(len(wallets), np.bool_),
    )
