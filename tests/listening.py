"""Where processes listen, from the kernel's tables and not from what programs say of themselves."""

import contextlib
import ipaddress
import socket
from collections.abc import Iterable

import psutil

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def listening(processes: Iterable[psutil.Process]) -> list[Address]:
    """Local addresses at which they accept TCP connections or receive UDP from anybody.

    A process that ends meanwhile is left out, and so is a file that it closes.
    """
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in process.net_connections("inet"):
                if each.status == psutil.CONN_LISTEN or (each.type == socket.SOCK_DGRAM and not each.raddr):
                    found.append(_plain(each.laddr.ip))
    return found


def _plain(ip: str) -> Address:
    """An IPv4 address within an IPv6 one is unwrapped."""
    address = ipaddress.ip_address(ip)
    return getattr(address, "ipv4_mapped", None) or address
