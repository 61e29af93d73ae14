"""Where requests may go: to public addresses, and to networks that the configuration names.

An address is checked at the moment its socket is made, and that socket connects to this address and no other. So neither a name that
resolves otherwise the second time, nor a number written in an odd way, nor an address within another one leads inside.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_CHARACTERS_MAX: Final = 2_048
HOST_CHARACTERS_MAX: Final = 253
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that is public in IPv6. Addresses that hold one of IPv4 (mapped, compatible, NAT64) lie outside of it."""
_REFUSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # a cloud's own service, at an address that looks public
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",  # Teredo among them, which holds one of IPv4
        "2001:db8::/32",
        "2002::/16",  # 6to4 holds one of IPv4
        "3fff::/20",
    )
)
"""What the library calls public, or may by its version, and nobody's server is."""


class AddressRefused(OSError):
    """No request goes there."""


class UrlRefused(ValueError):
    """A URL that no endpoint may have. One line for its owner."""


class WebhookKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `webhooks` of the configuration: networks beside the public ones, and whether plain HTTP will do."""

    allow_networks: tuple[str, ...] = ()
    allow_http: bool = False


SANDBOX: Final = WebhookKeys(allow_networks=("127.0.0.0/8", "::1/128"), allow_http=True)
"""Of a switch for trying out that nobody else reaches: receivers on the same machine."""


class AddressGuard:
    """Which addresses may be called. Raises ValueError for what is no network."""

    def __init__(self, keys: WebhookKeys) -> None:
        self._allowed: Sequence[Network] = [ipaddress.ip_network(text) for text in keys.allow_networks]
        self._http = keys.allow_http

    def allows(self, text: str) -> bool:
        """Whether a request may go to an address, as text."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        inner = getattr(address, "ipv4_mapped", None)
        address = inner or address
        return any(address in network for network in self._allowed) or _is_public(address)

    def check_url(self, url: str) -> None:
        """Raise UrlRefused for a URL that no request may go to, as far as can be seen without asking for its name."""
        parts = _parts(url)
        if parts.scheme != "https" and not (self._http and parts.scheme == "http"):
            raise UrlRefused("an https:// URL is expected")
        if parts.username is not None or parts.password is not None or parts.fragment or "#" in url:
            raise UrlRefused("a URL without user, password and fragment is expected")
        host = parts.hostname or ""
        if not host or len(host) > HOST_CHARACTERS_MAX:
            raise UrlRefused("a URL with a host is expected")
        if _is_address(host) and not self.allows(host):
            raise UrlRefused("the address is not public")

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for one address that was resolved, as aiohttp asks for it. Raises AddressRefused."""
        family, kind, protocol, _, address = info
        if not self.allows(str(address[0])):
            raise AddressRefused("the address is not public")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def _parts(url: str) -> SplitResult:
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UrlRefused(f"a URL of up to {URL_CHARACTERS_MAX} ASCII characters is expected")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is checked when it is read
    except ValueError as error:
        raise UrlRefused(f"no URL: {error}") from None
    return parts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_public(address: Address) -> bool:
    if any(address in network for network in _REFUSED):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved
