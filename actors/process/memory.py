"""How much memory a process has had."""

from pathlib import Path


def peak_bytes(pid: int | str = "self") -> int:
    """The most that it had resident, since its program was started; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
