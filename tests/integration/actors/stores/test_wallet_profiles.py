"""A wallet's row is reserved before the wallet exists: once a key, once an external id, and whoever comes again goes on."""

import asyncio

import pytest

from actors.database.pool import Pool
from actors.records.addresses import OPERATOR_SEGMENT, SEGMENT_SLOTS, wallet_address
from actors.stores.api_keys import Bound
from actors.stores.wallet_profiles import (
    Candidate,
    Change,
    OperatorWalletsFull,
    Profile,
    Reason,
    Refusal,
    Reservation,
    WalletStore,
)
from rules.vocabulary.encodings import WalletKind

FIRST_SLOT = 1_024


def candidate(
    key: bytes,
    external_id: str | None = None,
    *,
    digest: bytes = b"d",
    keyless: bool = False,
    kind: WalletKind = WalletKind.USER,
    owner: str | None = None,
    metadata: str | None = None,
) -> Candidate:
    return Candidate(
        key_hash=key,
        keyless=keyless,
        digest=digest,
        kind=kind,
        currency=978,
        home=3,
        external_id=external_id,
        owner=owner,
        attributes=None,
        metadata=metadata,
    )


def reserved(key: bytes, address: int = 0, operator_address: int = 0) -> Reservation:
    return Reservation(key_hash=key, home=3, operator_address=operator_address, address=address)


async def test_a_key_finds_its_reservation_again(pool: Pool, account: int, other: int) -> None:
    store = WalletStore(pool)
    assert await store.reserve(account, [candidate(b"k")]) == [reserved(b"k")]
    assert await store.reserve(account, [candidate(b"k")]) == [reserved(b"k")]
    assert await store.reserve(other, [candidate(b"k", digest=b"x")]) == [reserved(b"k")], "keys of accounts are apart"
    await store.opened(account, {b"k": 4_711})
    await store.opened(account, {b"k": 4_712})
    assert await store.reserve(account, [candidate(b"k")]) == [reserved(b"k", 4_711)], "an address stays"
    assert await store.reserve(account, [candidate(b"k", digest=b"x")]) == [Refusal(reason=Reason.KEY_MISMATCH)]
    assert await store.reserve(account, []) == []


async def test_an_external_id_names_one_wallet(pool: Pool, account: int, other: int) -> None:
    store = WalletStore(pool)
    taken = Reason.EXTERNAL_ID_TAKEN
    assert await store.reserve(account, [candidate(b"a", "ann")]) == [reserved(b"a")]
    assert await store.reserve(account, [candidate(b"b", "ann")]) == [Refusal(reason=taken)]
    await store.opened(account, {b"a": 4_711})
    again = [candidate(b"b", "ann"), candidate(b"c", "bob")]
    assert await store.reserve(account, again) == [Refusal(reason=taken, address=4_711), reserved(b"c")]
    assert await store.reserve(other, [candidate(b"z", "ann")]) == [Refusal(reason=taken)], "nobody learns others' ids"


async def test_of_two_of_one_batch_with_the_same_external_id_the_first_is_reserved(pool: Pool, account: int) -> None:
    found = await WalletStore(pool).reserve(account, [candidate(b"b", "ann"), candidate(b"a", "ann"), candidate(b"c")])
    assert found == [reserved(b"b"), Refusal(reason=Reason.EXTERNAL_ID_TAKEN), reserved(b"c")]


async def test_without_a_key_the_same_body_adopts_what_was_not_finished(pool: Pool, account: int) -> None:
    store = WalletStore(pool)
    await store.reserve(account, [candidate(b"first", "ann", keyless=True)])
    second = candidate(b"second", "ann", keyless=True)
    assert await store.reserve(account, [second]) == [reserved(b"first")]
    other_body = candidate(b"third", "ann", keyless=True, digest=b"x")
    assert await store.reserve(account, [other_body]) == [Refusal(reason=Reason.EXTERNAL_ID_TAKEN)]
    await store.opened(account, {b"first": 4_711})
    assert await store.reserve(account, [second]) == [Refusal(reason=Reason.EXTERNAL_ID_TAKEN, address=4_711)]


async def test_batches_with_the_same_ids_in_any_order_end_and_one_gets_each(pool: Pool, account: int) -> None:
    store = WalletStore(pool)
    names = [f"w{n}" for n in range(40)]
    orders = [names, names[::-1], names[20:] + names[:20], names[::2] + names[1::2]]
    found = await asyncio.gather(
        *(
            store.reserve(account, [candidate(f"{n} {name}".encode(), name) for name in order])
            for n, order in enumerate(orders)
        )
    )
    made = [each for outcome in found for each in outcome if isinstance(each, Reservation)]
    assert len(made) == len(names) == len({each.key_hash.split()[1] for each in made})


async def test_operators_wallets_get_slots_of_their_own(pool: Pool, account: int) -> None:
    store = WalletStore(pool)
    both = [candidate(b"a", kind=WalletKind.EXTERNAL), candidate(b"u"), candidate(b"b", kind=WalletKind.FEE)]
    found = await store.reserve(account, both)
    slots = [wallet_address(OPERATOR_SEGMENT, FIRST_SLOT + n) for n in range(2)]
    assert found == [reserved(b"a", 0, slots[0]), reserved(b"u"), reserved(b"b", 0, slots[1])]
    assert await store.reserve(account, both) == found, "asked again it is the same slot"


async def test_when_the_operators_segment_is_full_nothing_is_reserved(pool: Pool, account: int) -> None:
    store = WalletStore(pool)
    await store.reserve(account, [candidate(b"a", kind=WalletKind.FEE)])
    async with pool.session() as session:
        await session.execute("UPDATE wallet_profile SET slot = $1", SEGMENT_SLOTS - 1)
    with pytest.raises(OperatorWalletsFull):
        await store.reserve(account, [candidate(b"b", kind=WalletKind.FEE), candidate(b"c")])
    assert await store.reserve(account, [candidate(b"c")]) == [reserved(b"c")]


async def test_profiles_are_found_changed_and_left_as_they_were(pool: Pool, account: int) -> None:
    store = WalletStore(pool)
    text = '{"a": "\\u00fc"}'
    await store.reserve(account, [candidate(b"a", "ann", owner="o", metadata=text), candidate(b"b")])
    await store.opened(account, {b"a": 10, b"b": 11})
    first = Profile(external_id="ann", owner="o", metadata='{"a": "ü"}')
    assert await store.profiles([10, 11, 12]) == {10: first, 11: Profile()}
    assert await store.owners([10, 11, 12]) == {10: "o"}
    assert await store.patch(10, None, Change('{"n": 1}'), Change(None))
    assert await store.profiles([10]) == {10: Profile(external_id="ann", owner="o", attributes='{"n": 1}')}
    assert await store.patch(10, Change(None), None, None) and await store.owners([10]) == {}
    assert not await store.patch(12, Change("x"), None, None)


async def test_wallets_are_looked_up_in_pages_and_a_bound_account_sees_its_own(pool: Pool, account: int) -> None:
    store = WalletStore(pool)
    await store.reserve(account, [candidate(bytes([n]), f"w{n}", owner="ann") for n in range(5)])
    await store.opened(account, {bytes([n]): 100 - n for n in range(5)})
    assert await store.with_owner("ann", 0, 3, None) == [96, 97, 98]
    assert await store.with_owner("ann", 98, 3, None) == [99, 100]
    assert await store.with_owner("bob", 0, 3, None) == []
    assert await store.with_owner("ann", 0, 9, Bound(frozenset({97, 5}), frozenset())) == [97]
    assert await store.with_owner("ann", 0, 9, Bound(frozenset(), frozenset({"bob"}))) == []
    assert await store.with_owner("ann", 0, 2, Bound(frozenset(), frozenset({"ann"}))) == [96, 97]
    assert await store.with_external_id("w1", 0, 9, None) == [99]
    assert await store.with_external_id("w1", 99, 9, None) == await store.with_external_id("w", 0, 9, None) == []
    assert await store.with_external_id("w1", 0, 9, Bound(frozenset({98}), frozenset({"bob"}))) == []
