"""Which process of which machine it is: pids are given again, start times within a boot are not."""

import os
from pathlib import Path

import msgspec


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process of this machine, since its start."""

    pid: int
    start_ticks: int


def boot_id() -> str:
    """Start times count from the boot, so they identify processes only within one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def stat_of(pid: int) -> tuple[str, str, int, int] | None:
    """(name, state, parent, start time in ticks) of a process, None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name stands in parentheses and may itself hold spaces and parentheses.
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return name, fields[0], int(fields[1]), int(fields[19])


def identified(pid: int) -> Process | None:
    """The process that has this pid now."""
    stat = stat_of(pid)
    return None if stat is None else Process(pid=pid, start_ticks=stat[3])


def myself() -> Process:
    """The process that asks."""
    found = identified(os.getpid())
    assert found is not None
    return found


def runs(process: Process) -> bool:
    """A zombie does not run: it only waits for its parent to notice."""
    stat = stat_of(process.pid)
    return stat is not None and stat[3] == process.start_ticks and stat[1] not in "ZX"


def own_identity() -> str:
    """Boot, process namespace, pid and start, for other machines to keep; empty where the system does not say."""
    try:
        return " ".join((*_here(), *map(str, msgspec.structs.astuple(myself()))))
    except (OSError, AssertionError):
        return ""


def has_ended(identity: str) -> bool:
    """Whether that process was here and is no more. False for a process elsewhere, of which nothing is known."""
    try:
        *here, pid, start_ticks = identity.split(" ")
        return tuple(here) == _here() and not runs(Process(pid=int(pid), start_ticks=int(start_ticks)))
    except (OSError, ValueError):
        return False


def _here() -> tuple[str, str]:
    return boot_id(), os.readlink("/proc/self/ns/pid")
