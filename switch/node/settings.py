"""Settings of a switch, checked once and passed down.

Nothing below reads the environment or the command line.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from pyarrow import ArrowInvalid
from pyarrow.fs import FileSystem

from actors.ledger.bounds import HOLD_SECONDS_MAX, REVIEW_SECONDS, Capacity
from rules.scenarios.law import CreditKeys
from switch.api.four_eyes import FourEyes
from switch.fairness.rates import RequestLimits
from switch.http.tls import TlsFiles
from switch.tracing.settings import TracingKeys, check_installed
from switch.webhooks.addresses import AddressGuard, WebhookKeys

TAKEOVER_AFTER_S: Final = 12.0
"""Silence of a shard's process after which another takes its shard; a process that was stopped for 8 s ends itself."""

DRAIN_GRACE_S: Final = 3.0
"""A load balancer that asks every second, and believes the second refusal, has stopped sending by then."""

Tier = Annotated[int, msgspec.Meta(ge=0, le=255)]
DailyLimit = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`database` None: an embedded PostgreSQL below `data`. `shards` None: as many as the database was made for, else one for
    two cores. `scorers` 0: payments are not scored. `checkpoints` None: below `data`, else a URI that pyarrow.fs understands.
    `front_doors` None: one, on a given Ray cluster one a node. `keys_configured`: whether
    `capacity.keys` was given; else it is what there is memory for. `drain_grace_s`: between SIGTERM and the drain. `tls` None: HTTP."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    shards: int | None = None
    scorers: int = 1
    front_doors: int | None = None
    database: str | None = None
    ray: str | None = None
    bootstrap_key: str | None = None
    daily_limits: dict[int, int] = {}
    review_expires_in_s: int = REVIEW_SECONDS
    capacity: Capacity = Capacity()
    keys_configured: bool = False
    allow_unsafe: bool = False
    checkpoints: str | None = None
    drain_grace_s: float = DRAIN_GRACE_S
    test_currencies: bool = False
    bench_reports: str | None = None
    tls: TlsFiles | None = None
    requests: RequestLimits = RequestLimits()
    credit: CreditKeys = CreditKeys()
    webhooks: WebhookKeys = WebhookKeys()
    controls: FourEyes = FourEyes()
    tracing: TracingKeys = TracingKeys()


class ConfigFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TOML file of `serve --config`. `daily_limits`: tier -> minor units a day; `review_expires_in`: seconds until a payment that
    no analyst has answered is declined; `test_currencies`: wallets may be opened in XTS and XXX; `credit`: clocks and retention of
    credit records; `webhooks`: where webhooks may go beside public addresses; `controls`: whether changes need a second account;
    `tracing`: spans to a collector of OpenTelemetry; `bench_reports`: a folder of results of `shardpay bench`, to be shown."""

    daily_limits: dict[Tier, DailyLimit] = {}
    review_expires_in: Annotated[int, msgspec.Meta(ge=1, le=HOLD_SECONDS_MAX)] = REVIEW_SECONDS
    capacity: Capacity = Capacity()
    allow_unsafe_database: bool = False
    checkpoints: str | None = None
    test_currencies: bool = False
    bench_reports: str | None = None
    requests: RequestLimits = RequestLimits()
    credit: CreditKeys = CreditKeys()
    webhooks: WebhookKeys = WebhookKeys()
    controls: FourEyes = FourEyes()
    tracing: TracingKeys = TracingKeys()


class Configuration(ConfigFile, frozen=True, kw_only=True):
    """What was read from a file. `keys_configured`: whether it says `capacity.keys`."""

    keys_configured: bool = False


def read_config(path: Path) -> Configuration:
    """Read a configuration file. Raises ValueError with what is wrong in it."""
    try:
        read = tomllib.loads(path.read_text())
        config = msgspec.convert(read, ConfigFile, str_keys=True)
        AddressGuard(config.webhooks)
        check_installed(config.tracing)
        _check_checkpoints(config.checkpoints)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    for name in read.get("capacity", {}):
        if name not in Capacity.__struct_fields__:
            raise ValueError(f"{path}: capacity has no {name}; there are {', '.join(Capacity.__struct_fields__)}")
    for name, room in msgspec.structs.asdict(config.capacity).items():
        if room < 0:
            raise ValueError(f"{path}: capacity.{name} is less than nothing")
    for name in ("segments", "segment_map"):
        if getattr(config.capacity, name) == 0:
            raise ValueError(f"{path}: capacity.{name} has no room for the operator's segment")
    return Configuration(**_fields(config), keys_configured="keys" in read.get("capacity", {}))


def _check_checkpoints(uri: str | None) -> None:
    """Raises ValueError for what is no place for checkpoints; none is below the data. Of S3, pyarrow would ask the network."""
    place = urlsplit(uri or "")
    if not uri or (place.scheme == "s3" and place.netloc):
        return
    try:
        FileSystem.from_uri(uri)
    except ArrowInvalid as error:
        possible = "a URI such as file:///path, s3://bucket/path or gs://bucket/path"
        raise ValueError(f"checkpoints: {uri!r} is not {possible}: {error}") from None


def _fields(config: ConfigFile) -> dict[str, Any]:
    return {name: getattr(config, name) for name in ConfigFile.__struct_fields__}


def log_dir(data: Path) -> Path:
    """Where the processes of a switch write their logs."""
    return data / "log"
