"""A process of its own that plays a client: a load, or who publishes scores.

It leads a session, as on a machine of its own: Linux shares the processors between sessions first, so what one client does takes
nothing from what another measures. `python -m MODULE` reads what to do from its input, prints `ready`, waits for a line, and ends with
a result.
"""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import msgspec

END_S: Final = 60.0
"""A process that has printed its result ends within this."""
_SIZE_BYTES: Final = 8

Spec = TypeVar("Spec", bound=msgspec.Struct)
Result = TypeVar("Result", bound=msgspec.Struct)


class ClientProcess(Generic[Result]):
    """A process of `module` that is ready to begin with `spec`; `result`: type of what it ends with. Raises RuntimeError when it ends
    without."""

    def __init__(self, module: str, spec: msgspec.Struct, result: type[Result]) -> None:
        self._module, self._result = module, result
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.pid: int = self._process.pid
        data = msgspec.msgpack.encode(spec)
        self._send(len(data).to_bytes(_SIZE_BYTES, "little") + data)
        line = self._read()
        if line.strip() != b"ready":
            raise RuntimeError(f"{module} answered {line!r} in place of 'ready'")

    def run(self) -> Result:
        """Start the clock; returns when it has ended."""
        self._send(b"go\n")
        return msgspec.json.decode(self._read(), type=self._result)

    def terminate(self) -> None:
        """End it before its time: nobody waits for a result, and the terminal's Ctrl-C does not reach another session."""
        self._process.terminate()

    def close(self) -> None:
        """Let the process end, and wait for that."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()

    def _send(self, data: bytes) -> None:
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _read(self) -> bytes:
        try:
            line: bytes = self._process.stdout.readline()
        except BaseException:
            self.terminate()
            raise
        if not line:
            raise RuntimeError(f"{self._module} ended with code {self._process.wait()}")
        return line


def play(spec: type[Spec], prepare: Callable[[Spec], Callable[[], msgspec.Struct]]) -> None:
    """Entry point of such a process: `prepare` makes what runs when the clock starts, and gives the result."""
    size = int.from_bytes(sys.stdin.buffer.read(_SIZE_BYTES), "little")
    run = prepare(msgspec.msgpack.decode(sys.stdin.buffer.read(size), type=spec))
    print("ready", flush=True)
    if sys.stdin.buffer.readline() == b"go\n":
        print(msgspec.json.encode(run()).decode(), flush=True)
        sys.stdin.buffer.read()
