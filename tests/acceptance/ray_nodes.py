"""A Ray cluster of several nodes on this machine."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.acceptance.running import ROLES, free_port

OBJECT_STORE_BYTES = 80 << 20
STARTED_WITHIN_S = 60
WITHOUT_TOKEN = {"RAY_AUTH_MODE": "disabled"}
"""Where the home folder has a token, a first node of Ray asks for it and those that join do not send it."""


class RayNodes:
    """Nodes of Ray on this machine, each a raylet with its workers; the first holds the GCS."""

    def __init__(self, place: Path, nodes: int, processors: int = 4, jobs_port: int | None = None) -> None:
        """`jobs_port`: where the first one takes jobs."""
        self._processors = processors
        self.jobs_url = f"http://127.0.0.1:{jobs_port}"
        self.address = f"127.0.0.1:{free_port()}"
        self._starters: list[subprocess.Popen[bytes]] = []
        self._output = place.with_name(f"{place.name}-start.log")
        head = [
            "--head",
            f"--port={self.address.partition(':')[2]}",
            f"--temp-dir={place}",
            "--include-dashboard=false" if jobs_port is None else "--include-dashboard=true",
            *([] if jobs_port is None else [f"--dashboard-port={jobs_port}"]),
        ]
        try:
            self._start([*head, "--disable-usage-stats"])
            for _ in range(nodes - 1):
                self.join()
        except BaseException:
            self.end()
            raise

    def join(self) -> None:
        """One more node."""
        self._start([f"--address={self.address}"])

    def _start(self, options: list[str]) -> None:
        sizes = [
            f"--num-cpus={self._processors}",
            f"--object-store-memory={OBJECT_STORE_BYTES}",
            "--node-ip-address=127.0.0.1",
        ]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options, *sizes]
        with self._output.open("ab") as output:
            starter = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, env={**os.environ, **WITHOUT_TOKEN}
            )
        self._starters.append(starter)
        deadline = time.monotonic() + STARTED_WITHIN_S
        while starter.poll() is None and not any("raylet" in line.partition(" ")[0] for line in _lines_of(starter)):
            assert time.monotonic() < deadline, f"Ray does not start: {self._output.read_text()}"
            time.sleep(0.2)
        assert starter.poll() is None, f"Ray does not start: {self._output.read_text()}"

    def actors(self) -> list[dict[str, int]]:
        """How many of each role run on each node that is left."""
        counts = []
        for starter in self._starters:
            if starter.poll() is not None:
                continue
            lines = _lines_of(starter)
            roles = ("shard", "scorer", "front door")
            counts.append({role: sum(line.startswith(ROLES[role]) for line in lines) for role in roles})
        return counts

    def kill(self, number: int) -> None:
        """All processes of a node at once."""
        starter = self._starters[number]
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [psutil.Process(starter.pid), *psutil.Process(starter.pid).children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        starter.wait(10)

    def end(self) -> None:
        """The first node last: it holds the GCS."""
        for number in reversed(range(len(self._starters))):
            self.kill(number)


def _lines_of(starter: "subprocess.Popen[bytes]") -> list[str]:
    """Command lines of what runs on a node; a process that ends meanwhile is left out."""
    lines = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(starter.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                lines.append(" ".join(process.cmdline()))
    return lines
