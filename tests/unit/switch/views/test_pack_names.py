"""Names of packs are asked for once, and an answer that is due does not wait for a database that is away."""

from collections.abc import Collection
from typing import cast

import pytest

from actors.database.pool import StoreUnavailable
from actors.stores.rule_packs import PackNames, PackStore
from switch.views.pack_names import UNSCORED, PackCatalogue


class Store:
    """A PackStore's names, from memory, and what was asked of them."""

    def __init__(self) -> None:
        self.asked: list[set[int]] = []
        self.away = False

    async def names(self, numbers: Collection[int]) -> dict[int, PackNames]:
        if self.away:
            raise StoreUnavailable
        self.asked.append(set(numbers))
        return {number: PackNames(f"pack@{number}", (), ()) for number in numbers}


def catalogue() -> tuple[PackCatalogue, Store]:
    store = Store()
    return PackCatalogue(cast(PackStore, store)), store


async def test_what_is_known_is_not_asked_again_and_no_pack_never() -> None:
    packs, store = catalogue()
    assert (await packs.names((3, UNSCORED)))[3].label == "pack@3"
    await packs.names((3, 4))
    await packs.names((UNSCORED,))
    assert store.asked == [{3}, {4}]


async def test_an_answer_to_what_is_done_comes_without_a_name_rather_than_not_at_all() -> None:
    packs, store = catalogue()
    await packs.names_after(3)
    store.away = True
    assert set(await packs.names_after(3)) == {3}
    assert set(await packs.names_after(9)) == {3}
    with pytest.raises(StoreUnavailable):
        await packs.names((9,))
