"""A caller that asks and does not read what it gets."""

import asyncio
import contextlib
import socket


class Asleep:
    """A caller that asks and reads nothing."""

    def __init__(self, port: int, requests: bytes) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(requests)
        self._socket.setblocking(False)

    async def is_hung_up_on(self) -> None:
        """Read what there is, to the end."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(60):
                while await loop.sock_recv(self._socket, 1 << 20):
                    pass
        self.close()

    def close(self) -> None:
        """Go away."""
        self._socket.close()
