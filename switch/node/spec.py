"""What the supervisor sends to the node process: settings on its standard input, later signals."""

import signal
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.node.settings import Settings

LEAVE_SIGNAL: Final = signal.SIGUSR1
"""Front doors shall answer /readyz with 503. SIGTERM follows, and drains."""


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Settings, and what was found out about the database. `supervisor`: pid of the process without which the node ends."""

    settings: Settings
    url: str
    secret: bytes
    shards: int
    supervisor: int


def encode_spec(spec: NodeSpec) -> bytes:
    """A spec as bytes."""
    return msgspec.msgpack.encode(spec, enc_hook=str)


def decode_spec(data: bytes) -> NodeSpec:
    """A spec from `encode_spec`."""
    return msgspec.msgpack.decode(data, type=NodeSpec, dec_hook=_decode)


def _decode(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(value)
    raise NotImplementedError(kind)
