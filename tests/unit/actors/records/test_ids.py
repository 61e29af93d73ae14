"""An id is an address and back; what no switch made is not an id."""

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.records import addresses, ids
from actors.records.secret import Secret
from tests.oracle.oracle_siphash import siphash128

RAW_SECRET = bytes(range(1, 17))
SECRET = Secret.of(RAW_SECRET)
wallet_addresses = st.integers(1, 2**36 - 1)
record_addresses = st.integers(1, 2**62 - 1)
times = st.integers(0, 2**48 - 1)


def raw_of(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(uuid.UUID(text).bytes, np.uint8).reshape(1, 16)


@given(st.lists(wallet_addresses, min_size=1, max_size=20))
def test_wallet_ids_round_trip_and_bulk_and_single_agree(addresses: list[int]) -> None:
    raw = ids.encode_wallets(SECRET, np.array(addresses, np.int64))
    assert ids.decode_wallets(SECRET, raw).tolist() == addresses
    texts = [ids.encode_wallet(SECRET, address) for address in addresses]
    assert [str(uuid.UUID(bytes=row.tobytes())) for row in raw] == texts
    assert [ids.decode_wallet(SECRET, text) for text in texts] == addresses
    assert [ids.decode_wallet(SECRET, text.upper()) for text in texts] == addresses
    assert all(uuid.UUID(text).version == 8 and uuid.UUID(text).variant == uuid.RFC_4122 for text in texts)


@given(wallet_addresses)
def test_wallet_id_is_the_address_and_86_bits_of_hash(address: int) -> None:
    number = uuid.UUID(ids.encode_wallet(SECRET, address)).int
    low, high = (
        int.from_bytes(half, "little") for half in _halves(siphash128(RAW_SECRET, address.to_bytes(8, "little")))
    )
    assert number >> 92 == address
    assert number >> 80 & 0xFFF == high >> 52
    assert number >> 64 & 0xFFF == high >> 40 & 0xFFF
    assert number & (2**62 - 1) == low & (2**62 - 1)


def _halves(hashed: bytes) -> tuple[bytes, bytes]:
    return hashed[:8], hashed[8:]


@given(wallet_addresses, st.integers(0, 127))
def test_a_wallet_id_with_any_bit_changed_is_not_found(address: int, bit: int) -> None:
    forged = uuid.UUID(int=uuid.UUID(ids.encode_wallet(SECRET, address)).int ^ 1 << bit)
    assert ids.decode_wallet(SECRET, str(forged)) == 0
    assert ids.decode_wallets(SECRET, raw_of(str(forged))).tolist() == [0]


def test_an_id_of_another_cluster_is_not_found() -> None:
    other = Secret.of(bytes(16))
    assert ids.decode_wallet(SECRET, ids.encode_wallet(other, 65_536)) == 0


@given(st.uuids())
def test_a_random_uuid_is_no_wallet(random: uuid.UUID) -> None:
    assert ids.decode_wallet(SECRET, str(random)) == 0


@given(times, record_addresses)
def test_transfer_ids_round_trip_and_bulk_and_single_agree(time_ms: int, address: int) -> None:
    text = ids.transfer_id(SECRET, time_ms, address)
    raw = ids.transfer_ids(SECRET, np.array([time_ms]), np.array([address]))
    assert str(uuid.UUID(bytes=raw[0].tobytes())) == text
    assert ids.decode_transfer(SECRET, text) == ids.decode_transfer(SECRET, text.upper()) == address
    assert ids.decode_transfers(SECRET, raw).tolist() == ids.addresses_in(raw).tolist() == [address]
    assert uuid.UUID(text).version == 8
    shard, block, slot = addresses.shard_of(address), addresses.block_of(address), addresses.slot_of(address)
    assert addresses.record_address(shard, block, slot) == address


@given(times, record_addresses, st.integers(0, 107))
def test_a_transfer_id_with_another_bit_of_address_or_check_is_refused(time_ms: int, address: int, bit: int) -> None:
    number = uuid.UUID(ids.transfer_id(SECRET, time_ms, address)).int ^ 1 << 20 + bit
    forged = uuid.UUID(int=number)
    assert ids.decode_transfer(SECRET, str(forged)) == 0
    assert ids.decode_transfers(SECRET, raw_of(str(forged))).tolist() == [-1]


def test_records_of_different_times_at_one_address_have_different_ids() -> None:
    made = [ids.transfer_id(SECRET, 1_700_000_000_000 + i, 77) for i in range(1_000)]
    assert len(set(made)) == 1_000
    assert {text[:31] for text in made} == {made[0][:31]}


@given(times, record_addresses)
def test_another_cluster_refuses_a_transfer_id(time_ms: int, address: int) -> None:
    other = Secret.of(bytes(16))
    assert ids.decode_transfer(SECRET, ids.transfer_id(other, time_ms, address)) == 0


@given(st.uuids())
def test_a_random_uuid_is_no_transfer(random: uuid.UUID) -> None:
    assert ids.decode_transfer(SECRET, str(random)) == 0
    assert ids.decode_transfers(SECRET, raw_of(str(random))).tolist() == [-1]


def test_no_transfer() -> None:
    assert ids.transfer_ids(SECRET, np.array([5]), np.array([0])).tobytes() == bytes(16)
    assert ids.decode_transfers(SECRET, np.zeros((1, 16), np.uint8)).tolist() == [0]
    half_nothing = np.zeros((16, 16), np.uint8)
    np.fill_diagonal(half_nothing, 1)
    assert ids.decode_transfers(SECRET, half_nothing).tolist() == [-1] * 16
    assert ids.addresses_in(np.zeros((1, 16), np.uint8)).tolist() == [-1]
    assert ids.decode_transfer(SECRET, str(uuid.UUID(int=0))) == 0
    at_nothing = ids.transfer_id(SECRET, 1_700_000_000_000, 0)
    assert ids.decode_transfer(SECRET, at_nothing) == 0
    assert ids.decode_transfers(SECRET, raw_of(at_nothing)).tolist() == [-1]


GOOD = "0190163d-8694-8abc-8def-0123456789ab"
MALFORMED = [
    "",
    GOOD[:-1],
    GOOD + "0",
    GOOD.replace("-", ""),
    "{" + GOOD + "}",
    "urn:uuid:" + GOOD,
    GOOD.replace("-", "_"),
    GOOD[:-1] + "g",
    GOOD[:-1] + " ",
    GOOD[:-1] + "\N{FULLWIDTH DIGIT ONE}",
    GOOD[:-1] + "\N{ARABIC-INDIC DIGIT ONE}",
    GOOD[:-1] + "\x00",
    "-" * 36,
    GOOD[:9] + "-" + GOOD[10:],
    "0190163d86-948a-bc8d-ef01-23456789ab",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_text_is_no_id(text: str) -> None:
    assert ids.uuid_bytes(text) is None
    assert ids.decode_wallet(SECRET, text) == 0
    assert ids.decode_transfer(SECRET, text) == 0


@given(st.uuids())
def test_canonical_text_of_either_case_is_its_bytes(random: uuid.UUID) -> None:
    assert ids.uuid_bytes(str(random)) == random.bytes == ids.uuid_bytes(str(random).upper())


@given(st.text(alphabet="0123456789abcdefABCDEF-", min_size=34, max_size=38))
def test_text_is_a_uuid_only_in_canonical_form(text: str) -> None:
    raw = ids.uuid_bytes(text)
    assert raw is None or str(uuid.UUID(bytes=raw)) == text.lower()


def test_keys_of_16_bytes() -> None:
    assert ids.key_bytes(GOOD) == uuid.UUID(GOOD).bytes
    assert ids.key_bytes(GOOD.upper()) != ids.key_bytes(GOOD)
    assert len(ids.key_bytes("order 17")) == 16
    assert ids.key_words(bytes(range(16))) == (0x0706050403020100, 0x0F0E0D0C0B0A0908)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**36 - 1), st.binary(min_size=16, max_size=16))
def test_a_stored_key_is_bound_to_caller_and_wallet(caller: int, home: int, raw: bytes) -> None:
    message = caller.to_bytes(8, "little") + home.to_bytes(8, "little") + raw
    low, high = (int.from_bytes(half, "little") for half in _halves(siphash128(RAW_SECRET, message)))
    assert ids.bound_key(SECRET, caller, home, raw) == (low, high)
    assert ids.bound_key(SECRET, caller ^ 1, home, raw) != (low, high)
    assert ids.bound_key(SECRET, caller, home ^ 1, raw) != (low, high)


def test_operator_addresses() -> None:
    assert addresses.suspense_address(978) == 978
    assert [addresses.is_operator(a) for a in (0, 1, 65_535, 65_536)] == [False, True, True, False]
    assert addresses.wallet_address(3, 5) == 3 << 16 | 5


@pytest.mark.parametrize("dash", [8, 13, 18, 23])
def test_a_dash_in_another_place_makes_no_id(dash: int) -> None:
    characters = list("01234567-89ab-8def-8123-456789abcdef")
    characters[dash], characters[dash + 1] = characters[dash + 1], characters[dash]
    assert ids.uuid_bytes("".join(characters)) is None


def test_nothing_recorded_has_the_nil_id_whatever_stood_in_its_place() -> None:
    words = np.full((2, 2), 7, np.uint64)
    ids._encode_transfers(SECRET, np.ones(2, np.int64), np.array([0, 1], np.int64), words)
    assert not words[0].any() and words[1].all()


def test_addresses_are_shown_by_ids_of_the_right_form_only() -> None:
    real = ids.transfer_ids(SECRET, np.ones(1, np.int64), np.array([2**40], np.int64))[0]
    changes = {6: 0x4F, 8: 0x3F}  # the version, the variant
    shown = np.stack(
        [real, *(np.where(np.arange(16) == at, real & keep, real) for at, keep in changes.items()), 0 * real]
    )
    nothing = real.copy()
    nothing[:8], nothing[8:] = 0, 0
    nothing[6], nothing[8] = 0x80, 0x80
    assert ids.addresses_in(np.vstack((shown, nothing[None]))).tolist() == [2**40, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("block", "slot", "does"), [(5, 4, 1), (6, 0, 1), (5, 3, 0), (5, 5, 0), (5, 0, 0), (6, 1, 0), (7, 0, 0), (4, 4, 0)]
)
def test_a_record_follows_in_the_next_slot_or_at_the_next_blocks_start(block: int, slot: int, does: int) -> None:
    before = addresses.record_address(2, 5, 3)
    assert bool(addresses.follows(addresses.record_address(2, block, slot), before)) == bool(does)
    assert addresses.block_start(addresses.record_address(2, block, slot)) == addresses.record_address(2, block, 0)


def test_the_home_of_many_transfers_is_that_of_each() -> None:
    """The payer's, or the payee's when an operator pays a user."""
    some = (0, 1024, 1 << 16, 5 << 16)
    pairs = [(payer, payee) for payer in some for payee in some]
    homes = [payee if payer < 1 << 16 <= payee else payer for payer, payee in pairs]
    payers, payees = np.array(pairs).T
    assert addresses.home_wallets(payers, payees).tolist() == homes
    assert [addresses.home_wallet(*pair) for pair in pairs] == homes


@given(wallet_addresses)
def test_an_id_is_read_without_compilation_too(address: int) -> None:
    """Its words are signed there."""
    top, low = np.frombuffer(uuid.UUID(ids.encode_wallet(SECRET, address)).bytes, ">i8").tolist()
    plain = getattr(ids._decode_wallet, "py_func", ids._decode_wallet)
    assert int(plain((SECRET.low, SECRET.high), top, low)) == address
    assert int(plain((SECRET.low, SECRET.high), top, low ^ 1)) == 0


def test_what_is_no_uuid_is_told_from_what_is_none_of_ours() -> None:
    assert ids.wallet_address_of(SECRET, "no uuid") == -1
    assert ids.wallet_address_of(SECRET, str(uuid.UUID(int=5))) == 0


@given(times, record_addresses)
def test_a_transfer_id_ends_with_20_bits_of_a_hash_of_address_and_time(time_ms: int, address: int) -> None:
    hashed = siphash128(RAW_SECRET, address.to_bytes(8, "little") + time_ms.to_bytes(8, "little"))
    assert (
        uuid.UUID(ids.transfer_id(SECRET, time_ms, address)).int & 0xFFFFF == int.from_bytes(hashed[:8], "little") >> 44
    )
