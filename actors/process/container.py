"""How much memory and how many processors this process may use.

That is the machine's, or what its container or unit was given of them. Linux says it in control groups, of version 1 or 2, which limit a
process by its own group and by every group above. In a container with a view of its own the group is the root of what it sees; else its
path is in /proc/self/cgroup.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

GROUPS: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")


def memory_bytes(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Of the machine's memory as much as this process's groups may have."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [*_words("memory.max", "", groups, own), *_words("memory.limit_in_bytes", "memory", groups, own)]
    return min([machine, *(int(words[0]) for words in limits if words[0].isdigit())])


def processors(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Of the machine's processors as many as this process may run on, at the same time and on average; at least one."""
    shares = [
        int(quota) / int(period)
        for quota, period in (*_words("cpu.max", "", groups, own), *_quotas_of_version_1(groups, own))
        if quota.isdigit() and int(period) > 0
    ]
    return max(1, int(min([len(os.sched_getaffinity(0)), *shares])))


def _quotas_of_version_1(groups: Path, own: Path) -> list[tuple[str, ...]]:
    quotas, periods = (_words(f"cpu.cfs_{name}_us", "cpu", groups, own) for name in ("quota", "period"))
    return [(*quota, *period) for quota, period in zip(quotas, periods, strict=False)]


def _words(name: str, controller: str, groups: Path, own: Path) -> list[tuple[str, ...]]:
    """What the files of a name say, of the own group and of those above."""
    found = []
    for group in _groups(controller, groups, own):
        try:
            words = tuple((group / name).read_text().split())
        except OSError:
            continue  # the root has no limit, and a path outside of the container's view has no files
        if words:
            found.append(words)
    return found


def _groups(controller: str, groups: Path, own: Path) -> Iterator[Path]:
    """The own group of a controller, "" for version 2, and those above it."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    path = "/"
    for line in lines:
        _, controllers, named = line.split(":", 2)
        if controller in controllers.split(","):
            path = named
    relative = PurePosixPath(path.lstrip("/"))
    for each in (relative, *relative.parents):
        if ".." not in each.parts:
            yield groups / controller / each
