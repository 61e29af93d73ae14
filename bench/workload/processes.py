"""Where processor time goes: seconds by group of processes, read from /proc.

And what the rest of the machine used meanwhile.
"""

import os
import resource
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_PROC: Final = Path("/proc")
_GROUPS: Final = (
    ("ray::ShardActor", "shard"),
    ("ray::ScoringActor", "scorer"),
    ("ray::FrontDoorActor", "front door"),
    ("bench.contenders.peer_", "front door"),
    ("bench.workload.load", "load"),
    ("bench.workload.publisher", "publisher"),
    ("gcs_server", "ray"),
    ("raylet", "ray"),
    ("-m switch.node.node", "node"),
    ("-m switch", "supervisor"),
    ("postgres", "postgres"),
    ("ray", "ray"),
)


class _Process(NamedTuple):
    parent: int
    ticks: int
    started: int


class Sample(NamedTuple):
    """Ticks by (pid, start time) and group, and those of the whole machine."""

    ticks: dict[tuple[int, int], int]
    groups: dict[tuple[int, int], str]
    busy: int


def sample(roots: Iterable[int]) -> Sample:
    """Of these processes and all that descend from them."""
    processes = _processes()
    children = defaultdict(list)
    for pid, process in processes.items():
        children[process.parent].append(pid)
    ticks, groups = {}, {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in processes:
            continue
        process = processes[pid]
        ticks[pid, process.started] = process.ticks
        groups[pid, process.started] = _group(pid)
        waiting.extend(children[pid])
    return Sample(ticks, groups, _busy())


def cpu_seconds(before: Sample, after: Sample) -> dict[str, float]:
    """Seconds by group between two samples; `elsewhere` is what processes that are none of ours used."""
    seconds: dict[str, float] = defaultdict(float)
    for key, ticks in after.ticks.items():
        seconds[after.groups[key]] += (ticks - before.ticks.get(key, 0)) / TICKS_A_SECOND
    elsewhere = (after.busy - before.busy) / TICKS_A_SECOND - sum(seconds.values())
    rounded = {group: round(value, 2) for group, value in sorted(seconds.items()) if value >= 0.01}
    return {**rounded, "elsewhere": round(max(0.0, elsewhere), 2)}


def own_cpu_s() -> float:
    """Processor seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_bytes(pid: int | str = "self") -> int:
    """Memory of a process, or of this one, that is really there."""
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * PAGE_BYTES


def resident_of(roots: Iterable[int], group: str) -> int:
    """The same of all processes of a group among these and their descendants."""
    found = sample(roots).groups
    return sum(resident_bytes(pid) for (pid, _), its in found.items() if its == group)


def _processes() -> dict[int, _Process]:
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry.name)] = _Process(int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[19]))
    return found


def _group(pid: int) -> str:
    try:
        command = (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "other"
    return next((group for word, group in _GROUPS if word in command), "other")


def _busy() -> int:
    """Ticks that all processors were not idle. Guest time is contained in user time."""
    user, nice, system, _, _, irq, softirq, steal = map(int, (_PROC / "stat").read_text().split()[1:9])
    return user + nice + system + irq + softirq + steal
