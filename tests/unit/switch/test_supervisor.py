"""What keeps `serve` from beginning."""

import socket
from collections.abc import Iterator

import pytest

from switch.supervisor import CannotServe, check_port


@pytest.fixture
def shared() -> Iterator[socket.socket]:
    """A port on which somebody listens who would share it, as front doors do."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def test_a_port_on_which_another_switch_listens_is_refused(shared: socket.socket) -> None:
    port = shared.getsockname()[1]
    with pytest.raises(CannotServe, match=f"port {port} of 127.0.0.1 cannot be used: Address already in use"):
        check_port("127.0.0.1", port)


def test_a_port_that_was_left_is_free(shared: socket.socket) -> None:
    port = shared.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)), shared.accept()[0]:
        pass
    shared.close()
    check_port("127.0.0.1", port)
