"""Which changes of a deployment are allowed, and what each leaves running."""

import pytest

from actors.stores.deployment import SHADOWS_MAX, Deployment, DeploymentRefused, Mode, changed

START = Deployment(revision=4, live=1, challenger=2, share=100, shadows=(3, 4))


@pytest.mark.parametrize(
    ("pack", "mode", "share", "expected"),
    [
        (5, "live", 0, (5, 2, 100, (3, 4))),
        (3, "live", 0, (3, 2, 100, (4,))),
        (2, "live", 0, (2, None, 0, (3, 4))),
        (5, "shadow", 0, (1, 2, 100, (3, 4, 5))),
        (2, "shadow", 0, (1, None, 0, (3, 4, 2))),
        (5, "challenger", 7, (1, 5, 7, (3, 4))),
        (2, "challenger", 7, (1, 2, 7, (3, 4))),
        (4, "challenger", 7, (1, 4, 7, (3,))),
        (4, "off", 0, (1, 2, 100, (3,))),
        (2, "off", 0, (1, None, 0, (3, 4))),
    ],
)
def test_a_change_leaves(pack: int, mode: Mode, share: int, expected: tuple[object, ...]) -> None:
    after = changed(START, pack, mode, share)
    assert (after.live, after.challenger, after.share, after.shadows) == expected
    assert after.revision == 5
    assert after.mode_of(pack) == mode
    assert len(set(after.packs)) == len(after.packs)


@pytest.mark.parametrize(
    ("pack", "mode", "share"), [(1, "live", 0), (3, "shadow", 0), (9, "off", 0), (2, "challenger", 100)]
)
def test_what_is_so_already_is_no_change(pack: int, mode: Mode, share: int) -> None:
    assert changed(START, pack, mode, share) is START


@pytest.mark.parametrize("mode", ["shadow", "challenger", "off"])
def test_there_is_always_a_live_pack(mode: Mode) -> None:
    with pytest.raises(DeploymentRefused):
        changed(START, 1, mode, 5)


def test_the_number_of_packs_in_shadow_is_bounded() -> None:
    full = Deployment(revision=1, live=1, shadows=tuple(range(2, 2 + SHADOWS_MAX)))
    with pytest.raises(DeploymentRefused):
        changed(full, 99, "shadow")
    assert len(changed(full, 2, "live").shadows) == SHADOWS_MAX - 1
