"""What is not public is refused in every way of writing it, unless the configuration names its network."""

import socket

import pytest

from switch.webhooks.addresses import SANDBOX, AddressGuard, AddressRefused, UrlRefused, WebhookKeys

INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "no address",
)


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not AddressGuard(WebhookKeys()).allows(address)


@pytest.mark.parametrize("address", ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"))
def test_what_is_public_is_allowed(address: str) -> None:
    assert AddressGuard(WebhookKeys()).allows(address)


def test_a_named_network_is_allowed_and_nothing_beside_it() -> None:
    guard = AddressGuard(WebhookKeys(allow_networks=("10.1.0.0/16", "fd00::/8")))
    assert guard.allows("10.1.2.3") and guard.allows("::ffff:10.1.2.3") and guard.allows("fd00::1")
    assert not guard.allows("10.2.0.1") and not guard.allows("127.0.0.1")


def test_what_is_no_network_is_no_configuration() -> None:
    with pytest.raises(ValueError, match=r"10\.1\.0\.0/99"):
        AddressGuard(WebhookKeys(allow_networks=("10.1.0.0/99",)))


@pytest.mark.parametrize(
    "url",
    (
        "http://shop.example/",
        "ftp://shop.example/",
        "//shop.example/",
        "shop.example",
        "https://",
        "https:///path",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://shop.example/a b",
        "https://shop.example\\@evil.example/",
        "https://shop.exämple/",
        "https://shop.example/\n",
        "https://" + "a" * 300 + ".example/",
        "https://shop.example/" + "a" * 2_048,
    ),
)
def test_a_url_that_no_endpoint_may_have_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        AddressGuard(WebhookKeys()).check_url(url)


def test_a_sandbox_takes_its_own_machine_over_http() -> None:
    guard = AddressGuard(SANDBOX)
    for url in (
        "http://127.0.0.1:9000/hooks",
        "http://localhost/",
        "http://[::1]:8000/",
        "https://shop.example/hooks?a=b",
    ):
        guard.check_url(url)
    with pytest.raises(UrlRefused, match="not public"):
        guard.check_url("http://10.0.0.1/")


def test_a_socket_is_made_for_an_allowed_address_alone() -> None:
    guard = AddressGuard(WebhookKeys(allow_networks=("127.0.0.0/8",)))
    made = guard.socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)))
    assert made.getblocking() is False
    made.close()
    with pytest.raises(AddressRefused):
        guard.socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 1)))
