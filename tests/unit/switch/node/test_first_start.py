"""What a person reads while kernels are compiled."""

import re
from pathlib import Path

import pytest

from actors.shard.compile_kernels import KERNEL_BYTES, KERNELS, MACHINE_CODE_BYTES, Progress, progress
from switch.node.first_start import print_compilation


async def _printed(looks: list[Progress | None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A look is a second after the one before."""
    clock = [0.0]

    async def pass_time(_: float) -> None:
        clock[0] += 1.0

    monkeypatch.setattr("switch.node.first_start.asyncio.sleep", pass_time)
    monkeypatch.setattr("switch.node.first_start.time.monotonic", lambda: clock[0])
    stated: list[str] = []
    rest = iter(looks)
    await print_compilation(stated.append, lambda: next(rest))
    return stated


async def test_the_first_start_says_how_many_kernels_of_how_many_and_how_long_the_rest_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [Progress(compiled=n * 4, share=n / 42) for n in range(42)]
    stated = await _printed([*looks, None], monkeypatch)
    assert stated[:3] == [
        f"compiling, once for this version: 4 of {KERNELS} kernels",
        f"24 of {KERNELS} kernels, some 36 s left",
        f"44 of {KERNELS} kernels, some 31 s left",
    ]
    assert len(stated) == 10 and stated[-1] == "all kernels are compiled (41 s)"


async def test_what_passes_before_the_first_kernel_does_not_make_the_rest_look_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray starts and processes import: 60 s that no kernel took."""
    looks = [Progress(compiled=0, share=0.0)] * 60 + [Progress(compiled=n, share=n / 100) for n in range(1, 100)]
    stated = await _printed([*looks, None], monkeypatch)
    assert stated[3] == f"16 of {KERNELS} kernels, some 84 s left"
    assert stated[-1] == "all kernels are compiled (99 s)"


async def test_the_estimate_follows_the_pace_of_this_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work, twice as slow, is said to take twice as long."""
    left = []
    for slow in (1, 2):
        looks = [Progress(compiled=1 + n // slow, share=n / slow / 100) for n in range(50 * slow)]
        stated = await _printed([Progress(compiled=0, share=0.0), *looks, None], monkeypatch)
        left.append(int(re.findall(r"some (\d+) s", "\n".join(stated))[-1]) / 55)
    assert left == [pytest.approx(1.0, rel=0.05), pytest.approx(2.0, rel=0.05)]


async def test_what_an_earlier_start_compiled_does_not_make_the_rest_look_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [Progress(compiled=80 + n, share=0.5 + n / 100) for n in range(50)]
    assert (await _printed([*looks, None], monkeypatch))[3] == f"96 of {KERNELS} kernels, some 34 s left"


async def test_what_is_done_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is being renamed is missing for a moment."""
    looks = [Progress(compiled=n - 3 * (n % 5 == 1), share=(n - 3 * (n % 5 == 1)) / 60) for n in range(60)]
    stated = await _printed([Progress(compiled=0, share=0.0), *looks, None], monkeypatch)
    counts = [int(text) for text in re.findall(r"(\d+) of", "\n".join(stated))]
    assert counts == sorted(counts) and len(counts) > 10


async def test_nothing_is_said_where_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _printed([None], monkeypatch) == []
    elsewhere = [Progress(compiled=0, share=0.0)] * 100
    assert await _printed([*elsewhere, None], monkeypatch) == []


def test_progress_is_what_lies_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.config.DISABLE_JIT", 0)
    assert progress(tmp_path / "none") == Progress(compiled=0, share=0.0)
    for number, folder in enumerate(("actors.records.ids", "actors.ledger.table", "rules.vocabulary.columns")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"k-{number}.1.nbc").write_bytes(bytes(1000 << number))
    whole = KERNELS * KERNEL_BYTES + MACHINE_CODE_BYTES
    assert progress(tmp_path) == Progress(compiled=2, share=(2 * KERNEL_BYTES + 3000) / whole)
    with monkeypatch.context() as patch:
        patch.setattr("actors.shard.compile_kernels.CANNOT_KEEP", OSError("read-only file system"))
        assert progress(tmp_path) is None
    (tmp_path / "complete").touch()
    assert progress(tmp_path) is None
