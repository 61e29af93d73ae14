"""Where a switch listens."""

import errno
import os
import socket

import pytest

from switch.cli.sample import first_payment
from switch.node.listening import (
    BOOTSTRAP_KEY_MIN,
    CannotServe,
    bare_host,
    base_url,
    check_key,
    check_port,
    is_loopback,
)

IDS = {"sample:alice": "a", "sample:shop": "b"}


def test_an_ipv6_address_is_in_brackets_in_a_url_and_bare_for_sockets() -> None:
    assert base_url("127.0.0.1", 8080) == "http://127.0.0.1:8080"
    assert base_url(bare_host("[::1]"), 8080) == base_url("::1", 8080) == "http://[::1]:8080"
    assert base_url("fe80::1%eth0", 80) == "http://[fe80::1%eth0]:80"


def test_brackets_are_quoted_where_a_shell_would_take_them_for_a_pattern() -> None:
    assert "curl -s 'http://[::1]:80/v1/transfers' " in first_payment("http://[::1]:80", "key", IDS)
    assert "curl -s http://127.0.0.1:80/v1/transfers " in first_payment("http://127.0.0.1:80", "key", IDS)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0:0:0:0:0:0:0:1", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "2001:db8::1", "fe80::1%eth0", "bank.example")],
)
def test_only_addresses_that_no_other_machine_reaches_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_port_of_an_ipv6_address_that_is_taken_is_refused() -> None:
    with socket.socket(socket.AF_INET6) as listening:
        listening.bind(("::1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with pytest.raises(CannotServe, match=f"port {port} of ::1 cannot be used: {os.strerror(errno.EADDRINUSE)}"):
            check_port("::1", port)


def test_a_host_that_is_nowhere_is_named() -> None:
    with pytest.raises(CannotServe, match=r"^--host 999\.1\.1\.1: no such address"):
        check_port("999.1.1.1", 8080)
    with pytest.raises(CannotServe, match=r"port 8080 of 192\.0\.2\.1 cannot be used"):
        check_port("192.0.2.1", 8080)


def test_beyond_loopback_a_key_that_can_be_guessed_is_refused() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        check_key("k", host)
    for host in ("0.0.0.0", "::", "10.0.0.1"):
        check_key(None, host)
        check_key("k" * BOOTSTRAP_KEY_MIN, host)
        with pytest.raises(CannotServe, match="SHARDPAY_API_KEY has 15 characters: beyond loopback use 16"):
            check_key("k" * (BOOTSTRAP_KEY_MIN - 1), host)
