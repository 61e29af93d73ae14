"""An S3 server on this machine, from a package, that a test may stop for a while."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from actors.rescore.output import INPUTS
from actors.storage.place import folder_at
from tests.acceptance.running import free_port

BUCKET = "bureau"
START_S = 30.0


class ObjectStore:
    """A process that keeps objects below `place`, with one bucket."""

    def __init__(self, place: Path) -> None:
        self._place, self._port = place, free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start it, again too: the objects are there."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localbucket", str(self._place), "--port", str(self._port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while not self._has(BUCKET):
            assert self._process.poll() is None and time.monotonic() < deadline, "the S3 server does not start"
            time.sleep(0.02)

    def _has(self, bucket: str) -> bool:
        """Whether it answers, with the bucket made."""
        request = urllib.request.Request(f"{self.url}/{bucket}", method="PUT", data=b"")
        try:
            with urllib.request.urlopen(request, timeout=START_S):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 409
        except (urllib.error.URLError, ConnectionError):
            return False

    def environment(self) -> dict[str, str]:
        """What clients read."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DISABLE_BULK_DELETE": "true",
        }

    def pause(self) -> None:
        """It answers nothing, and keeps its connections."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """At once: connections break, and no others are taken."""
        self._process.kill()
        self._process.wait()


def upload(folder: Path, url: str) -> str:
    """Every file below, under the same names; the URL."""
    there = folder_at(url)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            there.write(path.relative_to(folder).as_posix(), path.read_bytes())
    return url


def objects_of(url: str) -> dict[str, bytes]:
    """Every object below, by its name, but the one that says when inputs were changed."""
    folder = folder_at(url)
    return {each.name: folder.read(each.name) for each in folder.files() if each.name != INPUTS}
