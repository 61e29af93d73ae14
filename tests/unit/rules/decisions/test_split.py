"""The challenger's wallets: a pure function of wallet, challenger and share, about as many as the share says."""

import numpy as np

from rules.decisions.split import SHARE_MAX, challenged

WALLETS = np.arange(65_536, 65_536 + 100_000, dtype=np.int64)
_MASK = 2**64 - 1


def place(wallet: int, number: int) -> int:
    """The same by plain integers."""

    def mixed(value: int) -> int:
        value = (value + 0x9E3779B97F4A7C15) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return value ^ (value >> 31)

    return (mixed((wallet & _MASK) ^ mixed(number)) >> 32) * 1000 >> 32


def test_the_split_is_that_of_the_description() -> None:
    wallets = np.array([0, 1, 1023, 65_536, 2**40 + 17, 2**62], np.int64)
    for number in (1, 2, 77):
        for share in (0, 1, 250, 999, 1000):
            expected = [place(int(wallet), number) < share for wallet in wallets]
            assert challenged(wallets, number, share).tolist() == expected


def test_known_wallets_never_change_sides() -> None:
    assert [place(wallet, 2) for wallet in (65_536, 65_537, 65_538)] == [342, 316, 771]


def test_a_share_is_about_that_many_wallets_and_each_challenger_draws_others() -> None:
    for share in (1, 100, 500, 900):
        chosen = challenged(WALLETS, 2, share)
        expected = len(WALLETS) * share / SHARE_MAX
        assert abs(np.count_nonzero(chosen) - expected) < 5 * np.sqrt(expected)
    both = challenged(WALLETS, 2, 500) & challenged(WALLETS, 3, 500)
    assert abs(np.count_nonzero(both) / len(WALLETS) - 0.25) < 0.01


def test_raising_the_share_keeps_the_wallets_that_were_in() -> None:
    before = np.zeros(len(WALLETS), np.bool_)
    for share in (0, 10, 500, SHARE_MAX):
        now = challenged(WALLETS, 7, share)
        assert not (before & ~now).any()
        before = now
    assert before.all()
