"""The process that writes checkpoints, at low priority.

Compressing gigabytes beside the interpreter that makes payments held it up, and taking and returning so much memory stopped it for a
second.

Its standard input says what it is to write; the bytes come through a pipe from whoever keeps them (`actors.checkpoint.fork`). When
these end too early, because the shard died, it ends and leaves no checkpoint.
"""

import math
import os
import subprocess
import sys
from typing import Final

import msgspec

from actors.checkpoint.file import About, CheckpointStore, decode_forms, encode_forms
from actors.checkpoint.fork import ForkSnapshot
from actors.process.tuning import NICENESS

TIMEOUT_S: Final = 600.0
"""And what its bytes take. On a machine that is busy with payments it gets what they leave."""
BYTES_PER_S_MIN: Final = 10_000_000
"""A fiftieth of what an idle machine writes: a ledger of 100 GB that needs an hour must not try again for ever."""


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    base: str
    shard: int
    about: About
    forms: bytes
    source: int


def write_apart(store: CheckpointStore, about: About, kept: ForkSnapshot) -> None:
    """Write a checkpoint of a forked snapshot, and let go of that; blocks. Raises OSError when that could not be done."""
    asked = _Request(
        base=store.base, shard=store.shard, about=about, forms=encode_forms(kept.forms), source=kept.source
    )
    command = [sys.executable, "-m", "actors.checkpoint.writer"]
    size = sum(form.dtype.itemsize * math.prod(form.shape) for form in kept.forms.values())
    limit_s = TIMEOUT_S + size / BYTES_PER_S_MIN
    try:
        done = subprocess.run(
            command,
            input=msgspec.msgpack.encode(asked),
            pass_fds=[kept.source],
            stderr=subprocess.PIPE,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"no checkpoint within {limit_s:.0f} s") from None
    finally:
        kept.close()
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(f"writing it ended with {done.returncode}: {complaint}")


def main() -> None:
    """Entry point of the process."""
    os.nice(NICENESS)
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Request)
    with open(asked.source, "rb") as source:
        CheckpointStore(asked.base, asked.shard).write(asked.about, decode_forms(asked.forms), source)


if __name__ == "__main__":
    main()
