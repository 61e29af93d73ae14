"""`serve --host ::1` is ready, with a sample and a command that pays; SIGTERM is followed by a grace, then by the drain."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

GRACE_S = 2.0
READY_WITHIN_S = 120.0


def _free_port() -> int:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        port: int = listener.getsockname()[1]
        return port


def _status(url: str) -> tuple[int, str]:
    """Of a GET on a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def _printed_command(output: Path, process: "subprocess.Popen[bytes]") -> str:
    """The first payment that `serve --sample` prints, for a shell."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        text = output.read_text()
        if "Ctrl-C drains" in text:
            return text[text.index("curl ") :].partition("\n\n")[0]
        time.sleep(0.1)
    raise AssertionError(output.read_text())


def _pay(command: str) -> None:
    done = subprocess.run(command, shell=True, capture_output=True, check=True, timeout=10)
    assert b'"posted"' in done.stdout, done.stdout


@pytest.mark.slow
def test_serve_on_ipv6_makes_its_sample_and_is_not_ready_before_it_refuses_connections(tmp_path: Path) -> None:
    port, output = _free_port(), tmp_path / "output"
    command = [sys.executable, "-m", "switch", "serve", "--sample", "--host", "::1", "--port", str(port)]
    command += ["--data", str(tmp_path / "data"), "--drain-grace", str(GRACE_S)]
    environment = {name: value for name, value in os.environ.items() if name != "SHARDPAY_API_KEY"}
    with open(output, "wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment, start_new_session=True)
    try:
        curl = _printed_command(output, process)
        url = f"http://[::1]:{port}"
        assert f"Shardpay is ready on {url}" in output.read_text() and f"{url}/v1/transfers" in curl
        _pay(curl)

        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while _status(f"{url}/readyz")[0] == 200:
            assert time.monotonic() - began < GRACE_S / 2, "ready for half of the grace"
        assert "stopping" in _status(f"{url}/readyz")[1]
        assert _status(f"{url}/healthz")[0] == 200
        _pay(curl.replace("my-first-payment", "another"))
        assert time.monotonic() - began < GRACE_S, "too late to prove anything"

        assert process.wait(60) == 0 and time.monotonic() - began >= GRACE_S
        with pytest.raises(urllib.error.URLError):
            _status(f"{url}/healthz")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
