"""What the supervisor sends to the node process comes back as it was."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.ledger.bounds import Capacity
from rules.scenarios.law import CreditKeys
from switch.fairness.rates import RequestLimits
from switch.http.tls import TlsFiles
from switch.node.settings import Settings
from switch.node.spec import NodeSpec, decode_spec, encode_spec


def spec(**settings: Any) -> NodeSpec:
    made = Settings(**{"data": Path("/var/lib/é shardpay"), **settings})
    return NodeSpec(settings=made, url="postgres:///x", secret=bytes(range(16)), shards=3, supervisor=7)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"database": "postgres://h/d", "ray": "auto", "front_doors": 2, "bootstrap_key": "sp_é"},
        {"daily_limits": {0: 1, 255: 2**62}, "drain_grace_s": 0.5, "capacity": Capacity(keys=7)},
        {"tls": TlsFiles(certificate="/a b.pem", key="/k.pem"), "requests": RequestLimits(reads_per_s=1)},
        {"credit": CreditKeys(law="eu", dispute_days=3), "test_currencies": True, "scorers": 0},
    ],
    ids=str,
)
def test_a_spec_comes_back_as_it_was(settings: dict[str, Any]) -> None:
    sent = spec(**settings)
    received = decode_spec(encode_spec(sent))
    assert received == sent and isinstance(received.settings.data, Path) and received.secret == bytes(range(16))


def test_what_is_no_spec_is_refused() -> None:
    for data in (b"", b"\x80", encode_spec(spec())[:-1], msgspec.msgpack.encode({"settings": 1})):
        with pytest.raises(msgspec.MsgspecError):
            decode_spec(data)
