"""Rows of a group lie side by side, name the next one, and go to one home; whatever order they came in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.records.addresses import wallet_address
from actors.records.layout import FLAG_LINKED, REQUEST
from switch.gateway.linked_groups import NO_GROUP, arrange, homes_of, of_several_payers


@given(st.lists(st.one_of(st.just(NO_GROUP), st.integers(-3, 3)), min_size=1, max_size=40))
def test_equal_numbers_are_linked_and_nothing_else(numbers: list[int]) -> None:
    rows = np.zeros(len(numbers), REQUEST)
    rows["amount"] = np.arange(len(numbers))
    arranged, groups = arrange(rows, np.array(numbers, np.int64))
    assert (rows[groups.order]["amount"] == arranged["amount"]).all()
    assert sorted(groups.order.tolist()) == list(range(len(numbers)))
    chains: list[list[int]] = [[]]
    for place, linked in zip(groups.order.tolist(), (arranged["flags"] & FLAG_LINKED).tolist(), strict=True):
        chains[-1].append(place)
        if not linked:
            chains.append([])
    assert chains.pop() == []
    expected = {n: [i for i, m in enumerate(numbers) if m == n] for n in numbers if n != NO_GROUP}
    alone = [[i] for i, n in enumerate(numbers) if n == NO_GROUP]
    assert sorted(chains) == sorted([*expected.values(), *alone])
    assert [chain[0] for chain in chains] == sorted(chain[0] for chain in chains), "a group comes with its first row"
    assert len(set(arranged["digest"][arranged["flags"] != 0].tolist())) <= len(numbers)
    assert not arranged["digest"][[len(c) == 1 for c in chains for _ in c]].any()


def test_a_group_lives_with_its_user_payer_else_with_its_first_row() -> None:
    payers = [1024, wallet_address(3, 1), 1025, 1026, 1027, wallet_address(5, 0)]
    rows = np.zeros(6, REQUEST)
    rows["payer"] = payers
    arranged, groups = arrange(rows, np.array([1, 1, 1, 2, 2, NO_GROUP], np.int64))
    homes = homes_of(groups, arranged, np.array([0, 3, 1, 2, 0, 5], np.int16))
    assert homes.tolist() == [3, 3, 3, 2, 2, 5]


def test_a_part_of_a_group_has_other_digests() -> None:
    whole, _ = arrange(np.zeros(3, REQUEST), np.zeros(3, np.int64))
    part, _ = arrange(np.zeros(2, REQUEST), np.zeros(2, np.int64))
    assert not set(whole["digest"].tolist()) & set(part["digest"].tolist())


def test_a_group_of_two_user_payers_is_told() -> None:
    rows = np.zeros(7, REQUEST)
    rows["payer"] = [
        1024,
        wallet_address(3, 1),
        wallet_address(3, 1),
        wallet_address(4, 0),
        wallet_address(5, 0),
        1025,
        1026,
    ]
    arranged, groups = arrange(rows, np.array([1, 1, 1, 2, 2, 3, 3], np.int64))
    assert of_several_payers(groups, arranged).tolist() == [False, False, False, True, True, False, False]
