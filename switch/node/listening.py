"""Where a switch listens: host and port, checked before anything starts."""

import errno
import ipaddress
import socket
from typing import Any, Final

_NO_SUCH_FAMILY: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A name may have an address of a family that this machine does not use; asyncio passes over such an address too."""


BOOTSTRAP_KEY_MIN: Final = 16
"""Characters: of letters and digits some 80 bits."""


class CannotServe(Exception):
    """One line for the operator."""


def bare_host(host: str) -> str:
    """A host as sockets take it: an IPv6 address may have been given in the brackets that it has in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def base_url(host: str, port: int, *, tls: bool = False) -> str:
    """The URL of a switch. A zone ("%eth0") stays as it is: curl and aiohttp both want it so."""
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_key(key: str | None, host: str) -> None:
    """Raise CannotServe when a key from outside can be guessed, and others than this machine can try."""
    if key is not None and len(key) < BOOTSTRAP_KEY_MIN and not is_loopback(host):
        raise CannotServe(
            f"SHARDPAY_API_KEY has {len(key)} characters: beyond loopback use {BOOTSTRAP_KEY_MIN} or more"
        )


def check_port(host: str, port: int) -> None:
    """Raise CannotServe when another process listens there, or none can. Front doors share their port, so without this look two switches
    would share one, and each get half of the other's requests."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CannotServe(f"--host {host}: no such address ({getattr(error, 'strerror', None) or error})") from error
    refused = [error for error in (_refused(*each) for each in found) if error is not None]
    taken = [error for error in refused if error.errno not in _NO_SUCH_FAMILY]
    if taken or len(refused) == len(found):
        raise CannotServe(f"port {port} of {host} cannot be used: {(taken or refused)[0].strerror}")


def _refused(family: int, kind: int, protocol: int, _: str, address: Any) -> OSError | None:
    """Why no process can listen at an address, as asyncio words it."""
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None
