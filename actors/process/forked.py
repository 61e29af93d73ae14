"""Children that begin with all that they import: copies of one process that has, and waits for work.

An interpreter that imports a compiler takes two seconds of processor time, a copy of one that has takes milliseconds. The process that
waits begins with the first child, or before when that is expected; it ends with its parent, however that ends, and when nobody has wanted a
child for a while.
"""

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import socket
import subprocess
import sys
import traceback
from types import ModuleType
from typing import Final, NamedTuple

IDLE_S: Final = 60.0
"""A process that waits holds some 100 MB: whoever publishes three packs waits for one, and nothing is held overnight."""
TRIES: Final = 2
"""The process that waits may end, since nobody wanted it, at the moment when somebody does."""
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1"}
"""A copy has only the thread that made it: what others held would stay locked."""


class Child(NamedTuple):
    """A child that runs; the streams lead to its standard input and output."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    handle: int

    def end(self) -> None:
        """Kill it, unless it has ended, and close the streams."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        os.close(self.handle)
        self.writer.close()


class Forks:
    """Starts children that run `main` of a module. Its `prepare` runs once in the process that they are copies of."""

    def __init__(self, module: str, *, executable: str = sys.executable, idle_s: float = IDLE_S) -> None:
        self._command = [executable, "-m", "actors.process.forked", module, str(idle_s)]
        self._waiting: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def waits(self) -> int | None:
        """The process that waits, None before the first child."""
        return None if self._waiting is None else self._waiting.pid

    def get_ready(self) -> None:
        """Have the process that waits begin, if there is none, so that the next child is there at once."""
        if self._waiting is not None and self._waiting.poll() is not None:
            self.close()
        if self._control is None:
            self._control, end = socket.socketpair()
            with end:
                self._waiting = subprocess.Popen(self._command, stdin=end.fileno(), env={**os.environ, **_ONE_THREAD})

    async def start(self, limit: int) -> Child | None:
        """A new child, whose lines have at most `limit` bytes; None when it ended before it began. Cancelled, it leaves none."""
        for _ in range(TRIES):
            ours, theirs = socket.socketpair()
            with theirs:
                self._ask_for(theirs)
            asked = self._waiting
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=limit)
            line = b""
            try:
                line = await reader.readline()
            finally:
                if not line:  # who waits has ended, or is not trusted to be on its way any more
                    writer.close()
                    if self._waiting is asked:
                        self.close()
            if line:
                return Child(reader, writer, os.pidfd_open(int(line)))
        return None

    def close(self) -> None:
        """End the process that waits; children go on."""
        if self._control is not None:
            self._control.close()
        if self._waiting is not None:
            self._waiting.kill()
            self._waiting.wait()
        self._control = self._waiting = None

    def _ask_for(self, theirs: socket.socket) -> None:
        self.get_ready()
        assert self._control is not None, "it waits"
        with contextlib.suppress(OSError):  # it has ended: nobody answers, as `start` sees
            socket.send_fds(self._control, [b"+"], [theirs.fileno()])


# The process that waits, and its copies.


def _begin(streams: int, module: ModuleType) -> None:
    """Of a copy: become the child."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(streams, 0)
        os.dup2(streams, 1)
        os.close(streams)
        os.write(1, b"%d\n" % os.getpid())
        module.main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Entry point of the process that waits: a byte on its standard input brings the streams of a child."""
    module = importlib.import_module(sys.argv[1])
    module.prepare()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended needs nobody who waits for it
    control = socket.socket(fileno=0)
    control.settimeout(float(sys.argv[2]))
    while True:
        try:
            asked, streams, _, _ = socket.recv_fds(control, 1, 1)
        except TimeoutError:
            break
        if not asked:
            break
        if os.fork() == 0:
            _begin(streams[0], module)
        os.close(streams[0])


if __name__ == "__main__":
    main()
