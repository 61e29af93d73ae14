"""Limits of a container or unit, as Linux writes them down; without one, the machine's."""

import os
from pathlib import Path

import pytest

from actors.process.container import memory_bytes, processors

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
CORES = len(os.sched_getaffinity(0))
NO_LIMIT_OF_VERSION_1 = "9223372036854771712"


def written(folder: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """A tree of groups, and what a process is told of its own."""
    for name, text in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "own").write_text(own)
    return folder / "groups", folder / "own"


@pytest.mark.parametrize(
    ("own", "files", "memory"),
    [
        ("0::/\n", {"memory.max": "1073741824\n"}, 1 << 30),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("0::/\n", {}, MACHINE),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "1048576\n"}, 1 << 20),
        ("0::/a/b\n", {"a/b/memory.max": "4096\n", "a/memory.max": "1048576\n"}, 4_096),
        ("0::/../x\n", {"memory.max": "4096\n"}, 4_096),
        ("0::/docker/1\n", {"memory.max": "4096\n"}, 4_096),
        ("5:memory:/docker/1\n", {"memory/memory.limit_in_bytes": "4096\n"}, 4_096),
        ("5:memory:/a\n0::/\n", {"memory/a/memory.limit_in_bytes": "4096\n"}, 4_096),
        ("5:memory:/\n", {"memory/memory.limit_in_bytes": NO_LIMIT_OF_VERSION_1}, MACHINE),
        ("0::/\n", {"memory.max": f"{MACHINE + 1}\n"}, MACHINE),
    ],
)
def test_memory_is_the_least_that_a_group_or_the_machine_has(
    tmp_path: Path, own: str, files: dict[str, str], memory: int
) -> None:
    assert memory_bytes(*written(tmp_path, own, files)) == memory


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, CORES),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "199999 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": f"{(CORES + 1) * 100_000} 100000\n"}, CORES),
        ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, CORES),
        ("", {}, CORES),
    ],
)
def test_processors_are_the_least_that_a_group_or_the_machine_has(
    tmp_path: Path, own: str, files: dict[str, str], cores: int
) -> None:
    assert processors(*written(tmp_path, own, files)) == cores


def test_a_machine_without_control_groups_has_what_it_has(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    assert (memory_bytes(nothing, nothing), processors(nothing, nothing)) == (MACHINE, CORES)


def test_processors_that_it_may_not_run_on_do_not_count(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert processors(*written(tmp_path, "0::/\n", {"cpu.max": "max 100000\n"})) == 1
    finally:
        os.sched_setaffinity(0, before)
