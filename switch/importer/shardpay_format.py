"""Shardpay's own format for historical payments: NDJSON or Parquet, one payment a row.

Nothing in it is guessed.

idempotency_key, payer, payee, amount, currency, effective_at; optional kind, reference, declined. Payer and payee are external ids; what
stands before the first colon of one names the wallet's kind: external, fee, liquidity, merchant; all others are user wallets.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.records.ids import key_bytes
from actors.records.layout import AMOUNT_MAX
from rules.language.problems import did_you_mean, shortened
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.times import time_ms
from switch.importer import names
from switch.importer.history import (
    KINDS,
    LINES,
    ROWS,
    History,
    ImportFileError,
    Payments,
    Place,
    WalletSpec,
    file_digest,
)
from switch.importer.text_tables import is_parquet

NAME: Final = names.SHARDPAY
SLICE_MS: Final = 3_600_000
DEFAULT_KIND: Final = "transfer"
WALLET_KINDS: Final = ("external", "fee", "liquidity", "merchant")
REFERENCE_CHARACTERS_MAX: Final = 256


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One payment. `effective_at`: RFC 3339 UTC; a timestamp in Parquet may be one too. `declined`: it was, for lack of funds."""

    idempotency_key: str
    payer: str
    payee: str
    amount: int
    currency: str
    effective_at: str
    kind: str | None = None
    reference: str | None = None
    declined: bool | None = None


class _Numbered(msgspec.Struct, frozen=True):
    row: int
    time_ms: int
    payment: Row


_DECODE: Final = msgspec.json.Decoder(Row).decode
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TEXT: Final = (str, "a text")
_EXPECTED: Final = {
    "idempotency_key": _TEXT,
    "payer": _TEXT,
    "payee": _TEXT,
    "amount": (int, "a whole number of minor units"),
    "currency": _TEXT,
    "effective_at": _TEXT,
    "kind": _TEXT,
    "reference": _TEXT,
    "declined": (bool, "true or false"),
}
"""What a column holds."""
_NEEDED: Final = ("idempotency_key", "payer", "payee", "amount", "currency", "effective_at")


def recognises(columns: set[str]) -> bool:
    """Whether a Parquet file with these columns is in this format."""
    return set(_NEEDED) <= columns


def read(path: Path) -> History:
    """The history in a file. Raises ImportFileError with the first row that is wrong."""
    place = ROWS if is_parquet(path) else LINES
    found = _parquet_rows(path) if place is ROWS else _lines(path)
    rows = [_numbered(place, number, row) for number, row in found]
    _check_keys(place, rows)
    rows.sort(key=lambda row: row.time_ms)
    wallets = _wallets(place, rows)
    index = {wallet.external_id: number for number, wallet in enumerate(wallets)}
    references = [row.payment.reference for row in rows]
    return History(
        name=NAME,
        digest=file_digest(NAME, path),
        wallets=wallets,
        payments=Payments(
            payer=np.array([index[row.payment.payer] for row in rows], np.int32),
            payee=np.array([index[row.payment.payee] for row in rows], np.int32),
            amount=np.array([row.payment.amount for row in rows], np.int64),
            kind=np.array([KINDS.index(row.payment.kind or DEFAULT_KIND) for row in rows], np.uint8),
            effective_ms=np.array([row.time_ms for row in rows], np.int64),
            number=np.array([row.row for row in rows], np.int64),
            declined=np.array([row.payment.declined is True for row in rows], np.bool_),
        ),
        keys=_keys(rows),
        slice_ms=SLICE_MS,
        place=place,
        references=references if any(references) else None,
    )


def _lines(path: Path) -> list[tuple[int, Row]]:
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file):
            text = line.removeprefix(_BYTE_ORDER_MARK) if number == 0 else line
            if text.strip():
                try:
                    rows.append((number, _DECODE(text)))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise ImportFileError(f"{LINES.of(number)}: {_wrong_line(text)}") from None
    return rows


def _wrong_line(line: bytes) -> str:
    """Why a line is no payment."""
    try:
        found = msgspec.json.decode(line)
    except UnicodeDecodeError:
        return "this is no text in UTF-8"
    except msgspec.DecodeError as error:
        return f"this is no JSON object: {error}"
    if isinstance(found, list):
        return "one JSON object a line is expected, not a list of them"
    return _wrong_columns(found) if isinstance(found, dict) else "a JSON object is expected"


def _wrong_columns(row: dict[str, Any]) -> str:
    """Why a row with these columns is no payment, in the words of the file."""
    for name in row:
        if name not in _EXPECTED:
            hint = did_you_mean(name, _EXPECTED, "known are " + ", ".join(_EXPECTED))
            return f"{shortened(name)}: no column is called so; {hint}"
    for name, (type_, expected) in _EXPECTED.items():
        value = row.get(name)
        if value is None and name in _NEEDED:
            return f"{name} is {'null' if name in row else 'missing'}"
        if value is not None and type(value) is not type_:
            return f"{name}: {expected} is expected, not {shortened(repr(value))}"
    return "this is no payment"


def _parquet_rows(path: Path) -> list[tuple[int, Row]]:
    table = pq.read_table(path)
    place = table.column_names.index("effective_at") if "effective_at" in table.column_names else None
    if place is not None and pa.types.is_timestamp(table.schema.field(place).type):
        times = table.column(place).cast(pa.timestamp("ms"), safe=False).cast(pa.string())
        table = table.set_column(place, "effective_at", pa.array([_utc(text) for text in times.to_pylist()]))
    rows = []
    for number, row in enumerate(table.to_pylist()):
        present = {name: value for name, value in row.items() if value is not None}
        try:
            rows.append((number, msgspec.convert(present, Row)))
        except msgspec.ValidationError:
            raise ImportFileError(f"{ROWS.of(number)}: {_wrong_columns(present)}") from None
    return rows


def _utc(text: str | None) -> str | None:
    return None if text is None else text.removesuffix("Z").replace(" ", "T") + "Z"


def _numbered(place: Place, number: int, row: Row) -> _Numbered:
    wrong = ""
    if not 1 <= row.amount <= AMOUNT_MAX:
        wrong = f"amount: 1 to {AMOUNT_MAX} is expected, not {row.amount}"
    elif row.currency not in NUMERIC:
        wrong = _unknown("currency", row.currency, NUMERIC, "in ISO 4217")
    elif row.kind is not None and row.kind not in KINDS:
        wrong = _unknown("kind", row.kind, KINDS, f"one of {', '.join(KINDS)}")
    elif not row.payer or not row.payee or row.payer == row.payee:
        wrong = "payer and payee: two different external ids are expected"
    elif not row.idempotency_key:
        wrong = "idempotency_key: a text is expected"
    elif row.reference is not None and len(row.reference) > REFERENCE_CHARACTERS_MAX:
        wrong = f"reference: at most {REFERENCE_CHARACTERS_MAX} characters"
    if wrong:
        raise ImportFileError(f"{place.of(number)}: {wrong}")
    try:
        return _Numbered(number, time_ms(row.effective_at), row)
    except ValueError as error:
        raise ImportFileError(
            f"{place.of(number)}: effective_at: {error}, not {shortened(row.effective_at)!r}"
        ) from None


def _unknown(column: str, word: str, among: Collection[str], expected: str) -> str:
    hint = did_you_mean(word, among)
    return f"{column}: {shortened(word)!r} is not {expected}" + (f"; {hint}" if hint else "")


def _check_keys(place: Place, rows: list[_Numbered]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        before = seen.setdefault(row.payment.idempotency_key, row.row)
        if before != row.row:
            raise ImportFileError(f"{place.of(row.row)}: its idempotency_key is that of {place.of(before)}")


def _wallets(place: Place, rows: list[_Numbered]) -> list[WalletSpec]:
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
                    f"{place.of(row.row)}: {external_id} has {known.currency}, the payment {payment.currency}; a wallet has one"
                )
    return list(wallets.values())


def _kind(external_id: str) -> str:
    prefix, colon, _ = external_id.partition(":")
    return prefix if colon and prefix in WALLET_KINDS else "user"


def _keys(rows: list[_Numbered]) -> NDArray[np.uint8]:
    raw: Any = b"".join(key_bytes(row.payment.idempotency_key) for row in rows)
    return np.frombuffer(raw, np.uint8).reshape(len(rows), 16)
