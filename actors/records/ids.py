"""An id is an address: it says where the row or record lies, so nothing is ever looked up by id.

Wallet address (36 bits): segment (20) | slot (16). Wallet id: a version-8 UUID of the address followed by 86 bits of SipHash of the
address under the cluster's secret, so a forged id is simply not found, and an id can always be made again from its address.

Transfer address (62 bits): shard (10) | block (44) | slot (8). Transfer id: a version-8 UUID of the address, 40 bits of SipHash of the
address, and 20 bits of SipHash of the address and the record's time. The 40 bits refuse an invented id before anything is read; the 20
bits refuse the id of a record that a restore lost, at whose address another record stands now.
"""

import hashlib
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.records.secret import Secret
from actors.records.siphash import siphash128
from models.jit import kernel

_SIGNED_WORDS: Final = struct.Struct(">qq")
_WORDS: Final = struct.Struct(">QQ")

Words = NDArray[np.uint64]


@kernel
def _wallet_words(secret, address):
    low, high = siphash128(secret[0], secret[1], (np.uint64(address),))
    at = np.uint64(address)
    first = at << np.uint64(12) | high >> np.uint64(52)
    middle = high >> np.uint64(40) & np.uint64(0xFFF)
    top = first << np.uint64(16) | np.uint64(0x8000) | middle
    return top, low & np.uint64(0x3FFFFFFFFFFFFFFF) | np.uint64(0x8000000000000000)


@kernel
def _encode_wallets(secret, addresses, words):
    for i in range(len(addresses)):
        top, low = _wallet_words(secret, addresses[i])
        words[i, 0] = top
        words[i, 1] = low


@kernel
def _decode_wallet(secret, top, low):
    # Words may be signed; without compilation only a number of numpy's may go round.
    first, second = np.uint64(np.int64(top)), np.uint64(np.int64(low))
    address = np.int64(first >> np.uint64(28))
    expected_top, expected_low = _wallet_words(secret, address)
    return address if expected_top == first and expected_low == second else 0


@kernel
def _decode_wallets(secret, words, addresses):
    for i in range(len(addresses)):
        addresses[i] = _decode_wallet(secret, words[i, 0], words[i, 1])


def _to_bytes(words: Words) -> NDArray[np.uint8]:
    return words.astype(">u8").view(np.uint8).reshape(len(words), 16)


def _to_words(raw: NDArray[np.uint8]) -> Words:
    return np.ascontiguousarray(raw).view(">u8").reshape(len(raw), 2).astype(np.uint64)


def encode_wallets(secret: Secret, addresses: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Ids (n, 16) of wallet addresses (n,)."""
    words = np.empty((len(addresses), 2), np.uint64)
    _encode_wallets(secret, np.ascontiguousarray(addresses, np.int64), words)
    return _to_bytes(words)


def decode_wallets(secret: Secret, ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Addresses (n,) of wallet ids (n, 16); 0 where the id was not made by this cluster."""
    addresses = np.empty(len(ids), np.int64)
    _decode_wallets(secret, _to_words(ids), addresses)
    return addresses


def encode_wallet(secret: Secret, address: int) -> str:
    """Id of one wallet, as text."""
    return _text(*_wallet_words((secret.low, secret.high), address))


def _text(top: int, low: int) -> str:
    digits = _WORDS.pack(top, low).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def wallet_address_of(secret: Secret, text: str) -> int:
    """Address of one wallet id: 0 if it is not of this cluster, -1 if it is no UUID in canonical text."""
    raw = uuid_bytes(text)
    if raw is None:
        return -1
    # Signed words and a plain tuple: one compiled form for all ids, and half the time of a call.
    address: int = _decode_wallet((secret.low, secret.high), *_SIGNED_WORDS.unpack(raw))
    return address


def decode_wallet(secret: Secret, text: str) -> int:
    """Address of one wallet id; 0 if it is not a UUID in canonical text or not of this cluster."""
    return max(0, wallet_address_of(secret, text))


def uuid_bytes(text: str) -> bytes | None:
    """The 16 bytes of a UUID in canonical form (either case), else None."""
    if len(text) != 36 or text[8] != "-" or text[13] != "-" or text[18] != "-" or text[23] != "-":
        return None
    digits = text.replace("-", "")
    if len(digits) != 32:
        return None
    try:
        return bytes.fromhex(digits) if digits.isalnum() else None
    except ValueError:
        return None


@kernel
def _transfer_words(secret, time_ms, address):
    at = np.uint64(address)
    check, _ = siphash128(secret[0], secret[1], (at,))
    tag, _ = siphash128(secret[0], secret[1], (at, np.uint64(time_ms)))
    top = at >> np.uint64(14) << np.uint64(16) | np.uint64(0x8000) | at >> np.uint64(2) & np.uint64(0xFFF)
    low = (
        np.uint64(1 << 63)
        | (at & np.uint64(3)) << np.uint64(60)
        | check >> np.uint64(24) << np.uint64(20)
        | tag >> np.uint64(44)
    )
    return top, low


@kernel
def _encode_transfers(secret, times_ms, addresses, words):
    for i in range(len(addresses)):
        words[i, 0] = 0
        words[i, 1] = 0
        if addresses[i]:
            words[i, 0], words[i, 1] = _transfer_words(secret, times_ms[i], addresses[i])


@kernel
def _decode_transfer(secret, top, low):
    # As in `_decode_wallet`.
    first, second = np.uint64(np.int64(top)), np.uint64(np.int64(low))
    address = np.int64(
        first >> np.uint64(16) << np.uint64(14)
        | (first & np.uint64(0xFFF)) << np.uint64(2)
        | second >> np.uint64(60) & np.uint64(3)
    )
    expected_top, expected_low = _transfer_words(secret, 0, address)
    same = first == expected_top and second >> np.uint64(20) == expected_low >> np.uint64(20)
    return 0 if first == 0 and second == 0 else address if same and address else -1


@kernel
def _decode_transfers(secret, words, addresses):
    for i in range(len(words)):
        addresses[i] = _decode_transfer(secret, words[i, 0], words[i, 1])


def transfer_ids(secret: Secret, times_ms: NDArray[np.int64], addresses: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Ids (n, 16) of records (n,) with their record times; an address of 0 gives the nil UUID."""
    words = np.empty((len(addresses), 2), np.uint64)
    _encode_transfers(
        secret, np.ascontiguousarray(times_ms, np.int64), np.ascontiguousarray(addresses, np.int64), words
    )
    return _to_bytes(words)


def transfer_id(secret: Secret, time_ms: int, address: int) -> str:
    """Id of one record, as text."""
    return _text(
        *_transfer_words((secret.low, secret.high), time_ms, address)
    )  # a plain tuple is passed in half the time


def decode_transfer(secret: Secret, text: str) -> int:
    """Record address in a transfer id that this cluster may have made, else 0. Whether it is the record's, `transfer_id` tells who has
    read the record's time."""
    raw = uuid_bytes(text)
    if raw is None:
        return 0
    return max(0, int(_decode_transfer((secret.low, secret.high), *_SIGNED_WORDS.unpack(raw))))


def decode_transfers(secret: Secret, ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Record addresses (n,) of transfer ids (n, 16); the nil UUID gives 0, what this cluster cannot have made -1."""
    addresses = np.empty(len(ids), np.int64)
    _decode_transfers(secret, _to_words(ids), addresses)
    return addresses


def addresses_in(ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Record addresses (n,) in transfer ids (n, 16), -1 where there is none. Whether an id is authentic only its cluster can tell."""
    words = _to_words(ids)
    top, low = words[:, 0], words[:, 1]
    shown = (top & np.uint64(0xF000) == np.uint64(0x8000)) & (low >> np.uint64(62) == np.uint64(2))
    addresses = (
        top >> np.uint64(16) << np.uint64(14)
        | (top & np.uint64(0xFFF)) << np.uint64(2)
        | low >> np.uint64(60) & np.uint64(3)
    ).astype(np.int64)
    result: NDArray[np.int64] = np.where(shown & (addresses > 0), addresses, -1)
    return result


def key_bytes(text: str) -> bytes:
    """An idempotency key as 16 bytes: a canonical lower-case UUID is itself, any other text its BLAKE2b-128."""
    raw = uuid_bytes(text)
    if raw is not None and text == text.lower():
        return raw
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def key_words(raw: bytes) -> tuple[int, int]:
    """The two words of a 16-byte key, as they stand in REQUEST rows."""
    return int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:], "little")


@kernel
def bind_key(secret, caller, home, key_hi, key_lo):
    """The key as it is stored: bound to caller and home wallet (0 for opening a wallet)."""
    return siphash128(secret[0], secret[1], (np.uint64(caller), np.uint64(home), key_hi, key_lo))


def bound_key(secret: Secret, caller: int, home: int, raw: bytes) -> tuple[int, int]:
    """`bind_key` for one key from Python."""
    hi, lo = key_words(raw)
    words: Any = bind_key(secret, np.uint64(caller), np.uint64(home), np.uint64(hi), np.uint64(lo))
    return int(words[0]), int(words[1])
