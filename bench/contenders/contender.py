"""A contender: started for its round and stopped after it.

None pays for another that idles; its data stay between rounds.
"""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

PORTS: Final = range(19_000, 19_100)
"""Below the ports that the kernel gives to outgoing connections, so one that is free stays free until it is used."""
READY_TIMEOUT_S: Final = 180.0
STOP_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.01


class Contender(Protocol):
    """What `single` measures."""

    name: str
    port: int
    key: str

    def start(self) -> None:
        """Ready for requests on `port` when it returns."""

    def stop(self) -> None:
        """End all of its processes."""

    def roots(self) -> list[int]:
        """Processes from which all of its processes descend."""

    def wallets(self) -> list[str]:
        """Ids of funded wallets; called while it runs."""

    def check(self, paid: int) -> dict[str, Any]:
        """Look at what it stored, while it does not run: at least so many payments, and no money made. Raises RuntimeError."""


def free_port() -> int:
    """A loopback port that nobody listens on, drawn at random: front doors share a port with whoever else would, so two benchmarks that
    began together on the first free one would get each other's requests."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port from {PORTS.start} to {PORTS.stop - 1}")


def spawn(arguments: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `python ARGUMENTS`, its output in a file."""
    with open(log, "ab") as output:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Ask a process to end, then make it."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_ready(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Poll until the path answers 200. Raises RuntimeError when the process ends first, or when it takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if call(port, "GET", path)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(POLL_S)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    raise RuntimeError(f"process {process.pid} is not ready; the end of {log}:\n{tail}")


def call(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """One HTTP call: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise OSError(repr(error)) from error
    finally:
        connection.close()


def call_json(port: int, path: str, key: str, value: Any, more: dict[str, str] | None = None) -> Any:
    """POST JSON, with more headers. Raises RuntimeError unless the answer is a success."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **(more or {})}
    status, body = call(port, "POST", path, json.dumps(value).encode(), headers)
    if status >= 300:
        raise RuntimeError(f"POST {path}: {status} {body[:300]!r}")
    return json.loads(body)
