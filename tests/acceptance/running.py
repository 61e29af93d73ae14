"""A real switch for acceptance tests: `shardpay serve` as a user would start it, its processes found by what they are called."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

KEY = "sp_acceptance_key_with_every_scope"
ROLES = {
    "shard": "ray::ShardActor",
    "scorer": "ray::ScoringActor",
    "front door": "ray::FrontDoorActor",
    "webhook sender": "ray::WebhookActor",
    "raylet": "raylet",
    "gcs": "gcs_server",
}


REPLACED_WITHIN_S = 60.0
AS_INSTALLED = Path(__file__).parents[1] / "as_installed"
"""What PyArrow and Numba load where they find it: half a second for each process of a switch, which has neither where it is installed."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """Of a process of ours, as where it is installed."""
    path = os.pathsep.join(filter(None, (str(AS_INSTALLED), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}


def shardpay(*arguments: str, timeout_s: float = 300.0) -> "subprocess.CompletedProcess[str]":
    """Run a command of ours to its end."""
    command = [sys.executable, "-m", "switch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment())


class RunningSwitch:
    """One `shardpay serve`; `start` may be called again after it was killed."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 120.0) -> None:
        """Start and wait until it takes payments."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "switch", "serve", "--data", str(self.data), "--port", str(self.port)]
        with open(self.data / "serve-output.log", "ab") as output:
            self._process = subprocess.Popen(
                [*command, *self._options],
                stdout=output,
                stderr=output,
                env=environment(SHARDPAY_API_KEY=KEY),
                start_new_session=True,
            )
        self.wait_ready(timeout_s)

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Wait until /readyz says so."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(f"serve ended: {(self.data / 'serve-output.log').read_text()}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=3) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not ready after {timeout_s} s: {(self.data / 'serve-output.log').read_text()}")

    def processes(self) -> list[psutil.Process]:
        """Everything that this switch consists of."""
        assert self._process is not None
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            serve = psutil.Process(self._process.pid)
            found = [serve, *serve.children(recursive=True)]
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(self.postmaster())
            found.extend(found[-1].children())
        return list(dict.fromkeys(found))

    def postmaster(self) -> psutil.Process:
        """The PostgreSQL server."""
        try:
            pid = int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])
        except FileNotFoundError:
            raise psutil.NoSuchProcess(0) from None
        return psutil.Process(pid)

    def find(self, role: str) -> list[psutil.Process]:
        """Processes of a role: a key of ROLES, "node", "serve" or "postgres"."""
        assert self._process is not None
        if role == "serve":
            return [psutil.Process(self._process.pid)]
        if role == "postgres":
            return [self.postmaster()]
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                line = process.cmdline()
                if role == "node" and "switch.node.node" in line:
                    found.append(process)
                elif role != "node" and line and Path(line[0].split()[0]).name.startswith(ROLES[role]):
                    found.append(process)
        return found

    def kill(self, role: str) -> list[int]:
        """`kill -9` one process of a role, or with "everything" all of them; gives the pids."""
        victims = self.processes() if role == "everything" else self.find(role)[:1]
        deadline = time.monotonic() + REPLACED_WITHIN_S
        while not victims and time.monotonic() < deadline:  # the one killed before is still being replaced
            time.sleep(0.1)
            victims = self.find(role)[:1]
        assert victims, f"no process is a {role}"
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        if role in ("everything", "serve"):
            assert self._process is not None
            self._process.wait(10)
        return [victim.pid for victim in victims]

    def stop(self) -> None:
        """Ctrl-C, and wait for the drain."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        leftovers = self.processes()
        for process in leftovers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait(10)
        psutil.wait_procs(leftovers, timeout=10)
        from actors.process.ray_cluster import sweep

        sweep(self.data)


def audit_is_clean(switch: RunningSwitch) -> None:
    """Stop it; nothing in its journal contradicts anything else."""
    switch.stop()
    audit = shardpay("audit", "--data", str(switch.data), "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr


@contextlib.contextmanager
def running_switch(data: Path, *options: str) -> Iterator[RunningSwitch]:
    """A started switch that is gone afterwards."""
    switch = RunningSwitch(data, *options)
    try:
        switch.start()
        yield switch
    finally:
        switch.end()
