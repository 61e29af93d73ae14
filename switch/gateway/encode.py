"""Encode a payment into the 96 bytes that a shard reads.

JSON and Arrow give the same bytes.

What records have no room for (reference, metadata, device, address) becomes `details`, msgpack with its fields in a fixed order and
metadata sorted, so that the same body always has the same digest.
"""

import hashlib
from typing import Final

import msgspec
from msgspec import UNSET

from actors.records.ids import decode_transfer
from actors.records.layout import FLAG_FINAL, REQUEST, REQUEST_ANSWER, Kind, packing
from actors.records.secret import Secret
from models.hashing import splitmix64
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.encodings import country_number, device_number
from switch.http.call import Caller
from switch.http.schema import CHANNELS, LABELS, Context, NewWallet, Transfer, check_ip, named
from switch.problems.table import invalid_field

ROW: Final = packing(REQUEST, whole_key=True, padding=("spare",))

HOLD_SECONDS: Final = 7 * 86_400
"""How long an amount is held when the request does not say."""

_NO_CONTEXT: Final = Context()


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside a record, as a msgpack map."""

    reference: str | None = None
    metadata: dict[str, str] | None = None
    device: str | None = None
    ip: str | None = None


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Details).decode


def body_digest(details: bytes | None, after: int) -> int:
    """What of a body is in no other field of the row: 64 bits of details and `after`."""
    digest = 0
    if details is not None:
        digest = int.from_bytes(hashlib.blake2b(details, digest_size=8).digest(), "little")
    return digest ^ splitmix64(after) if after else digest


def details_bytes(
    reference: str | None, metadata: dict[str, str] | None, device: str | None, ip: str | None
) -> bytes | None:
    """Details as msgpack, None when there are none."""
    if not (reference or metadata or device or ip):
        return None
    ordered = dict(sorted(metadata.items())) if metadata else None
    return _ENCODE(Details(reference=reference or None, metadata=ordered, device=device, ip=ip))


def details_of(raw: bytes | msgspec.Raw | None) -> Details:
    """Details read back."""
    return Details() if raw is None else _DECODE(raw)


def currency_number(letters: str, field: str) -> int:
    """ISO number of a currency. Raises invalid_field."""
    number = NUMERIC.get(letters)
    if number is None:
        raise invalid_field(field, f"expected an ISO 4217 code like EUR, got {letters!a}")
    return number


def after_address(secret: Secret, transfer: Transfer, path: str = "") -> int:
    """Record address in the transfer id of `after`, 0 when it is not given. Raises invalid_field when this switch did not make that id."""
    if transfer.after is UNSET:
        return 0
    address = decode_transfer(secret, transfer.after)
    if address == 0:
        raise invalid_field(f"{path}after", "a transfer id of this switch is expected")
    return address


def transfer_row(
    transfer: Transfer, payer: int, payee: int, after: int, key: bytes, caller: Caller, path: str = ""
) -> tuple[bytes, bytes | None]:
    """The row of a transfer between two wallet addresses, and its details. `after`: address of the record it names, or 0. `path` goes
    before field names in problems."""
    context = transfer.context if transfer.context is not UNSET else _NO_CONTEXT
    device = context.device if context.device is not UNSET else None
    ip = context.ip if context.ip is not UNSET else None
    if ip is not None:
        check_ip(ip, f"{path}context.ip")
    details = details_bytes(transfer.reference or None, transfer.metadata or None, device, ip)
    hold = transfer.hold is True
    if transfer.expires_in is not UNSET and not hold:
        raise invalid_field(f"{path}expires_in", "only a transfer with `hold` expires")
    row = ROW.pack(
        Kind.HOLD if hold else Kind.TRANSFER,
        0,
        named(LABELS, transfer.kind, 0, f"{path}kind"),
        named(CHANNELS, context.channel, 0, f"{path}context.channel"),
        0,
        0,
        currency_number(transfer.currency, f"{path}currency"),
        caller.account,
        device_number(device) if device is not None else 0,
        payer,
        payee,
        transfer.amount,
        key,
        body_digest(details, after),
        after,
        caller.effective_time,
        0,
        country_number(context.country) if context.country is not UNSET else 0,
        (transfer.expires_in if transfer.expires_in is not UNSET else HOLD_SECONDS) if hold else 0,
    )
    return row, details


def modification_row(
    op: Kind, record: dict[str, int], address: int, amount: int, final: bool, key: bytes, caller: Caller
) -> bytes:
    """The row that captures, voids or refunds the record at `address`. `amount` 0: all that is left."""
    payer, payee = record["payer"], record["payee"]
    if op is Kind.REFUND:
        payer, payee = payee, payer
    return ROW.pack(
        op, FLAG_FINAL if final else 0, 0, 0, 0, 0, record["currency"], caller.account, 0, payer, payee, amount, key,
        splitmix64(2 * amount + final), address, caller.effective_time, 0, 0, 0,
    )  # fmt: skip


def answer_row(
    op: Kind, record: dict[str, int], address: int, key: bytes, caller: Caller, *, by_payer: bool = False
) -> bytes:
    """The row of an analyst's answer to the case of the record at `address`; `by_payer`: of the void by who asked for the payment."""
    flags = REQUEST_ANSWER | (FLAG_FINAL if by_payer else 0)
    return ROW.pack(
        op, flags, 0, 0, 0, 0, record["currency"], caller.account, 0, record["payer"], record["payee"], 0, key,
        splitmix64(1) if by_payer else 0, address, caller.effective_time, 0, 0, 0,
    )  # fmt: skip


def wallet_row(
    wallet: NewWallet, kind: int, address: int, key: bytes, digest: bytes, caller: Caller, path: str = ""
) -> bytes:
    """The row that opens a wallet; `address` only for operator wallets, else 0."""
    currency = currency_number(wallet.currency, f"{path}currency")
    tier = wallet.tier if wallet.tier is not UNSET else 0
    floor = wallet.floor if wallet.floor is not UNSET else 0
    number = int.from_bytes(digest[:8], "little")
    return ROW.pack(
        Kind.WALLET_OPENED, 0, 0, 0, kind, tier, currency, caller.account, 0, 0, address, floor, key, number, 0,
        caller.effective_time, 0, 0, 0,
    )  # fmt: skip


def status_row(wallet: int, status: int, key: bytes, caller: Caller) -> bytes:
    """The row that freezes, unfreezes or closes a wallet."""
    return _change_row(Kind.WALLET_STATUS, wallet, status, 0, key, caller)


def tier_row(wallet: int, tier: int, key: bytes, caller: Caller) -> bytes:
    """The row that gives a wallet another tier."""
    return _change_row(Kind.WALLET_TIER, wallet, 0, tier, key, caller)


def _change_row(op: Kind, wallet: int, status: int, tier: int, key: bytes, caller: Caller) -> bytes:
    return ROW.pack(op, 0, 0, 0, status, tier, 0, caller.account, 0, 0, wallet, 0, key, 0, 0, 0, 0, 0, 0)
