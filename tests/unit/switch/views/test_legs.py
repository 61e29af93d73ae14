"""Stretches of journals in which legs are looked for: what they have in common is read once, and all together is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from switch.views.legs import Stretch, stretches_of

FIRSTS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 300)), max_size=20)


def blocks(stretches: list[Stretch]) -> list[tuple[int, int]]:
    return [(each.shard, block) for each in stretches for block in range(each.first, each.last + 1)]


def reach(firsts: list[tuple[int, int]], depth: int) -> set[tuple[int, int]]:
    return {(shard, first + block) for shard, first in firsts for block in range(depth)}


@given(FIRSTS, st.integers(1, 64), st.integers(1, 200))
def test_each_block_is_read_once_and_as_deep_as_the_bound_allows(
    firsts: list[tuple[int, int]], depth: int, most: int
) -> None:
    read = blocks(stretches_of(firsts, depth, most))
    assert len(read) == len(set(read)) <= most
    asked = sorted(set(firsts))[:most]
    deepest = max((each for each in range(1, depth + 1) if len(reach(asked, each)) <= most), default=0)
    assert set(read) == reach(asked, deepest)


def test_what_lies_together_is_one_stretch_and_shards_stay_apart() -> None:
    assert stretches_of([(1, 5), (0, 10), (0, 5), (0, 5)], 5, 100) == [Stretch(0, 5, 14), Stretch(1, 5, 9)]
    assert stretches_of([], 5, 100) == []
