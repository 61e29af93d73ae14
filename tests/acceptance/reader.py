"""A reader who types a page of docs/ from its top to its end, in one shell and one Python."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.acceptance.running import RunningSwitch, environment, free_port
from tests.pages import ROOT, Block, Expected

SWITCH: Final = "http://127.0.0.1:8080"
RECEIVER: Final = "8099"
"""Where pages have their switch, and a server of their own; those of a test have ports that are free."""
PROBLEM: Final = '"type":"/problems/'
"""What curl prints and takes for success: no page shows it without saying so."""
_PYTHON: Final = """
import sys
names = {"__name__": "__main__"}
for line in sys.stdin:
    path, mark = line.split()
    exec(compile(open(path).read(), path, "exec"), names)
    print(mark, flush=True)
"""


class _Process:
    """Reads names of files to run, one a line, with a mark to print when it is through."""

    def __init__(self, command: list[str], folder: Path, variables: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, env=variables, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, line: str, mark: str) -> tuple[str, bool]:
        """What was printed, and whether all of it ran."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()
        printed = ""
        for got in self._process.stdout:
            if got.rstrip().endswith(mark):
                return printed + got.rstrip().removesuffix(mark), True
            printed += got
        return printed, False

    def end(self) -> None:
        """With what was left running in the background."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class Reader:
    """Types blocks into a folder of its own, which has the switch's `data` as a clone has, and `shardpay` as the client that is
    installed."""

    def __init__(self, folder: Path, switch: RunningSwitch) -> None:
        self._folder = folder
        self._places = {SWITCH: switch.url, RECEIVER: str(free_port())}
        self._expected = Expected()
        installed = folder / ".installed"
        installed.mkdir()
        (installed / "shardpay").symlink_to(ROOT / "switch" / "client")
        (folder / "data").symlink_to(switch.data)
        variables = environment(
            SHARDPAY_URL=switch.url, SHARDPAY_API_KEY=(switch.data / "sample.key").read_text().strip()
        )
        variables["PYTHONPATH"] = os.pathsep.join((variables["PYTHONPATH"], str(ROOT), str(installed)))
        variables["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), variables["PATH"]))
        self._shell = _Process(["bash"], folder, variables)
        self._python: _Process | None = None
        self._number = 0
        self._shell.run("set -aeuo pipefail; echo begun\n", "begun")

    def take(self, block: Block) -> None:
        """Type it, or write it into its file; what it prints must be what the page says."""
        text = block.text
        for written, here in self._places.items():
            text = text.replace(written, here)
        if block.file:
            (self._folder / block.file).write_text(text, encoding="utf-8")
            return
        printed, done = self._typed(block.language, text)
        assert done, f"line {block.line} fails:\n{block.text}\n{printed}"
        assert block.printed is not None or PROBLEM not in printed, f"line {block.line}:\n{block.text}\n{printed}"
        if block.printed is not None:
            assert self._expected.fits(block.printed, printed), f"line {block.line}:\n{block.text}\nprints:\n{printed}"

    def _typed(self, language: str, text: str) -> tuple[str, bool]:
        self._number += 1
        mark = f"mark-{secrets.token_hex(8)}"
        file = self._folder / f".block-{self._number}"
        file.write_text(text, encoding="utf-8")
        if language == "sh":
            return self._shell.run(f"source ./{file.name} < /dev/null; echo {mark}\n", mark)
        if self._python is None:
            self._python = _Process([sys.executable, "-c", _PYTHON], self._folder, self._variables())
        return self._python.run(f"{file} {mark}\n", mark)

    def _variables(self) -> dict[str, str]:
        """Those of the shell as it is now."""
        kept = self._folder / ".variables"
        self._shell.run(f"env -0 > {kept}; echo kept\n", "kept")
        return dict(each.split("=", 1) for each in kept.read_text().split("\0") if each)

    def end(self) -> None:
        for process in (self._shell, self._python):
            if process is not None:
                process.end()
