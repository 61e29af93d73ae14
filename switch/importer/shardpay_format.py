"""Shardpay's own format for historical payments: NDJSON or Parquet, one payment a row; nothing in it is guessed.

idempotency_key, payer, payee, amount, currency, effective_at; optional kind, reference. Payer and payee are external ids; what
stands before the first colon of one names the wallet's kind: external, fee, liquidity, merchant; all others are user wallets.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.ledger.ids import key_bytes
from actors.ledger.layout import AMOUNT_MAX
from rules.currencies import NUMERIC
from switch.importer.history import KINDS, History, ImportFileError, Payments, WalletSpec, file_digest
from switch.times import time_ms

NAME: Final = "shardpay"
SLICE_MS: Final = 3_600_000
WALLET_KINDS: Final = ("external", "fee", "liquidity", "merchant")
PARQUET_MAGIC: Final = b"PAR1"
REFERENCE_CHARACTERS_MAX: Final = 256


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One payment. `effective_at`: RFC 3339 UTC; a timestamp in Parquet may be one too."""

    idempotency_key: str
    payer: str
    payee: str
    amount: int
    currency: str
    effective_at: str
    kind: str = "transfer"
    reference: str | None = None


class _Numbered(msgspec.Struct, frozen=True):
    row: int
    time_ms: int
    payment: Row


_DECODE: Final = msgspec.json.Decoder(Row).decode


def recognises(columns: set[str]) -> bool:
    """Whether a Parquet file with these columns is in this format."""
    return {"idempotency_key", "payer", "payee", "amount", "currency", "effective_at"} <= columns


def read(path: Path) -> History:
    """The history in a file. Raises ImportFileError with the first row that is wrong."""
    rows = [_numbered(number, row) for number, row in _rows(path)]
    _check_keys(rows)
    rows.sort(key=lambda row: row.time_ms)
    wallets = _wallets(rows)
    index = {wallet.external_id: number for number, wallet in enumerate(wallets)}
    references = [row.payment.reference for row in rows]
    count = len(rows)
    return History(
        name=NAME,
        digest=file_digest(NAME, path),
        wallets=wallets,
        payments=Payments(
            payer=np.array([index[row.payment.payer] for row in rows], np.int32),
            payee=np.array([index[row.payment.payee] for row in rows], np.int32),
            amount=np.array([row.payment.amount for row in rows], np.int64),
            kind=np.array([KINDS.index(row.payment.kind) for row in rows], np.uint8),
            effective_ms=np.array([row.time_ms for row in rows], np.int64),
            number=np.array([row.row for row in rows], np.int64),
            declined=np.zeros(count, np.bool_),
        ),
        keys=_keys(rows),
        slice_ms=SLICE_MS,
        tells_declines=False,
        references=references if any(references) else None,
    )


def _rows(path: Path) -> list[tuple[int, Row]]:
    with path.open("rb") as file:
        if file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC:
            return _parquet_rows(path)
        file.seek(0)
        rows = []
        for number, line in enumerate(file):
            if line.strip():
                try:
                    rows.append((number, _DECODE(line)))
                except msgspec.DecodeError as error:
                    raise ImportFileError(f"row {number}: {error}") from None
        return rows


def _parquet_rows(path: Path) -> list[tuple[int, Row]]:
    table = pq.read_table(path)
    place = table.column_names.index("effective_at")
    if pa.types.is_timestamp(table.schema.field(place).type):
        times = table.column(place).cast(pa.timestamp("ms"), safe=False).cast(pa.string())
        table = table.set_column(place, "effective_at", pa.array([_utc(text) for text in times.to_pylist()]))
    rows = []
    for number, row in enumerate(table.to_pylist()):
        present = {name: value for name, value in row.items() if value is not None}
        try:
            rows.append((number, msgspec.convert(present, Row)))
        except msgspec.ValidationError as error:
            raise ImportFileError(f"row {number}: {error}") from None
    return rows


def _utc(text: str | None) -> str | None:
    return None if text is None else text.removesuffix("Z").replace(" ", "T") + "Z"


def _numbered(number: int, row: Row) -> _Numbered:
    wrong = ""
    if not 1 <= row.amount <= AMOUNT_MAX:
        wrong = f"amount: 1 to {AMOUNT_MAX} is expected"
    elif row.currency not in NUMERIC:
        wrong = f"currency: {row.currency!r} is not in ISO 4217"
    elif row.kind not in KINDS:
        wrong = f"kind: one of {', '.join(KINDS)} is expected"
    elif not row.payer or not row.payee or row.payer == row.payee:
        wrong = "payer and payee: two different external ids are expected"
    elif not row.idempotency_key:
        wrong = "idempotency_key: a text is expected"
    elif row.reference is not None and len(row.reference) > REFERENCE_CHARACTERS_MAX:
        wrong = f"reference: at most {REFERENCE_CHARACTERS_MAX} characters"
    if wrong:
        raise ImportFileError(f"row {number}: {wrong}")
    try:
        return _Numbered(number, time_ms(row.effective_at), row)
    except ValueError as error:
        raise ImportFileError(f"row {number}: effective_at: {error}") from None


def _check_keys(rows: list[_Numbered]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        before = seen.setdefault(row.payment.idempotency_key, row.row)
        if before != row.row:
            raise ImportFileError(f"row {row.row}: its idempotency_key is that of row {before}")


def _wallets(rows: list[_Numbered]) -> list[WalletSpec]:
    wallets: dict[str, WalletSpec] = {}
    for row in rows:
        payment = row.payment
        for external_id in (payment.payer, payment.payee):
            known = wallets.get(external_id)
            if known is None:
                wallets[external_id] = WalletSpec(
                    external_id=external_id,
                    kind=_kind(external_id),
                    currency=payment.currency,
                    opened_ms=row.time_ms,
                )
            elif known.currency != payment.currency:
                raise ImportFileError(
                    f"row {row.row}: {external_id} has {known.currency}, the payment {payment.currency}; a wallet has one"
                )
    return list(wallets.values())


def _kind(external_id: str) -> str:
    prefix, colon, _ = external_id.partition(":")
    return prefix if colon and prefix in WALLET_KINDS else "user"


def _keys(rows: list[_Numbered]) -> NDArray[np.uint8]:
    raw: Any = b"".join(key_bytes(row.payment.idempotency_key) for row in rows)
    return np.frombuffer(raw, np.uint8).reshape(len(rows), 16)
