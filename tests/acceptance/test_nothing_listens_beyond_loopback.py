"""Nothing listens beyond loopback, Ray and PostgreSQL included; checked from /proc/net, not from what programs say of themselves."""

import ipaddress
import os
import struct
from pathlib import Path

from tests.acceptance.running import RunningSwitch

LISTEN = "0A"
IPV6_DIGITS = 32


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel prints addresses as 32-bit words in the machine's own byte order."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    raw = struct.pack(f"={len(words)}I", *words)
    if len(text) != IPV6_DIGITS:
        return ipaddress.IPv4Address(raw)
    address = ipaddress.IPv6Address(raw)
    return address.ipv4_mapped or address


def _listeners(pids: list[int]) -> dict[str, ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Listening sockets of these processes: inode -> address."""
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(entry)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = {}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            bound_udp = table.startswith("udp") and not fields[2].strip("0:")
            if (fields[3] == LISTEN or bound_udp) and fields[9] in inodes:
                found[fields[9]] = _address(fields[1].split(":")[0])
    return found


def test_nothing_listens_beyond_loopback(shared_switch: RunningSwitch) -> None:
    pids = [process.pid for process in shared_switch.processes() if process.is_running()]
    listeners = _listeners(pids)
    assert len(listeners) >= 5, "the switch's own listeners were not found: this test would prove nothing"
    beyond = {inode: str(address) for inode, address in listeners.items() if not address.is_loopback}
    assert not beyond
